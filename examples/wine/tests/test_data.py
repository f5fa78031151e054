import pandas as pd

from wine import data


def test_all_wines_are_written(tmp_path):
    data.get(tmp_path / "new" / "raw.csv")
    assert pd.read_csv(tmp_path / "new" / "raw.csv").shape == (178, 15)


def test_a_sample_holds_as_many_wines_of_each_cultivar_and_is_always_the_same(tmp_path):
    data.get(tmp_path / "a.csv", sample=5)
    data.get(tmp_path / "b.csv", sample=5)
    wines = pd.read_csv(tmp_path / "a.csv")
    assert wines["target"].value_counts().to_dict() == {0: 5, 1: 5, 2: 5}
    assert wines["wine"].is_monotonic_increasing
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
