"""The figures of the report; each function draws a new one."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

CULTIVARS = {"Barolo": ("#c4622d", "o"), "Grignolino": ("#e39aa7", "s"), "Barbera": ("#5b1a4f", "^")}
FEATURES = {"colour": "#8e2043", "chemistry": "#717d8a", "together": "#3f434b"}

plt.rcParams.update(
    {
        "figure.constrained_layout.use": True,
        "figure.dpi": 110,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
    }
)


def absorbances(colour, cultivar):
    """Draw each wine by how much yellow and red there is in it."""
    _, axes = plt.subplots(figsize=(7, 4.5))
    for name, (shade, marker) in CULTIVARS.items():
        wines = colour[cultivar == name]
        axes.scatter("yellow", "red", data=wines, label=name, color=shade, marker=marker, edgecolor="white")
    axes.axline((0, 0), slope=1, color="grey", linestyle=":", linewidth=1, label="as red as yellow")
    axes.set(title="The colour of each wine", xlim=(0, None), ylim=(0, None))
    axes.set(xlabel="yellow: absorbance at 420 nm", ylabel="red: absorbance at 520 nm")
    axes.legend(frameon=False, loc="upper left")


def accuracies(folds, baseline):
    """Draw the accuracy by each set of features: a bar for the mean, a dot for each fold."""
    means = folds.mean().sort_values()
    _, axes = plt.subplots(figsize=(7, 1.2 + 0.5 * len(means)))
    axes.barh(means.index, means, color=[FEATURES.get(name, "black") for name in means.index])
    for name, scores in folds.items():
        axes.text(0.02, name, f"{means[name]:.0%}", va="center", color="white", weight="bold")
        axes.scatter(scores, [name] * len(scores), s=16, color="white", edgecolor="black", zorder=3)
    axes.axvline(baseline, color="white", linestyle=":")
    axes.set(title="Wines recognised", xlim=(0, 1.02))
    axes.set_xlabel(f"accuracy (dots: folds; dotted line: always the most frequent, {baseline:.0%})")
    axes.xaxis.set_major_formatter("{x:.0%}")


def confusions(predictions):
    """Draw which cultivar was taken for which, in one square per set of features."""
    names, order = predictions.index.unique("features"), list(CULTIVARS)
    _, squares = plt.subplots(1, len(names), figsize=(3.1 * len(names), 3.4), sharey=True)
    for name, axes in zip(names, squares):
        wines = predictions.loc[name]
        counts = pd.crosstab(wines["cultivar"], wines["predicted"]).reindex(
            index=order, columns=order, fill_value=0
        )
        shares = counts.div(counts.sum(axis="columns"), axis="index")
        axes.imshow(shares, cmap="Reds", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            shade = "white" if shares.iloc[row, column] > 0.5 else "black"
            axes.text(column, row, count, ha="center", va="center", color=shade)
        axes.set(title=name, xlabel="predicted")
        axes.set_xticks(range(len(order)), order, rotation=30, ha="right")
        axes.set_yticks(range(len(order)), order)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    squares[0].set_ylabel("cultivar")


def importances(forest, colour):
    """Draw what a forest relies on; ``colour`` names the features that one can see."""
    weights = pd.Series(forest.feature_importances_, forest.feature_names_in_).sort_values()
    _, axes = plt.subplots(figsize=(7, 0.8 + 0.26 * len(weights)))
    seen = weights.index.isin(colour)
    axes.barh(np.flatnonzero(seen), weights[seen], color=FEATURES["colour"], label="colour")
    axes.barh(np.flatnonzero(~seen), weights[~seen], color=FEATURES["chemistry"], label="all others")
    axes.set_yticks(range(len(weights)), weights.index)
    axes.set(title="What the forest relies on", xlabel="importance (share of the impurity removed)")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.legend(frameon=False, loc="lower right")
