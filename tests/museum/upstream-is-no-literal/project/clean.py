# %% tags=["parameters"]
names = ["load"]
upstream = [n for n in names]
product = None
