# %% tags=["parameters"]
upstream = ["two words"]
product = None

