# %% tags=["parameters"]
upstream = ["load"]
product = None

# %%
open(upstream['load']['dta'])
