# %%
throws = 3

# %%
print(throws)
