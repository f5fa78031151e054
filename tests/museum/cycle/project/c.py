# %% tags=["parameters"]
upstream = ["c"]
product = None

