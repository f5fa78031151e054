"""From the raw file to a table that one can read and trust."""

CULTIVARS = {0: "Barolo", 1: "Grignolino", 2: "Barbera"}

NAMES = {
    "alcalinity_of_ash": "ash_alkalinity",
    "color_intensity": "intensity",
    "od280/od315_of_diluted_wines": "od_ratio",
    "target": "cultivar",
}

# Beyond these, somebody mistyped a number or changed a unit.
PLAUSIBLE = {
    "alcohol": (8, 17),  # % by volume
    "magnesium": (30, 300),  # mg/l
    "proline": (100, 3000),  # mg/l
    "intensity": (0.5, 20),  # absorbance at 420 nm + at 520 nm
    "hue": (0.2, 2),  # absorbance at 420 nm / at 520 nm
}


def tidy(raw):
    """Give columns short names and cultivars their real ones; drop repeated and incomplete rows."""
    table = raw.rename(columns=NAMES).drop_duplicates().dropna()
    return table.assign(cultivar=table["cultivar"].map(CULTIVARS))


def implausible(table):
    """Return the rows with a value outside of its plausible range."""
    outside = [~table[name].between(low, high) for name, (low, high) in PLAUSIBLE.items()]
    return table[sum(outside) > 0]
