# %% tags=["parameters"]
upstream = ["claen"]
product = None

