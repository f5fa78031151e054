# %% tags=["parameters"]
upstream = None
product = None

# %%
import helpers
