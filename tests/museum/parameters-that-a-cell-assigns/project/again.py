# %% tags=["parameters"]
upstream = None
throws = 3
sides = 6

# %%
sides = int(sides)

# %%
throws = 10
print(throws, sides)
