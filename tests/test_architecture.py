"""How the modules stand to one another: the tree of the design page is the order in which they import each other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import make_tree
import pytest

import architecture
import octavo
from architecture import Package
from octavo.cli import VERBS

#: Whose business it is to name modules in strings.
NAMING = {
    "lazy": "imports them",
    "process.ploomber_names": "says which module here has the names of one of Ploomber's",
    "compat.rewrite": "writes imports into the files of projects",
}

#: Who writes files otherwise than by ``products.writing``, and why that may be.
DOORS = {
    "it is the door": "products.writing",
    "it moves what stands there, whole": "products.aside state.ownership",
    "nobody else writes what is in .octavo": "executors.carried executors.dask metrics metrics.kept state.database "
    "state.key state.lock state.offered state.runlog tables.connections",
    "nobody else writes what is in a cache": "cache.blobs cache.folder cache.local",
    "it is given a path beside the place": "cache.bucket clients.files clients.stores executed.export kinds.download "
    "kinds.dump serialize",
    "it makes a folder that was not there": "publishing.shelf review.checkouts smoke.place",
    "the folder is its own, for a moment": "airflow clients.shell jupyter.taking jupyter.watched kernels.jupyter "
    "kinds.script kinds.shell review.branch_run review.worktrees testing.stepwise travel.apart "
    "travel.lock venvs.making verifying.again",
    "it adds to a log, or to what is open": "cli cli.run cli.schedule executors.warm kernels.debugger process.standard "
    "show.ci worker.observe.family worker.streams",
    "it is empty, or no file": "cli.doctor compat.option_aliases deploy.bundle ploomber.command remote",
    "the copies are written by the door": "ploomber.to_spec",
}

#: How many lines may hold the type Any: JSON at the border, and what users' code gives and gets.
ANY_LINES = 110

PAGE = make_tree.PAGE.read_text(encoding="utf-8")
#: The package itself stands last: it has everything.
ORDER = [*make_tree.order(PAGE), "__init__"]


@pytest.fixture(scope="module")
def package() -> Package:
    return Package(Path(octavo.__file__).parent)


def test_the_tree_of_the_design_page_is_what_the_script_writes() -> None:
    assert make_tree.written(PAGE) == PAGE, "python docs/design/make_tree.py writes it anew"


def test_every_module_stands_in_the_tree_once(package: Package) -> None:
    assert architecture.unlisted(package, ORDER) == []


def test_every_import_is_of_a_module_further_up_in_the_tree(package: Package) -> None:
    assert architecture.forward(package, ORDER) == []


def test_no_modules_import_each_other(package: Package) -> None:
    assert architecture.cycle(package) == []


def test_no_file_has_more_than_400_lines(package: Package) -> None:
    assert architecture.long(package, 400) == []


def test_functions_of_more_than_50_lines_have_their_reason_on_the_design_page(package: Package) -> None:
    found = [complaint.partition(":")[0] for complaint in architecture.functions(package, 50)]
    reasons = PAGE[PAGE.index("longer than 50 lines") :].partition("\n\n")[0]
    assert sorted(found) == sorted(name.replace("/", ".") for name in re.findall(r"`([\w/]+\.\w+)`", reasons))


def test_half_of_the_files_have_at_most_125_lines(package: Package) -> None:
    assert architecture.median(package, 125) == []


def test_at_most_28_files_stand_beside_the_folders(package: Package) -> None:
    assert architecture.flat(package, 28) == []


def test_no_function_imports(package: Package) -> None:
    assert architecture.inside(package) == []


def test_no_string_names_a_module(package: Package) -> None:
    assert architecture.strings(package, [*NAMING]) == []


def test_few_lines_leave_a_type_open(package: Package) -> None:
    assert architecture.anys(package, ANY_LINES, apart="ploomber") == []


def test_files_are_written_by_one_door(package: Package) -> None:
    assert architecture.written(package, [name for names in DOORS.values() for name in names.split()]) == []


def test_no_two_classes_have_one_name(package: Package) -> None:
    assert architecture.namesakes(package, apart="ploomber") == [], "Ploomber's API says its own names"


def test_the_commands_of_the_command_line_are_files_of_their_own(package: Package) -> None:
    files = {name.partition(".")[2] for name in package.files if name.startswith("cli.")}
    assert files == {*(verb.replace("-", "_") for verb in VERBS), "options"}  # which all of them share


def test_what_pyproject_names_is_there(package: Package) -> None:
    settings = tomllib.loads((make_tree.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    named = [*project["scripts"].values()]
    named += [value for group in project["entry-points"].values() for value in group.values()]
    for value in named:
        module, _, name = value.removeprefix("octavo.").partition(":")
        # not by importing it: papermill, which papermill's engine imports, imports all engines
        assert not name or name in {getattr(node, "name", None) for node in package.trees[module].body}, value
    for pattern in settings["tool"]["ruff"]["lint"]["per-file-ignores"]:
        assert any(make_tree.ROOT.glob(pattern)), pattern
    assert (make_tree.ROOT / settings["tool"]["hatch"]["version"]["path"]).is_file()


# ── each check fails where it should


MADE: dict[str, str] = {
    "__init__.py": "",
    "low.py": "",
    "inner/__init__.py": "",
    "inner/first.py": "from .. import low",
    "inner/second.py": "import os\nfrom .first import x\nfrom ..low import y",
    "top.py": "from .inner import second\nwith lazy_imports():\n    from . import low",
}
MADE_ORDER = ["low", "inner", "inner.first", "inner.second", "top", "__init__"]


def made(folder: Path, **changed: str) -> Package:
    """Return a small package, with other contents in some of its files ("inner__first" for inner/first.py)."""
    files = MADE | {name.replace("__", "/") + ".py": text for name, text in changed.items()}
    for name, text in files.items():
        path = folder / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return Package(folder / "made")


def test_a_package_in_order_is_not_complained_of(tmp_path: Path) -> None:
    package = made(tmp_path)
    assert architecture.unlisted(package, MADE_ORDER) == []
    assert architecture.forward(package, MADE_ORDER) == []
    assert architecture.cycle(package) == architecture.inside(package) == architecture.strings(package) == []
    assert architecture.flat(package, 2) == architecture.long(package, 4) == []
    assert architecture.median(package, 1) == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"low": "from . import top"}, "low:1 imports top (top)"),
        ({"low": "from .inner import first"}, "low:1 imports inner.first (top)"),
        ({"low": "from .inner.first import x"}, "low:1 imports inner.first (top)"),
        ({"low": "import made.inner.first"}, "low:1 imports inner.first (top)"),
        ({"low": "from made.inner import first as it"}, "low:1 imports inner.first (top)"),
        ({"low": "try:\n    from .inner import x\nexcept ImportError: ..."}, "low:2 imports inner (top)"),
        ({"low": "if TYPE_CHECKING:\n    from .top import Top"}, "low:2 imports top (type)"),
        ({"low": "with lazy_imports():\n    from . import top"}, "low:2 imports top (lazy)"),
        ({"low": "def f():\n    from .top import g"}, "low:2 imports top (inside)"),
        ({"inner__first": "from . import second"}, "inner.first:1 imports inner.second (top)"),
        (
            {"inner__first": "with lazy_imports():\n    from .second import x"},
            "inner.first:2 imports inner.second (lazy)",
        ),
    ],
)
def test_an_import_of_what_stands_further_down_is_found(
    changed: Mapping[str, str], complaint: str, tmp_path: Path
) -> None:
    assert architecture.forward(made(tmp_path, **changed), MADE_ORDER) == [complaint]


@pytest.mark.parametrize(
    ("changed", "round"),
    [
        ({"low": "from .top import x"}, {"low", "top"}),
        ({"low": "with lazy_imports():\n    from . import top"}, {"low", "top"}),
        ({"low": "if TYPE_CHECKING:\n    from . import top"}, {"low", "top"}),
        ({"inner__first": "def f():\n    from .second import x"}, {"inner.first", "inner.second"}),
    ],
)
def test_a_cycle_is_found(changed: Mapping[str, str], round: set[str], tmp_path: Path) -> None:
    (found,) = architecture.cycle(made(tmp_path, **changed))
    names = found.split(" → ")
    assert names[0] == names[-1]
    assert round <= set(names)


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    import json",
        "def f():\n    with lazy_imports():\n        from . import low",
        "class A:\n    async def f(self):\n        if self:\n            from .low import x",
        "def f():\n    if TYPE_CHECKING:\n        import json",
    ],
)
def test_an_import_in_a_function_is_found(text: str, tmp_path: Path) -> None:
    (found,) = architecture.inside(made(tmp_path, top=text))
    assert found.startswith("top:")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("load('made.low')", "top:1 made.low"),
        ("load('made.inner.first:thing')", "top:1 made.inner.first:thing"),
        ("import_module('.low', __name__)", "top:1 import_module"),
        ("importlib.import_module(f'.{name}', __name__)", "top:1 import_module"),
        ("import_module('.' + name, __name__)", "top:1 import_module"),
    ],
)
def test_a_string_that_names_a_module_is_found(text: str, complaint: str, tmp_path: Path) -> None:
    package = made(tmp_path, top=text)
    assert architecture.strings(package) == [complaint]
    assert architecture.strings(package, ["top"]) == []


@pytest.mark.parametrize(
    "text",
    [
        "open(path, 'w')",
        "open(path, mode='ab')",
        "path.open('r+', encoding='utf-8')",
        "path.write_text(text)",
        "Path(path).write_bytes(data)",
        "os.replace(part, path)",
        "part.replace(path)",
        "shutil.copy(here, there)",
        "os.open(path, os.O_RDWR | os.O_CLOEXEC)",
        "path.touch()",
    ],
)
def test_a_call_that_writes_a_file_is_found(text: str, tmp_path: Path) -> None:
    package = made(tmp_path, top=text, low="open(path), open(path, 'rb'), text.replace('a', 'w'), x.copy(y)")
    (found,) = architecture.written(package)
    assert found.startswith("top:1 ")
    assert architecture.written(package, ["top"]) == []
    assert architecture.written(package, ["top", "low"]) == ["low writes nothing"]


def test_a_text_that_only_looks_like_a_module_is_none(tmp_path: Path) -> None:
    assert architecture.strings(made(tmp_path, top="'made.of wood', 'made.nothing', 'made', 'low'")) == []


@pytest.mark.parametrize(
    ("check", "most"),
    [(architecture.flat, 1), (architecture.long, 2), (architecture.median, 0), (architecture.functions, 1)],
)
def test_too_much_is_found(check: Callable[[Package, int], list[str]], most: int, tmp_path: Path) -> None:
    assert check(made(tmp_path, inner__first="def f():\n    pass"), most)


def test_a_module_that_the_order_lacks_or_has_twice_is_found(tmp_path: Path) -> None:
    package = made(tmp_path)
    assert architecture.unlisted(package, MADE_ORDER[1:]) == ["low"]
    assert architecture.unlisted(package, [*MADE_ORDER, "gone", "top"]) == ["gone", "top"]


def test_a_line_with_any_is_counted_but_for_a_folder(tmp_path: Path) -> None:
    text = "from typing import Any\nx: Any = 1\nAnyThing = many = 2"
    package = made(tmp_path, top=text, inner__first=text)
    assert architecture.anys(package, 4, "inner") == architecture.anys(package, 2, "inner") == []
    assert architecture.anys(package, 1, "inner") == ["2 lines", "top:1", "top:2"]
    assert architecture.anys(package, 3, "other") == [
        "4 lines",
        "inner.first:1",
        "inner.first:2",
        "top:1",
        "top:2",
    ]


def test_classes_of_one_name_are_found_but_for_a_folder(tmp_path: Path) -> None:
    package = made(
        tmp_path, top="class A: ...\nclass B: ...", inner__first="class A: ...", low="class B: ..."
    )
    assert architecture.namesakes(package, "other") == ["A: inner.first, top", "B: low, top"]
    assert architecture.namesakes(package, "inner") == ["B: low, top"]
