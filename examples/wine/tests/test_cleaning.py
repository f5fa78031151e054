import pandas as pd

from wine import cleaning

RAW = pd.DataFrame(
    {
        "alcohol": [12.0, 12.0, 13.0, None],
        "magnesium": [90, 90, 100, 80],
        "proline": [700, 700, 800, 900],
        "color_intensity": [4.0, 4.0, 5.0, 6.0],
        "hue": [1.0, 1.0, 0.8, 0.7],
        "target": [0, 0, 2, 1],
    }
)


def test_repeated_and_incomplete_wines_are_dropped():
    assert list(cleaning.tidy(RAW).index) == [0, 2]


def test_columns_and_cultivars_get_their_names():
    table = cleaning.tidy(RAW)
    assert list(table["cultivar"]) == ["Barolo", "Barbera"]
    assert list(table["intensity"]) == [4.0, 5.0]


def test_a_value_that_no_wine_has_is_found():
    table = cleaning.tidy(RAW)
    assert cleaning.implausible(table).empty
    table.loc[2, "alcohol"] = 130.0
    assert list(cleaning.implausible(table).index) == [2]
