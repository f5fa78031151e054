# %% [markdown]
# # Clean
# Readable names, no repeated or incomplete rows, and no value that a wine cannot have.

# %% tags=["parameters"]
upstream = ["get"]
product = None

# %%
import pandas as pd

from wine import cleaning

raw = pd.read_csv(upstream["get"], index_col="wine")
table = cleaning.tidy(raw)
print(f"{len(table)} of {len(raw)} wines kept")

# %%
strange = cleaning.implausible(table)
assert strange.empty, f"implausible values:\n{strange}"

# %%
table.groupby("cultivar").mean().T.round(2)

# %%
table.to_csv(product["data"])
