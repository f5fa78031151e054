# %% tags=["parameters"]
n = 1
