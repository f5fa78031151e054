# %% tags=["parameters"]
upstream = ["make"]
product = None

