# %% tags=["parameters"]
upstream = None
product = None

# %%
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
