# %%
print(product)
