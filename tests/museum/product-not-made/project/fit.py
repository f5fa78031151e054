# %% tags=["parameters"]
upstream = ["clean"]
product = None

