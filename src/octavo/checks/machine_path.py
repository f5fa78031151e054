"""NB121: a path that is there on one machine alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..reading.patterns import later
from . import CodeCell, Hit, Severity, Subject, at, calls

_SCHEME = r"(?:file://|\w+(?:\+\w+)?:///|dbfs:(?=/))?"
_PATH = later(
    _SCHEME + r"(?:"
    r"/(?:home|Users|media|Volumes|net|export/home)/[^/\s{}]+(?:/|$)|/root/|/mnt/[\w.-]+/|/content/|/kaggle/|/dbfs/|dbfs:/"
    r"|/(?:gpfs|lustre|scratch|nfs|workspace|notebooks|storage|srv|opt/ml)/[\w.-]+"
    r"|/?[A-Za-z]:\\(?!\\)[^\s\\:*?\"<>|{}]+(?:\\|\.\w+$|$)|/?[A-Z]:/(?!/)[\w. -]+(?:/|\.\w+$|$)|[a-z]:/(?!/)[\w. -]+/"
    r"|\\\\[\w.-]+\\[^\\\s{}&]+(?:\\|$)|//[\w-]+\$?/[\w$-]+/[\w. -]+\.\w{2,5}$"
    r"|~\w*/(?!\.)[\w]|%(?:USERPROFILE|HOMEPATH|APPDATA)%\\"
    r").*"
)
#: An absolute path of data, wherever it is.
_DATA = later(
    r"/(?!dev/|proc/|sys/|etc/|usr/|bin/|tmp/|var/tmp/)[\w.-]+/(?:[\w .-]+/)*[\w .-]+\.(?:csv|tsv|parquet|pkl|pickle"
    r"|joblib|h5|hdf5?|npy|npz|feather|arrow|xlsx?|sqlite3?|db|duckdb|nc|tiff?|pth?|ckpt|onnx|dta|sav|shp|geojson|fits|mat"
    r"|zip|gz|tar|tgz|txt|jsonl|avro|orc)",
    re.IGNORECASE,
)
_OPENING = later(
    r"(?:.*\.)?(?:open|Path|PurePath|listdir|scandir|walk|chdir|makedirs|mkdir|glob|iglob|rglob|load|save|savefig|copy"
    r"|copyfile|move|remove|(?:read|scan|to|write|sink|load|open)_\w+|loadtxt|genfromtxt|savetxt|imread|imwrite|append)"
)
_ABSOLUTE = later(r"/(?!dev/|proc/|sys/|etc/|usr/|bin/|tmp\b|var/|\*)[\w.-]{2,}(?:/[\w .*-]+)+/?")
_WORD = later(r"(?:(?<=^)|(?<=[\s=\"'>]))(?:~?/|[A-Za-z]:\\|\\\\)[^\s\"';|&]+")
_LONG = 1000
_HINT = "a path relative to the project works everywhere; a parameter may name what does not"


class MachinePath:
    """A path that is there on one machine alone.

        pd.read_csv("/home/anna/orders.csv")

    Below someone's home folder (`~` too), on a drive of Windows or of the network, in Colab, Kaggle or Databricks, on a
    mounted disk; and any absolute path of a data file, or of what is opened. Paths that all systems of a kind have
    (`/tmp`, `/etc`, `/usr`, `/dev`) are not reported. Use a path relative to the project, or make it a parameter.
    """

    code = "NB121"
    name = "machine-path"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            for node, path in cell.once(_paths):
                yield at(cell, node, f'"{path[:60]}" is a path of one machine', _HINT)


def _paths(cell: CodeCell) -> tuple[tuple[ast.AST, str], ...]:
    return tuple(_found(cell)) if any(map(cell.source.__contains__, ("/", "\\"))) else ()


def _found(cell: CodeCell) -> Iterator[tuple[ast.AST, str]]:
    opened: set[int] = set()
    shell: set[int] = set()
    for call in cell.once(calls):
        if call.magic or "get_ipython" in ast.dump(call.node.func)[:200]:
            shell |= {id(one) for one in call.node.args}
        elif _OPENING.fullmatch(call.name):
            opened |= {id(one) for one in call.node.args[:1]}
    rest = [one for joined in cell.of(ast.JoinedStr) for one in joined.values[1:]]
    inner = {id(one) for one in (*rest, *(one.right for one in cell.of(ast.BinOp)))}
    for node in cell.of(ast.Constant):
        value = node.value
        if not isinstance(value, str) or len(value) > _LONG or id(node) in inner:
            continue
        if id(node) in shell:
            words = (word.group() for word in _WORD.finditer(value))
            if path := next(filter(_of_machine, words), ""):
                yield node, path
        elif _of_machine(value) or (id(node) in opened and _ABSOLUTE.fullmatch(value)):
            yield node, value


def _of_machine(text: str) -> bool:
    return bool(_PATH.fullmatch(text) or _DATA.fullmatch(text))


RULE = MachinePath()
