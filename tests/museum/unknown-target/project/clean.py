# %% tags=["parameters"]
upstream = None
product = None
sample: int = 10
city = "Bern"

# %%
print(sample)
