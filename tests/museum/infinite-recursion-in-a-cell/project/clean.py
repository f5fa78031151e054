# %% tags=["parameters"]
upstream = None
product = None

# %%
def down(n):
    return down(n + 1)


down(1)
