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
    {name: model.out_of_fold(table, cultivar, n_estimators, folds, seed) for name, table in features.items()},
    names=["features"],
)
predictions.to_csv(product["predictions"])

# %%
scores = pd.DataFrame({name: model.accuracy(predictions.loc[name]) for name in features})
metrics = {
    "wines": len(cultivar),
    "baseline": round(cultivar.value_counts(normalize=True).max(), 4),
    "accuracy": scores.mean().round(4).to_dict(),
}
Path(product["metrics"]).write_text(json.dumps(metrics, indent=2))
scores

# %% [markdown]
# ## The model to keep

# %%
final = model.forest(n_estimators, seed).fit(features["together"], cultivar)
with open(product["model"], "wb") as file:
    pickle.dump(final, file)
