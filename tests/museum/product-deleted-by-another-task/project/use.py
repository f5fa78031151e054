# %% tags=["parameters"]
upstream = ["make", "spoil"]
product = None

# %%
open(upstream['make']['data'])
