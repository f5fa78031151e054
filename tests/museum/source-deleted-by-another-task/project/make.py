# %% tags=["parameters"]
upstream = None
product = None

# %%
import os
os.remove('use.py')
