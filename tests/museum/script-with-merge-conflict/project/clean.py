# %% tags=["parameters"]
upstream = None
product = None

# %%
<<<<<<< HEAD
n = 1
=======
n = 2
>>>>>>> other
