# %% tags=["parameters"]
upstream = None
product = None

# %%
import no_such_package
