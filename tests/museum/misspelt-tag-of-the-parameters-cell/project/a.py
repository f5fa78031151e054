# %% tags=["parameter"]
throws = 3

# %%
print(throws)
