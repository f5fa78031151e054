"""The figures of the report."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

COLOURS = {"Barolo": "#b8502e", "Grignolino": "#e39aa7", "Barbera": "#5b1a4f"}
MARKERS = {"Barolo": "o", "Grignolino": "s", "Barbera": "^"}
ACCENT, PLAIN = "#8e2043", "#9aa3ad"

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


def absorbances(features, cultivar):
    """Plot each wine by what it takes from yellow-green and from blue light."""
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, rows in features.groupby(cultivar):
        axes.scatter(
            rows["yellow"], rows["red"], label=name, color=COLOURS[name], marker=MARKERS[name], edgecolor="white"
        )
    axes.axline((0, 0), slope=1, color=PLAIN, linestyle=":", linewidth=1)
    axes.set(
        title="Colour of the wines",
        xlabel="absorbance at 420 nm (yellow)",
        ylabel="absorbance at 520 nm (red)",
        xlim=(0, None),
        ylim=(0, None),
    )
    axes.legend(frameon=False, loc="lower right")
    return figure


def accuracies(folds, baseline):
    """Plot the accuracy by each set of features: a bar for the mean, a dot for each fold."""
    means = folds.mean().sort_values()
    figure, axes = plt.subplots(figsize=(7, 0.9 + 0.55 * len(means)))
    axes.barh(means.index, means, color=[ACCENT if name == means.index[-1] else PLAIN for name in means.index])
    for place, (name, mean) in enumerate(means.items()):
        axes.scatter(folds[name], [place] * len(folds), s=14, color="white", edgecolor="black", linewidth=0.6, zorder=3)
        axes.annotate(f"{mean:.0%}", (1.03, place), va="center", annotation_clip=False)
    axes.axvline(baseline, color="black", linestyle=":", linewidth=1)
    axes.annotate(" always the most frequent", (baseline, len(means) - 0.5), va="bottom", fontsize=8)
    axes.set(title="Wines recognised\n", xlabel="accuracy (dots: folds)", xlim=(0, 1.02))
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return figure


def confusions(predictions, names):
    """Plot how often each cultivar was taken for which, one square per set of features."""
    figure, squares = plt.subplots(1, len(names), figsize=(3.3 * len(names), 3.6), sharey=True)
    order = list(COLOURS)
    for name, axes in zip(names, squares):
        rows = predictions.loc[name]
        counts = pd.crosstab(rows["cultivar"], rows["predicted"]).reindex(index=order, columns=order, fill_value=0)
        axes.imshow(counts, cmap="Reds", vmin=0, vmax=counts.to_numpy().max())
        for (row, column), count in np.ndenumerate(counts):
            dark = count > counts.to_numpy().max() / 2
            axes.text(column, row, count, ha="center", va="center", color="white" if dark else "black")
        axes.set(title=name, xticks=range(len(order)), yticks=range(len(order)), xlabel="predicted")
        axes.set_xticklabels(order, rotation=30, ha="right")
        axes.set_yticklabels(order)
        axes.spines[:].set_visible(False)
    squares[0].set_ylabel("true cultivar")
    return figure


def importances(model, seen):
    """Plot what the forest relies on; features in ``seen`` are in colour."""
    weights = pd.Series(model.feature_importances_, model.feature_names_in_).sort_values()
    figure, axes = plt.subplots(figsize=(7, 0.8 + 0.26 * len(weights)))
    axes.barh(weights.index, weights, color=[ACCENT if name in seen else PLAIN for name in weights.index])
    axes.set(title="What the forest relies on (red: colour, grey: chemistry)", xlabel="share of the impurity removed")
    return figure
