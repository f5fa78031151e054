"""The seam of late imports: nothing is executed before it is used, and then everything is as if imported at once."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import octavo
from octavo.errors import MissingExtra
from octavo.lazy import LazyModule, lazy_imports, put_off

with lazy_imports():
    import wave as sounds
    from xml.dom import minidom

IMPORT = builtins.__import__


def answered(code: str, cwd: Path) -> object:
    """Return what a new interpreter prints as JSON, with modules of a folder at hand."""
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of three modules, each of which says when it is executed."""
    folder = tmp_path / "made" / "inner"
    folder.mkdir(parents=True)
    (tmp_path / "made" / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("print('inner is executed')\n")
    (folder / "late.py").write_text(
        "ran = []\nran.append(1)\nvalue = 1\ndef count():\n    global value\n    value += 1\n    return value\n"
    )
    (tmp_path / "made" / "broken.py").write_text("import no_such_package_at_all\n")
    return tmp_path


def test_a_lazy_module_is_executed_when_its_first_attribute_is_used(package: Path) -> None:
    (package / "made" / "user.py").write_text(
        "from octavo.lazy import lazy_imports\nwith lazy_imports():\n    from .inner import late\n"
        "    from . import inner\n"
    )
    code = (
        "import sys, json, io\nsys.stdout = io.StringIO()\nfrom made import user\n"
        "before = sorted(n for n in sys.modules if n.startswith('made'))\nname = user.late.__name__\n"
        "still = 'made.inner.late' in sys.modules\nvalue = user.late.value\n"
        "print(json.dumps([before, name, still, value, 'made.inner.late' in sys.modules]), file=sys.__stdout__)"
    )
    assert answered(code, package) == [["made", "made.user"], "made.inner.late", False, 1, True]


def test_what_a_module_rebinds_is_seen_by_whoever_imported_it_lazily(package: Path) -> None:
    (package / "made" / "user.py").write_text(
        "from octavo.lazy import lazy_imports\nwith lazy_imports():\n    from .inner import late as other\n"
    )
    code = (
        "import io, sys, json\nsys.stdout = io.StringIO()\nfrom made.user import other\n"
        "seen = [other.value, other.count(), other.value]\nother.value = 7\nfrom made.inner import late\n"
        "print(json.dumps([*seen, late.value, late.count(), other.value]), file=sys.__stdout__)"
    )
    assert answered(code, package) == [1, 2, 2, 7, 8, 8]


def test_statements_bind_the_names_that_they_say() -> None:
    assert minidom.parseString("<a/>").toxml().endswith("<a/>")
    assert sounds.Wave_read.__name__ == "Wave_read"
    assert vars(minidom) is vars(sys.modules["xml.dom.minidom"])


def test_the_import_of_everybody_else_is_as_before() -> None:
    assert builtins.__import__ is IMPORT
    with lazy_imports():
        import colorsys  # of a function: its names are no names of the module

        passed = threading.Thread(target=lambda: exec("from fractions import Fraction\nFraction(1)", {}))
        passed.start()
        passed.join()
    assert isinstance(colorsys, LazyModule)
    assert "fractions" in sys.modules
    assert builtins.__import__ is IMPORT


def test_blocks_that_end_in_another_order_leave_nothing_behind() -> None:
    first, second = lazy_imports(), lazy_imports()
    first.__enter__()
    second.__enter__()
    first.__exit__()
    assert builtins.__import__ is second  # whose block goes on
    second.__exit__()
    assert builtins.__import__ is IMPORT


def test_an_error_in_the_block_gives_the_import_back() -> None:
    with pytest.raises(ImportError, match=r"from … import"), lazy_imports():
        import xml.sax  # noqa: F401
    assert builtins.__import__ is IMPORT


def test_many_threads_that_use_a_module_first_execute_it_once(package: Path) -> None:
    (package / "made" / "user.py").write_text(
        "from octavo.lazy import lazy_imports\nwith lazy_imports():\n    from .inner import late\n"
    )
    code = (
        "import io, sys, json, threading\nsys.stdout = io.StringIO()\nfrom made.user import late\nfound = []\n"
        "threads = [threading.Thread(target=lambda: found.append(len(late.ran))) for _ in range(20)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]\n"
        "print(json.dumps(found), file=sys.__stdout__)"
    )
    assert answered(code, package) == [1] * 20


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("no_such_package_at_all", "pip install no_such_package_at_all"),
        ("obstore", 'pip install "octavo[remote]"'),
    ],
)
def test_a_package_that_is_missing_is_named_with_what_to_install(
    name: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # which is how an import fails
    with pytest.raises(MissingExtra) as caught:
        LazyModule(name).anything  # noqa: B018
    assert caught.value.message == f'the package "{name}" is not installed'
    assert caught.value.hint == hint


def test_a_module_behind_a_lazy_one_that_lacks_its_package_says_so(package: Path) -> None:
    code = (
        "import json\nfrom octavo.lazy import LazyModule\n"
        "try:\n    LazyModule('made.broken').value\nexcept Exception as error:\n"
        "    print(json.dumps([type(error).__name__, error.hint]))"
    )
    assert answered(code, package) == ["MissingExtra", "pip install no_such_package_at_all"]


def test_an_attribute_that_is_not_there_is_named_as_ever() -> None:
    with pytest.raises(AttributeError, match=r"module 'wave' has no attribute 'nothing'"):
        sounds.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_a_lazy_module_is_pickled_as_the_module() -> None:
    assert vars(pickle.loads(pickle.dumps(LazyModule("wave")))) is vars(sys.modules["wave"])
    assert repr(LazyModule("wave")) == "<lazy module 'wave'>"


def _imported_lazily() -> Iterator[tuple[str, str]]:
    """Yield the names that blocks of lazy imports bind, with the file that each block stands in."""
    root = Path(octavo.__file__).parent
    for file in sorted(root.rglob("*.py")):
        module = ".".join(file.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for block in ast.walk(ast.parse(file.read_bytes())):
            if not (isinstance(block, ast.With) and ast.unparse(block.items[0]) == "lazy_imports()"):
                continue
            for statement in block.body:
                if isinstance(statement, ast.ImportFrom):
                    start = importlib.util.resolve_name(
                        "." * statement.level + (statement.module or ""), package
                    )
                    yield from ((f"{start}.{name.name}", str(file)) for name in statement.names)
                elif isinstance(statement, ast.Import):
                    yield from ((name.name, str(file)) for name in statement.names)


def test_only_modules_are_imported_lazily() -> None:
    wrong = []
    for name, file in _imported_lazily():
        try:
            known = importlib.util.find_spec(name) is not None
        except ModuleNotFoundError as error:
            # the package is an extra that is not installed; or what it is imported from is no package
            known = importlib.util.find_spec((error.name or name).partition(".")[0]) is None
        if not known and importlib.util.find_spec(name.partition(".")[0]) is not None:
            wrong.append(f"{file}: {name}")
    assert wrong == []


def test_what_is_put_off_is_imported_when_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "costly.py").write_text("print('imported')\ndef double(x): return 2 * x\n", "utf-8")
    (tmp_path / "other.py").write_text("from costly import double\n", "utf-8")
    code = (
        "import sys, json, contextlib, io\n"
        "from octavo.lazy import put_off\n"
        "said = io.StringIO()\n"
        "with contextlib.redirect_stdout(said):\n"
        "    with put_off('costly', 'double'):\n"
        "        import other\n"
        "    before = ['costly' in sys.modules, said.getvalue()]\n"
        "    found = [other.double(2), __import__('costly').double(3)]\n"
        "print(json.dumps([before, found, said.getvalue()]))"
    )
    assert answered(code, tmp_path) == [[False, ""], [4, 6], "imported\n"]


def test_what_is_not_installed_cannot_be_put_off() -> None:
    with put_off("octavo_has_no_such_module", "any"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("octavo_has_no_such_module")
    with put_off("json", "loads"):
        assert sys.modules["json"] is json  # what is there already stays
    assert sys.modules["json"] is json
