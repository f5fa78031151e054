# %% tags=["parameters"]
upstream = None
product = None

# %%
import csv

# %%
print('cleaning')
rows = [1, 2, 0]
for row in rows:
    print(row)
    inverse = 1 / row
print('done')
