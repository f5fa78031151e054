"""NB124: random numbers without a seed: each run gives others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import Hit, Severity, Subject, at, dotted, walk

_FUNCTIONS = frozenset(
    f"{module}.{name}"
    for module, names in {
        "random": "random randint randrange choice choices shuffle sample uniform gauss normalvariate betavariate",
        "np.random": "rand randn randint random random_sample choice shuffle permutation normal uniform poisson",
        "numpy.random": "rand randn randint random random_sample choice shuffle permutation normal uniform poisson",
        "torch": "rand randn randint randperm",
    }.items()
    for name in names.split()
)
_SEEDS = frozenset(
    [
        *("random.seed", "np.random.seed", "numpy.random.seed", "torch.manual_seed", "tf.random.set_seed"),
        *("tensorflow.random.set_seed", "seed_everything", "pl.seed_everything", "set_seed"),
    ]
)
_GENERATORS = frozenset(
    (
        "np.random.default_rng",
        "numpy.random.default_rng",
        "default_rng",
        "random.Random",
        "np.random.RandomState",
    )
)
#: What scikit-learn draws from NumPy's numbers, unless it is given ``random_state``.
_DRAWING = frozenset(
    [
        *("train_test_split", "ShuffleSplit", "StratifiedShuffleSplit", "GroupShuffleSplit", "KMeans"),
        *("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"),
        *("MLPClassifier", "MLPRegressor", "RandomizedSearchCV", "IsolationForest", "MiniBatchKMeans"),
    ]
)


class Unseeded:
    """Random numbers of `random`, NumPy, PyTorch or scikit-learn are drawn without a seed, so each run gives others.

        rng = np.random.default_rng()              # default_rng(0)
        train_test_split(X, y)                     # random_state=0, or np.random.seed(0) in a cell

    Only the first place is reported.
    """

    code = "NB124"
    name = "unseeded"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        seeded: set[str] = set()
        sklearn: set[str] = set()
        for _, imported in walk(subject, ast.ImportFrom):
            if (imported.module or "").startswith("sklearn."):
                sklearn |= {one.asname or one.name for one in imported.names if one.name in _DRAWING}
        calls = [(cell, node, dotted(node.func)) for cell, node in walk(subject, ast.Call)]
        for _, _, name in calls:
            if name in _SEEDS:
                seeded.add(name.partition(".")[0] if "." in name else "")
        ours = {{"numpy": "np"}.get(one, one) for one in seeded}
        for cell, node, name in calls:
            family = {"numpy": "np"}.get(name.partition(".")[0], name.partition(".")[0])
            if name in _FUNCTIONS and not ours & {family, "", "pl", "L"}:
                yield at(cell, node, f"{name} gives other numbers in each run", f"seed it: {_seed(family)}")
                return
            if name in sklearn and not ours & {"np", "", "pl", "L"} and not _given(node):
                yield at(
                    cell,
                    node,
                    f"{name} without random_state gives other results in each run",
                    "random_state=0",
                )
                return
            if name in _GENERATORS and not node.args and not node.keywords:
                yield at(
                    cell, node, f"{name}() without a seed gives other numbers in each run", "give it a number"
                )
                return


def _given(node: ast.Call) -> bool:
    """Return whether a call may say ``random_state``."""
    return any(one.arg in ("random_state", None) for one in node.keywords) or any(
        isinstance(one, ast.Starred) for one in node.args
    )


def _seed(family: str) -> str:
    return {"np": "np.random.default_rng(0)", "torch": "torch.manual_seed(0)"}.get(family, "random.seed(0)")


RULE = Unseeded()
