# %% tags=["parameters"]
upstream = ["with/slash"]
product = None

