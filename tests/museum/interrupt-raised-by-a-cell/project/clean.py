# %% tags=["parameters"]
upstream = None
product = None

# %%
raise KeyboardInterrupt
