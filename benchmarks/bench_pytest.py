"""Notebooks as tests: ``pytest --octavo`` beside ``--nbmake`` and ``--nbval-lax`` of their plugins, also with ``-n 2``.

Bars: at least 8 times less wall time than each over 60 notebooks, 5 times with ``-n 2``; the same verdicts. With
``--corpora FOLDER``, which is filled with clones of nbval, nbmake and testbook where it has none, their own samples are
run too, and must end as they say.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import (
    Contender,
    Environment,
    Settings,
    bar,
    compare,
    peers,
    ratios,
    settings,
    table,
    workplace,
    write_notebook,
)

PEERS = (("nbmake", "nbval", "pytest", "pytest-xdist", "ipykernel", "pandas", "matplotlib", "sympy"),)
KINDS: Sequence[Sequence[str]] = (
    ("x = 0.91\nprint('score', x)", "[x, x * 2]", "for i in range(5):\n    print(i / 3)"),
    ("import json, math", "rows = [math.sqrt(n) for n in range(1000)]", "json.dumps(rows)[:80]"),
    (
        "import pandas as pd",
        "df = pd.DataFrame({'a': range(9), 'b': list('abcabcabc')})",
        "df.groupby('b').sum()",
    ),
)
CLONES = {
    "nbval": "https://github.com/computationalmodelling/nbval",
    "nbmake": "https://github.com/treebeardtech/nbmake",
    "testbook": "https://github.com/nteract/testbook",
}
#: Samples of nbmake that fail, by its own tests.
FAIL = {"import_errs", "magic_error", "post_cell_execute_error", "post_cell_execute_masked_error"}
#: Verdicts that are others on purpose: nbmake lets a magic pass that is not there.
DIFFERENT = {"magic.ipynb": "FAILED"}
#: What tests of testbook import, over octavo: the module, and its text.
SHIM = {
    "__init__.py": "import testbook.testbook\nfrom octavo.testing import testbook\n",
    "testbook.py": "from octavo.testing import testbook\n",
    "client.py": "from octavo.testing.testbooks import TestbookNotebookClient\n",
    "exceptions.py": "from octavo.testing.references import *\n",
}


def _environment() -> Environment:
    return peers("pytest", PEERS)


def pytest(env: Environment, *words: str) -> list[str]:
    """Return a command that runs pytest with the plugins that are asked for, and not with others."""
    others = {"nbmake": ("nbval", "octavo"), "nbval": ("nbmake", "octavo"), "octavo": ("nbmake", "nbval")}
    asked = next(name for name in others if any(word.startswith(f"--{name}") for word in words))
    left = [f"-pno:{name}" for name in others[asked]]
    # by its module, where the environment has no package of octavo but its tree
    mine = ["-pno:octavo", "-poctavo.testing.pytest_plugin"] if asked == "octavo" else []
    plain = ["-q", "-pno:cacheprovider", "-c", "/dev/null", "--rootdir=."]
    return [str(env.python), "-m", "pytest", *left, *mine, *plain, *words]


def main() -> None:
    asked = settings(__doc__ or "", 3, ("--corpora", {"type": Path, "metavar": "FOLDER"}), make=_environment)
    env = asked.environment
    with workplace() as folder:
        books = folder / "books"
        for number in range(3 if asked.quick else 60):
            cells = KINDS[number % (2 if asked.quick else len(KINDS))]
            write_notebook(books / f"book{number:02}.ipynb", cells)
        for words, least in (((), 8), (("-n", "2"), 5)):
            if words and (asked.quick or not env.has("xdist")):
                continue
            _speed(asked, books, words, least)
        _verdicts(env, folder / "verdicts")
    if asked.options.corpora:
        _corpora(env, asked.options.corpora)


def _speed(asked: Settings, books: Path, words: tuple[str, ...], least: int) -> None:
    env = asked.environment
    contenders = [Contender("octavo", pytest(env, "--octavo", *words), books)]
    for name, option in (("nbmake", "--nbmake"), ("nbval", "--nbval-lax")):
        if env.has(name):
            # the cells of a notebook must stay together
            more = ("--dist", "loadscope") if words else ()
            contenders.append(Contender(option, pytest(env, option, *words, *more), books, rounds=1))
    rounds = compare(contenders, asked)
    table(f"{len(list(books.iterdir()))} notebooks tested {' '.join(words)}".rstrip(), rounds, "octavo")
    for name in list(rounds)[1:]:
        value = statistics.median(ratios(rounds, name, "octavo"))
        bar(f"{name} {' '.join(words)} / octavo".replace("  ", " "), value, at_least=least)
    if len(rounds) == 1:
        print("skipped: neither nbmake nor nbval is here")


def _ended(command: Sequence[str], folder: Path, env: Environment) -> dict[str, str]:
    """Return the verdicts of a run, by the name of the test."""
    ran = subprocess.run(
        [*command, "-rA", "--color=no", "-W", "ignore"],
        cwd=folder,
        env=env.variables,
        capture_output=True,
        encoding="utf-8",
    )
    found = re.findall(r"^(PASSED|FAILED|ERROR) (\S+?\.\w+)(?:::(.*?))?(?: - .*)?$", ran.stdout, re.M)
    return {
        f"{name}::{part}" if part.startswith("Cell") or name.endswith(".py") else name: verdict
        for verdict, name, part in found
    }


def _verdicts(env: Environment, folder: Path) -> None:
    """Compare the verdicts over notebooks that fail in several ways."""
    for name, code in {
        "good": "1",
        "error": "1 / 0",
        "syntax": "1 +",
        "import": "import nothing_like_this",
        "exit": "raise SystemExit(1)",
        "magic": "%no_such_magic",
        "assertion": "assert 1 == 2",
        "await": "import asyncio; await asyncio.sleep(0)",
    }.items():
        write_notebook(folder / f"{name}.ipynb", [code])
    if env.has("nbmake"):
        ours, theirs = (_ended(pytest(env, option), folder, env) for option in ("--octavo", "--nbmake"))
        theirs |= DIFFERENT
        same = sum(ours.get(name) == verdict for name, verdict in theirs.items())
        bar(
            f"verdicts as nbmake's but for documented differences, of {len(theirs)}",
            same,
            at_least=len(theirs),
        )
        for name in theirs:
            if ours.get(name) != theirs[name]:
                print(f"  {name}: {ours.get(name)}, by nbmake {theirs[name]}")


def _corpora(env: Environment, folder: Path) -> None:
    """Run the samples of the three, which say themselves how they end."""
    for name, url in CLONES.items():
        if not (folder / name).is_dir():
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", url, str(folder / name)], check=True)
    right = wrong = 0
    samples = folder / "nbval/tests/ipynb-test-samples"
    ended = _ended(_ours(env, "--nbval"), samples, env)
    for path in sorted(samples.glob("*.ipynb")):
        failed = any(one == "FAILED" for name, one in ended.items() if name.startswith(path.name))
        right, wrong = _counted(path.name, failed == ("-fail-" in path.name), right, wrong)
    resources = folder / "nbmake/tests/resources"
    ended = _ended(_ours(env, "--nbmake"), resources, env)
    for path in sorted(resources.glob("*.ipynb")):
        failed = ended.get(path.name) != "PASSED"
        right, wrong = _counted(path.name, failed == (path.stem in FAIL), right, wrong)
    with workplace() as work:
        tests = work / "testbook"
        subprocess.run(["cp", "-r", str(folder / "testbook/testbook"), str(tests)], check=True)
        for path in tests.glob("*.py"):
            path.unlink()
        (tests / "tests/test_translators.py").unlink()  # of its transport, which there is none of
        for name, text in SHIM.items():
            (tests / name).write_text(text)
        ended = _ended([*_ours(env, "--octavo"), "testbook"], work, env)
        for name, verdict in ended.items():
            right, wrong = _counted(name, verdict == "PASSED", right, wrong)
    bar(f"samples that end as they say, of {right + wrong}", right, at_least=right + wrong)


def _ours(env: Environment, option: str) -> list[str]:
    plain = pytest(env, "--octavo")
    return [option if word == "--octavo" else word for word in plain]


def _counted(name: str, good: bool, right: int, wrong: int) -> tuple[int, int]:
    if not good:
        print(f"  {name}: not as it says", file=sys.stderr)
    return right + good, wrong + (not good)


if __name__ == "__main__":
    main()
