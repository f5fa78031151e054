# %% tags=["parameters"]
upstream = ["b"]
product = None

