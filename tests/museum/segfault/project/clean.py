# %% tags=["parameters"]
upstream = None
product = None

# %%
print('about to crash')

# %%
import ctypes
ctypes.string_at(0)
