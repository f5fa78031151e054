"""NB125: a cell reads from the network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from . import Hit, Severity, Subject, at, dotted, magic_of

_CALLS = frozenset(
    [
        *("urllib.request.urlopen", "urllib.request.urlretrieve", "request.urlopen", "request.urlretrieve"),
        *("urlopen", "urlretrieve", "wget.download", "gdown.download"),
        *(f"{client}.{verb}" for client in ("requests", "httpx") for verb in ("get", "request")),
    ]
)
_URL = re.compile(r"(?:https?|ftp|s3a?|gs|gcs|abfss?|az|hdfs)://", re.IGNORECASE)
_SHELL = re.compile(r"\s*(?:wget|curl|git\s+clone|aws\s+s3\s+cp|gsutil\s+(?:-m\s+)?cp)\b")
_HINT = "read a copy in the project, which a task downloads, or keep its digest: what is there may change"


class Network:
    """A cell reads from the network while it runs: `requests.get`, `urlopen`, `pd.read_csv("https://…")`, `!curl`.

    What is there may be gone tomorrow, or be another file, and nothing in the notebook says so. Download it once, in a
    task of its own whose product other tasks read, or put it into the repository. It is said once for each cell.
    """

    code = "NB125"
    name = "network"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        urls: set[str] = set()
        for cell in subject.cells:
            for assigned in cell.of(ast.Assign):
                if _URL.match(_text(assigned.value)):
                    urls |= {target.id for target in assigned.targets if isinstance(target, ast.Name)}
            found = [node for node in cell.of(ast.Call) if _reads(node, urls)]
            if found:
                node = min(found, key=lambda one: (one.lineno, one.col_offset))
                name = dotted(node.func)
                what = "it" if "get_ipython" in ast.dump(node.func) else name or "it"
                yield at(cell, node, f"{what} reads from the network", _HINT)


def _reads(node: ast.Call, urls: set[str]) -> bool:
    name = dotted(node.func)
    if name in _CALLS:
        return bool(node.args or node.keywords)
    last = node.func.attr if isinstance(node.func, ast.Attribute) else name
    first = node.args[0] if node.args else None
    if last in ("system", "getoutput") and "get_ipython" in ast.dump(node.func):
        return bool(_SHELL.match(_text(first)))
    if magic := magic_of(node):
        body = _text(node.args[2]) if len(node.args) > 2 else ""
        return magic[0] in ("sh", "bash") and any(map(_SHELL.match, body.splitlines()))
    if last.startswith(("read_", "scan_")) or last in (
        "open",
        "imread",
        "open_dataset",
        "loadtxt",
        "genfromtxt",
    ):
        return bool(_URL.match(_text(first))) or (isinstance(first, ast.Name) and first.id in urls)
    return False


def _text(node: ast.AST | None) -> str:
    """Return a text as far as it is literal: all of a string, the beginning of an f-string or a sum."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[first, *_]):
            return _text(first)
        case ast.BinOp(left=left):
            return _text(left)
    return ""


RULE = Network()
