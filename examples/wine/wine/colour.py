"""Features of a wine that one can see."""


def features(table):
    """Return intensity and hue, and the two absorbances that they are made of.

    Oenologists define intensity = yellow + red and hue = yellow / red, where yellow is the absorbance
    at 420 nm (it grows with age) and red that at 520 nm (Sudraud, 1958). Two equations, two unknowns.
    """
    red = table["intensity"] / (1 + table["hue"])
    return table[["intensity", "hue"]].assign(red=red, yellow=table["intensity"] - red)
