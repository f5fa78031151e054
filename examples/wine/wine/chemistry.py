"""Features of a wine that need a laboratory."""

ASSAYS = [
    "alcohol",
    "malic_acid",
    "ash",
    "ash_alkalinity",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "od_ratio",
    "proline",
]


def features(table):
    """Return the assays, and the flavanoids relative to all phenols: skins and seeds rather than pulp."""
    return table[ASSAYS].assign(flavanoid_ratio=table["flavanoids"] / table["total_phenols"])
