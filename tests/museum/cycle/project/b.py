# %% tags=["parameters"]
upstream = ["a"]
product = None

