"""The classifier and its evaluation."""

import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold


def forest(n_estimators, seed=0):
    """Return an untrained random forest; the same seed grows the same trees."""
    return RandomForestClassifier(n_estimators=n_estimators, random_state=seed)


def out_of_fold(features, cultivar, n_estimators, folds=5, seed=0):
    """Predict each wine by a forest that was trained without it; ``votes`` is how sure the forest was."""
    parts = []
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, cultivar)
    for fold, (known, unknown) in enumerate(splits, start=1):
        trained = forest(n_estimators, seed).fit(features.iloc[known], cultivar.iloc[known])
        votes = pd.DataFrame(
            trained.predict_proba(features.iloc[unknown]),
            index=features.index[unknown],
            columns=trained.classes_,
        )
        best = {"predicted": votes.idxmax(axis="columns"), "votes": votes.max(axis="columns")}
        parts.append(pd.DataFrame({"fold": fold, **best}))
    return pd.concat(parts).join(cultivar).sort_index()


def accuracy(predictions):
    """Return the share of right predictions in each fold."""
    right = predictions["predicted"] == predictions["cultivar"]
    return right.groupby(predictions["fold"]).mean()
