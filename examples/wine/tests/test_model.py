import numpy as np
import pandas as pd

from wine import model

SIDE = pd.Series(["left", "right"] * 10, name="cultivar")


def test_each_wine_is_predicted_once():
    features = pd.DataFrame({"x": np.where(SIDE == "left", -1.0, 1.0)})
    predictions = model.out_of_fold(features, SIDE, n_estimators=5)
    assert list(predictions.index) == list(SIDE.index)
    assert sorted(predictions["fold"].unique()) == [1, 2, 3, 4, 5]
    assert (predictions["predicted"] == SIDE).all()


def test_noise_is_not_learnt_by_heart():
    features = pd.DataFrame({"x": np.random.default_rng(0).normal(size=len(SIDE))})
    predictions = model.out_of_fold(features, SIDE, n_estimators=5)
    assert model.accuracy(predictions).mean() < 0.8


def test_accuracy_is_counted_in_each_fold():
    predictions = pd.DataFrame({"fold": [1, 1, 2], "predicted": ["a", "b", "b"], "cultivar": ["a", "a", "b"]})
    assert model.accuracy(predictions).to_dict() == {1: 0.5, 2: 1.0}
