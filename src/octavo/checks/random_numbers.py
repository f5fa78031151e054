"""What draws random numbers, from which generator, and how that is seeded."""

from __future__ import annotations

import ast
import re

from ..dataclass import dataclass
from ..reading.patterns import later
from . import Subject
from .imported import FullCall, argument

_PYTHON = """
random randint randrange choice choices shuffle sample uniform triangular gauss normalvariate lognormvariate
expovariate betavariate gammavariate paretovariate vonmisesvariate weibullvariate getrandbits randbytes binomialvariate
"""
_NUMPY = """
rand randn randint random random_sample random_integers ranf sample bytes choice shuffle permutation beta binomial
chisquare dirichlet exponential f gamma geometric gumbel hypergeometric laplace logistic lognormal logseries multinomial
multivariate_normal negative_binomial noncentral_chisquare noncentral_f normal pareto poisson power rayleigh
standard_cauchy standard_exponential standard_gamma standard_normal standard_t triangular uniform vonmises wald weibull
zipf
"""
_TORCH = """
rand randn randint randperm normal bernoulli multinomial poisson rand_like randn_like randint_like
utils.data.random_split utils.data.RandomSampler
"""
_TENSORFLOW = "normal uniform truncated_normal shuffle categorical gamma poisson"
#: Classes and functions of scikit-learn and its relatives that draw from NumPy's numbers without ``random_state``.
_SKLEARN_WORDS = """
train_test_split ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit RandomizedSearchCV HalvingRandomSearchCV
HalvingGridSearchCV RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor
RandomTreesEmbedding BaggingClassifier BaggingRegressor AdaBoostClassifier AdaBoostRegressor IsolationForest
MLPClassifier MLPRegressor BernoulliRBM SGDClassifier SGDRegressor SGDOneClassSVM Perceptron
PassiveAggressiveClassifier PassiveAggressiveRegressor RANSACRegressor KMeans MiniBatchKMeans BisectingKMeans
SpectralClustering GaussianMixture BayesianGaussianMixture TSNE LatentDirichletAllocation TruncatedSVD FastICA
DictionaryLearning MiniBatchDictionaryLearning MiniBatchSparsePCA GaussianRandomProjection SparseRandomProjection
RBFSampler Nystroem make_moons make_circles make_blobs make_classification make_regression make_gaussian_quantiles
make_hastie_10_2 make_multilabel_classification make_friedman1 make_friedman2 make_friedman3
make_swiss_roll make_s_curve make_low_rank_matrix make_sparse_uncorrelated make_spd_matrix make_biclusters
make_checkerboard shuffle resample permutation_importance
RandomOverSampler RandomUnderSampler SMOTE SMOTENC SMOTEN BorderlineSMOTE SVMSMOTE KMeansSMOTE ADASYN
SMOTEENN SMOTETomek BalancedRandomForestClassifier EasyEnsembleClassifier RUSBoostClassifier BalancedBaggingClassifier
"""
_SKLEARN = frozenset(_SKLEARN_WORDS.split())
#: Functions of SciPy that draw from NumPy's numbers without ``random_state``, ``seed`` or ``rng``.
_SCIPY = """
scipy.stats.bootstrap scipy.stats.permutation_test scipy.stats.monte_carlo_test scipy.stats.qmc.Sobol
scipy.stats.qmc.Halton scipy.stats.qmc.LatinHypercube scipy.sparse.random scipy.sparse.rand
scipy.optimize.differential_evolution scipy.optimize.dual_annealing scipy.optimize.basinhopping
scipy.cluster.vq.kmeans scipy.cluster.vq.kmeans2
"""
_NETWORKX = """
erdos_renyi_graph gnp_random_graph fast_gnp_random_graph gnm_random_graph binomial_graph barabasi_albert_graph
watts_strogatz_graph newman_watts_strogatz_graph connected_watts_strogatz_graph random_regular_graph
random_geometric_graph powerlaw_cluster_graph stochastic_block_model random_partition_graph planted_partition_graph
configuration_model scale_free_graph spring_layout fruchterman_reingold_layout random_layout random_tree
"""
_JAX = ("jax.random.PRNGKey", "jax.random.key")
_MODULES = {
    "torch",
    "tensorflow_probability",
    "pymc",
    "pymc3",
    "numpyro",
    "pyro",
    "gym",
    "gymnasium",
    "emcee",
}
_WEIGHTS = later(
    r"torch\.nn\.(?:Linear|Bilinear|Conv\w+|LSTM|GRU|RNN|\w+Cell|Embedding|Transformer\w*|MultiheadAttention)"
    r"|(?:tensorflow\.)?keras\.layers\.(?:Dense|Conv\w+|LSTM|GRU|SimpleRNN|Embedding|MultiHeadAttention)"
)
_OF_SAMPLE = frozenset(
    ("n", "frac", "fraction", "with_replacement", "replace", "weights", "axis", "shuffle", "ignore_index")
)
_FRAME = later(r"(?:\b|_)(?:df|data|frame|table|sales|train|test)", re.IGNORECASE)
_TEXT = later(r"(?:^|_)(?:name|text|word|key|title|string|url|path|label|email|user)s?$")
_CLOCK = later(
    r"^(?:time|time_ns|urandom|uuid\d|now|utcnow|today|timestamp|token_\w+|getrandbits|getpid|perf_counter\w*)$"
)
_LOADED = later(r"load_state_dict|load_weights|load_model|from_pretrained|load_from_checkpoint|load_learner")


