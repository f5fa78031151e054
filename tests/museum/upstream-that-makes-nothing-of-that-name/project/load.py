# %% tags=["parameters"]
upstream = None
product = None

# %%
open(product['data'], 'w').close()
