# %% tags=["parameters"]
upstream = ["Müller·😀"]
product = None

