# %% tags=["parameters"]
upstream = None
product = None

# %%
import resource
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

# %%
data = bytearray(8 << 30)
