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
    """Return the assays, and how much of the phenols are flavanoids: skins and seeds rather than pulp."""
    return table[ASSAYS].assign(flavanoid_share=table["flavanoids"] / table["total_phenols"])
