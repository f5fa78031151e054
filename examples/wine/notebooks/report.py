# %% [markdown]
# # Can the colour of a wine tell where it comes from?
# Three red wines of Piedmont: Barolo (from the Nebbiolo grape), Grignolino and Barbera. They were measured in
# a laboratory and by their colour; a random forest had to tell which is which.

# %% tags=["parameters"]
upstream = ["clean", "features-colour", "fit"]
product = None

# %%
import json
import pickle
from pathlib import Path

import pandas as pd

from wine import model, plots

cultivar = pd.read_csv(upstream["clean"]["data"], index_col="wine")["cultivar"]
colour = pd.read_csv(upstream["features-colour"]["data"], index_col="wine")
predictions = pd.read_csv(upstream["fit"]["predictions"], index_col=["features", "wine"])
metrics = json.loads(Path(upstream["fit"]["metrics"]).read_text())
forest = pickle.loads(Path(upstream["fit"]["model"]).read_bytes())

# %% [markdown]
# ## What the eye sees

# %%
plots.absorbances(colour, cultivar)

# %% [markdown]
# ## Who recognises the wines

# %%
for name, share in metrics["accuracy"].items():
    print(f"{name:>10}: {share:.0%} of {metrics['wines']} wines")

# %%
names = predictions.index.unique("features")
folds = pd.DataFrame({name: model.accuracy(predictions.loc[name]) for name in names})
plots.accuracies(folds, metrics["baseline"])

# %%
plots.confusions(predictions)

# %% [markdown]
# ## What the forest looks at

# %%
plots.importances(forest, colour.columns)

# %% [markdown]
# ## The wines that fooled it
# By colour and chemistry together, and still wrong.

# %%
together = predictions.loc["together"]
together[together["predicted"] != together["cultivar"]].sort_values("votes", ascending=False)
