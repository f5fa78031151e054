# %% tags=["parameters"]
upstream = ["features-*"]
product = None

