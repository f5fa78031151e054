"""Find why a cell differs between two runs: seed, clock, hash order, threads, network are pinned one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from ..dataclass import dataclass
from ..notebook.cells import Notebook
from ..reading.language import language_of
from .again import Ran, VerifyOptions, run
from .wishes import Wish

_SEED = """\
def _octavo_pin():
    import random, sys, os, uuid
    random.seed(0)
    drawn = random.Random(0)
    os.urandom = lambda n: drawn.randbytes(n)
    uuid.uuid4 = lambda: uuid.UUID(bytes=drawn.randbytes(16), version=4)
    original = random.Random
    class Random(original):
        def __init__(self, x=None):
            super().__init__(0 if x is None else x)
    random.Random = Random
    if NUMPY:
        try:
            import numpy as np
        except ImportError:
            pass
        else:
            np.random.seed(0)
            made = np.random.default_rng
            np.random.default_rng = lambda seed=None: made(0 if seed is None else seed)
    if TORCH:
        try:
            import torch
            torch.manual_seed(0)
        except ImportError:
            pass
_octavo_pin(); del _octavo_pin"""

_CLOCK = """\
def _octavo_pin():
    import time, datetime, itertools
    ticks = itertools.count(1_600_000_000)
    time.time = lambda: float(next(ticks))
    time.time_ns = lambda: next(ticks) * 10**9
    time.perf_counter = lambda: float(next(ticks))
    time.perf_counter_ns = lambda: next(ticks) * 10**9
    time.process_time = lambda: 1.0
    original, day, struct = datetime.datetime, datetime.date, time.localtime
    class Datetime(original):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(next(ticks), tz)
        @classmethod
        def utcnow(cls):
            return cls.fromtimestamp(next(ticks), datetime.timezone.utc).replace(tzinfo=None)
        today = now
    class Date(day):
        @classmethod
        def today(cls):
            return cls.fromtimestamp(next(ticks))
    Datetime.__name__ = Datetime.__qualname__ = "datetime"
    Date.__name__ = Date.__qualname__ = "date"
    datetime.datetime, datetime.date = Datetime, Date
    shown, text = time.strftime, time.ctime
    time.localtime = lambda s=None: struct(next(ticks) if s is None else s)
    time.strftime = lambda f, t=None: shown(f, struct(next(ticks)) if t is None else t)
    time.ctime = lambda s=None: text(next(ticks) if s is None else s)
_octavo_pin(); del _octavo_pin"""

_THREADS = """\
def _octavo_pin():
    import concurrent.futures as futures
    original = futures.ThreadPoolExecutor
    class ThreadPoolExecutor(original):
        def __init__(self, max_workers=None, *args, **kwargs):
            super().__init__(1, *args, **kwargs)
    futures.ThreadPoolExecutor = ThreadPoolExecutor
    import threading
    start = threading.Thread.start
    def alone(self):
        start(self)
        if not self.daemon and not self.name.startswith("ThreadPoolExecutor"):
            self.join(5)
    threading.Thread.start = alone
_octavo_pin(); del _octavo_pin"""

_NETWORK = """\
def _octavo_pin():
    import socket
    original = socket.socket.connect
    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            raise OSError("octavo verify has turned the network off")
        return original(self, address)
    socket.socket.connect = connect
    def nobody(*args, **kwargs):
        raise OSError("octavo verify has turned the network off")
    socket.getaddrinfo = nobody
_octavo_pin(); del _octavo_pin"""

_ONE = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True)
class Pin:
    """One thing that is held fast: by code that runs before the cells, by environment variables.

    ``off``: it is taken away altogether, and a cell that fails without it has it as its cause.
    """

    name: str
    prelude: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    off: bool = False


PINS = (
    Pin("seed", _SEED),
    Pin("clock", _CLOCK),
    Pin("hash order", environ={"PYTHONHASHSEED": "0"}),
    Pin("threads", _THREADS, _ONE),
    Pin("network", _NETWORK, off=True),
)


def found(
    notebook: Notebook,
    wishes: Sequence[Wish],
    options: VerifyOptions,
    unstable: set[int],
    agree: Callable[[Ran, Ran, int], bool],
) -> dict[int, tuple[str, ...]]:
    """Return the probable cause for each cell that has one: what makes two runs agree once it is pinned.

    A cell without a cause of its own may have several at once; then all are pinned together.
    """
    python = language_of(notebook)[0] == "python"
    why: dict[int, tuple[str, ...]] = {}
    for pin in PINS:
        rest = unstable - why.keys()
        if not rest:
            return why
        if not python and not pin.environ:
            continue
        prelude = _filled(pin.prelude, notebook) if python else ""
        one = run(notebook, wishes, options, prelude, pin.environ)
        if pin.off:
            why |= {index: (pin.name,) for index in rest if one.failed == index}
            continue
        other = run(notebook, wishes, options, prelude, pin.environ)
        reached = {index for index in rest if index in one.outputs and index in other.outputs}
        why |= {index: (pin.name,) for index in reached if agree(one, other, index)}
    if python and (rest := unstable - why.keys()):
        held = [pin for pin in PINS if not pin.off]
        prelude = "\n".join(_filled(pin.prelude, notebook) for pin in held)
        environ = {name: value for pin in held for name, value in pin.environ.items()}
        one, other = (run(notebook, wishes, options, prelude, environ) for _ in range(2))
        several = tuple(pin.name for pin in held)
        why |= {index: several for index in rest if index in one.outputs and agree(one, other, index)}
    return why


def of_place(
    notebook: Notebook,
    wanted: Sequence[Wish],
    options: VerifyOptions,
    first: Ran,
    differing: set[int],
    agree: Callable[[Ran, Ran, int], bool],
) -> dict[int, tuple[str, ...]]:
    """Return the probable cause for cells that differ from what is stored and not between runs: where they ran.

    What a cell shows in a time zone that nobody has tells whether it depends on it.
    """
    if not differing:
        return {}
    # the order of sets is the same in both, or chance would speak
    order = {"PYTHONHASHSEED": "0"}
    other = run(notebook, wanted, options, environ={"TZ": "NOBODY+11:30", **order})
    rest = {index for index in differing if index in other.outputs and index in first.outputs}
    rest = {index for index in rest if not agree(first, other, index)}
    if not rest:
        return {}
    here = run(notebook, wanted, options, environ=order)
    return {
        index: ("time zone",) for index in rest if index in here.outputs and not agree(here, other, index)
    }


def _filled(prelude: str, notebook: Notebook) -> str:
    """Return the code with what it needs to know: importing NumPy takes time that few notebooks want."""
    code = "\n".join(str(cell.get("source")) for cell in notebook.cells if cell["cell_type"] == "code")
    numbers = any(word in code for word in ("numpy", "pandas", "sklearn", "scipy"))
    return prelude.replace("NUMPY", str(numbers)).replace("TORCH", str("torch" in code))
