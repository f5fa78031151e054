"""The name ``ploomber``: who serves it, where, and what it says of names that are not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

INSTALL = "from octavo.process import finder; finder.install()\n"


def python(code: str, *before: str) -> str:
    """Run a program in an interpreter of its own, with folders first on its path; return what it printed."""
    path = f"import sys; sys.path[:0] = {list(before)!r}\n" if before else ""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", path + code], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_name_leads_to_the_very_same_modules() -> None:
    code = INSTALL + (
        "import ploomber, ploomber.exceptions, octavo.ploomber\n"
        "from ploomber.exceptions import DAGBuildError as one\n"
        "from octavo.ploomber.exceptions import DAGBuildError as other\n"
        "print(ploomber is octavo.ploomber, one is other, octavo.ploomber.__spec__.name)"
    )
    assert python(code) == "True True octavo.ploomber"


def test_a_module_imported_under_its_own_name_first_is_the_same_too() -> None:
    code = INSTALL + (
        "import octavo.ploomber.exceptions as ours\n"
        "import ploomber.exceptions as theirs\n"
        "print(ours is theirs, theirs.__name__)"
    )
    assert python(code) == "True octavo.ploomber.exceptions"


def test_a_real_ploomber_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ploomber").mkdir()
    (tmp_path / "ploomber" / "__init__.py").write_text("real = True\n")
    assert python(INSTALL + "import ploomber; print(ploomber.real)", str(tmp_path)) == "True"
    said = python(INSTALL + "import ploomber.exceptions", str(tmp_path))
    assert said == "ModuleNotFoundError: No module named 'ploomber.exceptions'"


def test_a_folder_of_the_name_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "ploomber").mkdir()
    said = python(INSTALL + "from ploomber import exceptions; print(exceptions.__name__)", str(tmp_path))
    assert said == "octavo.ploomber.exceptions"


def test_modules_inside_of_its_packages_are_found_too() -> None:
    code = INSTALL + (
        "from ploomber.spec.dagspec import DAGSpec as one\n"
        "from ploomber.spec import DAGSpec as other\n"
        "import ploomber.clients.storage.local as deep, ploomber.clients as flat, ploomber.table\n"
        "print(one is other, deep is flat, ploomber.table.BuildReport.__name__)"
    )
    assert python(code) == "True True BuildReport"


def test_what_is_not_provided_says_so_and_names_the_way() -> None:
    said = python(INSTALL + "import ploomber.cli")
    assert said.startswith(
        "ModuleNotFoundError: octavo's ploomber does not provide ploomber.cli: use octavo build"
    )
    said = python(INSTALL + "import ploomber; ploomber.nothing")
    assert said == "AttributeError: octavo's ploomber does not provide ploomber.nothing"
    assert "ImportError" in python(INSTALL + "from ploomber import nothing")
