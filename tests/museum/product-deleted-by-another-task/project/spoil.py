# %% tags=["parameters"]
upstream = ["make"]
product = None

# %%
import os
os.remove('output/data.csv')
