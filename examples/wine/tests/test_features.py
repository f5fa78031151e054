import pandas as pd
import pytest

from wine import chemistry, colour


def test_red_and_yellow_add_up_to_the_intensity_and_divide_to_the_hue():
    table = pd.DataFrame({"intensity": [5.0, 9.0], "hue": [1.0, 0.5]})
    features = colour.features(table)
    assert list(features["red"]) == [2.5, 6.0]
    assert list(features["red"] + features["yellow"]) == pytest.approx([5.0, 9.0])
    assert list(features["yellow"] / features["red"]) == pytest.approx([1.0, 0.5])


def test_chemistry_does_not_know_the_colour():
    table = pd.DataFrame({name: [2.0] for name in [*chemistry.ASSAYS, "intensity", "hue", "cultivar"]})
    table["total_phenols"] = 4.0
    features = chemistry.features(table)
    assert not {"intensity", "hue", "cultivar"} & set(features)
    assert features["flavanoid_ratio"].item() == 0.5
