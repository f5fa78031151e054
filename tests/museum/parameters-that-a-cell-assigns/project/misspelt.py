# %% tags=["parameter"]
upstream = None
throws = 3

# %%
print(throws)
