# %% [markdown]
# # Fit
# How well does a random forest know the cultivars by colour, by chemistry, and by both together?
# Every task called `features-…` is one set of features: add another notebook, and it takes part.

# %% tags=["parameters"]
upstream = ["clean", "features-*"]
product = None
n_estimators = 100
folds = 5
seed = 0

# %%
import json
import pickle
from pathlib import Path

import pandas as pd

from wine import model

cultivar = pd.read_csv(upstream["clean"]["data"], index_col="wine")["cultivar"]
features = {
    task.removeprefix("features-"): pd.read_csv(made["data"], index_col="wine")
    for task, made in upstream["features-*"].items()
}
features["together"] = pd.concat(features.values(), axis="columns")

# %% [markdown]
# ## Cross-validation

# %%
predictions = pd.concat(
    {
        name: model.out_of_fold(table, cultivar, n_estimators, folds, seed)
        for name, table in features.items()
    },
    names=["features"],
)
predictions.to_csv(product["predictions"])

# %%
metrics = {"wines": len(cultivar), "baseline": cultivar.value_counts(normalize=True).max()}
for name in features:
    scores = model.accuracy(predictions.loc[name])
    metrics[name] = {"accuracy": scores.mean(), "worst_fold": scores.min()}
Path(product["metrics"]).write_text(json.dumps(metrics, indent=2) + "\n")
metrics

# %% [markdown]
# ## The model to keep

# %%
final = model.forest(n_estimators, seed).fit(features["together"], cultivar)
Path(product["model"]).write_bytes(pickle.dumps(final))