def _table() -> dict[str, tuple[str, str]]:
    """Return the full names of what draws, each with its family and the way to seed it."""
    numpy, torch = "np.random.default_rng(0)", "torch.manual_seed(0)"
    rows = [
        ("random", _PYTHON, "random", "random.seed(0)"),
        ("numpy.random", _NUMPY, "numpy", numpy),
        ("cupy.random", _NUMPY, "cupy", "cupy.random.seed(0)"),
        ("dask.array.random", _NUMPY, "dask", "dask.array.random.default_rng(0)"),
        ("torch", _TORCH, "torch", torch),
        ("tensorflow.random", _TENSORFLOW, "tensorflow", "tf.random.set_seed(0)"),
        ("keras.random", _TENSORFLOW, "tensorflow", "keras.utils.set_random_seed(0)"),
        ("networkx", _NETWORKX, "networkx", "seed=0"),
    ]
    return {
        f"{module}.{name}": (family, hint) for module, names, family, hint in rows for name in names.split()
    }


_DRAWS = _table()
_DRAWS |= dict.fromkeys(_SCIPY.split(), ("scipy", "rng=0"))
_GENERATORS = {
    "numpy.random.default_rng": "numpy",
    "numpy.random.RandomState": "numpy",
    "numpy.random.SeedSequence": "numpy",
    "numpy.random.PCG64": "numpy",
    "numpy.random.MT19937": "numpy",
    "cupy.random.default_rng": "cupy",
    "dask.array.random.default_rng": "dask",
    "random.Random": "random",
}
#: What is another value in each process, and takes no seed.
_ALWAYS = {
    "uuid.uuid1": "uuid.uuid5(namespace, name) is the same each time",
    "uuid.uuid4": "uuid.uuid5(namespace, name) is the same each time",
    "os.urandom": "a generator with a seed gives the same bytes each time",
    "random.SystemRandom": "random.Random(0)",
    "secrets.token_hex": "if it is no secret, a generator with a seed gives the same each time",
    "secrets.token_bytes": "if it is no secret, a generator with a seed gives the same each time",
    "secrets.token_urlsafe": "if it is no secret, a generator with a seed gives the same each time",
    "secrets.choice": "if it is no secret, random.Random(0).choice gives the same each time",
    "secrets.randbelow": "if it is no secret, random.Random(0).randrange gives the same each time",
    "tensorflow.random.Generator.from_non_deterministic_state": "tf.random.Generator.from_seed(0)",
}
#: What seeds which family.
_SEEDS = {
    "random.seed": "random",
    "random.setstate": "random",
    "numpy.random.seed": "numpy",
    "numpy.random.set_state": "numpy",
    "cupy.random.seed": "cupy",
    "torch.manual_seed": "torch",
    "torch.random.manual_seed": "torch",
    "torch.set_rng_state": "torch",
    "tensorflow.random.set_seed": "tensorflow",
    "tensorflow.set_random_seed": "tensorflow",
    "tensorflow.compat.v1.set_random_seed": "tensorflow",
    "polars.set_random_seed": "polars",
    "faker.Faker.seed": "faker",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """Random numbers that a call draws.

    ``family`` is what one seed settles together, and ``seeds`` are those whose seeds count, none where there is no such
    seed. ``later`` tells that numbers are drawn only when the result is used.
    """

    family: str
    seeds: tuple[str, ...]
    words: str
    hint: str
    later: bool = False


@dataclass(frozen=True, slots=True)
class Clues:
    """What a notebook says elsewhere that tells what a call means."""

    modules: frozenset[str]
    trains: bool


_LASTS = frozenset(
    [
        *(name.rpartition(".")[2] for table in (_DRAWS, _GENERATORS, _ALWAYS, _SEEDS) for name in table),
        *(
            *_SKLEARN,
            "KFold",
            "StratifiedKFold",
            "StratifiedGroupKFold",
            "UMAP",
            "DataLoader",
            "create_study",
        ),
        *("Faker", "hash", "rvs", "sample", "PRNGKey", "key", "set_random_seed"),
    ]
)
_LAYERS = re.compile(
    r"Linear|Bilinear|Conv\w+|LSTM|GRU|RNN|SimpleRNN|\w+Cell|Embedding|Transformer\w*|Multi[Hh]ead\w+|Dense"
)


def matters(last: str) -> bool:
    """Return whether the last part of a name may be that of something that draws, or seeds."""
    return last in _LASTS or _LAYERS.fullmatch(last) is not None


def clues(subject: Subject) -> Clues:
    """Return which modules a notebook has, and whether it trains models from new weights."""
    modules = frozenset(name.partition(".")[0] for cell in subject.cells for name in cell.names.imports)
    trains = any(".fit(" in cell.source or ".backward(" in cell.source for cell in subject.cells)
    loaded = any(_LOADED.search(cell.source) for cell in subject.cells)
    return Clues(modules, trains and not loaded)


def seeds(name: str) -> str:
    """Return the family that a function seeds, "" for none, "*" for all."""
    if name.endswith(("keras.utils.set_random_seed", "seed_everything", "transformers.set_seed")):
        return "*"
    return _SEEDS.get(name, "")


def drawn(call: FullCall, around: Clues) -> Drawn | None:
    """Return what a call draws; None for nothing."""
    name, node = call.name, call.node
    if name in _DRAWS:
        family, hint = _DRAWS[name]
        seeded = {"scipy": ("numpy",), "networkx": ("numpy", "random")}.get(family, (family,))
        what = "results" if family in ("networkx", "scipy") else "numbers"
        return Drawn(family, seeded, f"{call.said} gives other {what} in each run", f"seed it: {hint}")
    if name in _GENERATORS:
        first = argument(node, "seed", 0)
        if (node.args or node.keywords) and not (isinstance(first, ast.Constant) and first.value is None):
            return None
        words = f"{call.said}() without a seed gives other numbers in each run"
        return Drawn(f"generator of {_GENERATORS[name]}", (), words, "give it a number")
    if name in _ALWAYS:
        words = f"{call.said} gives another value in each run"
        return Drawn(f"always {name.partition('.')[0]}", (), words, _ALWAYS[name])
    if name in _JAX and any(map(from_clock, node.args)):
        return Drawn("jax", (), f"{call.said} gets another number in each run", "jax.random.key(0)")
    if name == "hash" and len(node.args) == 1 and _of_text(node.args[0]):
        hint = "hashlib and zlib.crc32 give the same each time; so does PYTHONHASHSEED=0"
        return Drawn("hash", (), "hash() of a text is another number in each process", hint)
    return _without_seed(call, around) or _by_method(call, around)


def _without_seed(call: FullCall, around: Clues) -> Drawn | None:
    """Return what functions and classes draw that would take a seed among their arguments."""
    name, last = call.name, call.last
    module = name.partition(".")[0]
    shuffles = getattr(argument(call.node, "shuffle"), "value", False) is True
    if (
        (module in ("sklearn", "imblearn", "umap") and last in _SKLEARN)
        or (module == "sklearn" and shuffles and last in ("KFold", "StratifiedKFold", "StratifiedGroupKFold"))
        or name == "umap.UMAP"
    ):
        words = f"{call.said} without random_state gives other results in each run"
        return Drawn("numpy", ("numpy",), words, "random_state=0", last[:1].isupper())
    if name == "torch.utils.data.DataLoader" and shuffles:
        return _weights(call, "shuffles in another order in each run", "torch")
    if around.trains and _WEIGHTS.fullmatch(name):
        return _weights(
            call, "begins with other weights in each run", "torch" if module == "torch" else "tensorflow"
        )
    if name == "optuna.create_study" and argument(call.node, "sampler") is None:
        hint = "sampler=optuna.samplers.TPESampler(seed=0)"
        return Drawn("optuna", (), f"{call.said} without a sampler tries other values in each run", hint)
    if name in ("pymc.sample", "pymc3.sample"):
        return Drawn("pymc", ("numpy",), f"{call.said} gives other numbers in each run", "random_seed=0")
    if name == "faker.Faker":
        return Drawn("faker", ("faker",), f"{call.said}() makes up others in each run", "Faker.seed(0)", True)
    return None


def _weights(call: FullCall, words: str, family: str) -> Drawn:
    hint = {"torch": "torch.manual_seed(0)", "tensorflow": "keras.utils.set_random_seed(0)"}[family]
    return Drawn(family, (family,), f"{call.said} {words}", f"seed it: {hint}", call.inside)


def _by_method(call: FullCall, around: Clues) -> Drawn | None:
    """Return what methods draw whose names tell what they are: of SciPy's distributions, and of data frames."""
    if not isinstance(call.node.func, ast.Attribute):
        return None
    if call.last == "rvs":
        words = f"{call.said} without random_state gives other numbers in each run"
        return Drawn("scipy", ("numpy",), words, "random_state=0")
    if call.last == "sample" and _of_frame(call, around):
        if "pandas" not in around.modules and "polars" in around.modules:
            return Drawn("polars", ("polars",), f"{call.said} gives other rows in each run", "seed=0")
        words = f"{call.said} without random_state gives other rows in each run"
        return Drawn("pandas", ("numpy", "polars"), words, "random_state=0")
    return None


def _of_frame(call: FullCall, around: Clues) -> bool:
    """Return whether ``.sample(…)`` is that of a data frame, and not of a distribution or a module."""
    if not around.modules & {"pandas", "polars", "geopandas", "dask", "pyspark", "seaborn"}:
        return False
    given = {one.arg for one in call.node.keywords}
    if given & {"frac", "fraction", "n", "with_replacement", "replace", "weights", "axis"}:
        return given <= _OF_SAMPLE
    if given or around.modules & _MODULES or len(call.node.args) > 1 or call.name.startswith("random."):
        return False
    number = isinstance(call.node.args[0], ast.Constant) if call.node.args else True
    return number and bool(call.node.args or _FRAME.search(call.said))


def _of_text(node: ast.expr) -> bool:
    """Return whether a value holds a text, as far as its code tells."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str | bytes)
        case ast.JoinedStr() | ast.Call(func=ast.Name(id="str" | "repr")):
            return True
        case ast.Call(func=ast.Attribute(attr=method)):
            return method in ("lower", "upper", "strip", "encode", "join", "format", "title")
        case ast.Tuple(elts=parts):
            return any(map(_of_text, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _of_text(left) or _of_text(right)
        case ast.Name(id=name):
            return bool(_TEXT.search(name))
    return False


def from_clock(node: ast.expr) -> bool:
    """Return whether a value is another one in each run: of the clock, or of random bytes."""
    return any(
        isinstance(one, ast.Call) and bool(_CLOCK.search(ast.unparse(one.func).rpartition(".")[2]))
        for one in ast.walk(node)
    )
