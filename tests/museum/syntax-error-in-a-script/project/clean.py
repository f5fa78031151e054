# %% tags=["parameters"]
upstream = None
product = None

# %%
x = 1

# %%
if x = 1:
    print(x)
