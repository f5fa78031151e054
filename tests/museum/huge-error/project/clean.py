# %% tags=["parameters"]
upstream = None
product = None

# %%
raise ValueError('x' * 1_000_000)
