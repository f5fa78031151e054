# %% tags=["parameters"]
upstream = None
product = None

# %%
class TooFewRows(Exception):
    pass


# %%
raise TooFewRows('3 rows, 100 wanted')
