# %% [markdown]
# # Features: chemistry
# What a laboratory can say about a wine.

# %% tags=["parameters"]
upstream = ["clean"]
product = None

# %%
import pandas as pd

from wine import chemistry

table = pd.read_csv(upstream["clean"]["data"], index_col="wine")
features = chemistry.features(table)

# %%
features.groupby(table["cultivar"]).mean().T.round(2)

# %%
features.to_csv(product["data"])
