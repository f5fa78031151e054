# %%
product = None
