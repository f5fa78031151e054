# %% tags=["parameters"]
upstream = None
throws: int = 3

# %%
print(throws)
