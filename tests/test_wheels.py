"""The wheels: octavo's changes no interpreter, octavo-ploomber's lets each find ``ploomber``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from pkgutil import resolve_name
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
META_PATH = "import sys; print(sys.meta_path)"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build the wheels of the two distributions, with what is installed here."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = {"octavo": ROOT, "octavo_ploomber": ROOT / "packages" / "octavo-ploomber"}
    for source in sources.values():
        pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    return {name: next(folder.glob(f"{name}-*.whl")) for name in sources}


def pip(*words: str | Path) -> None:
    """Run pip without an index."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words],
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Installed:
    """An environment of its own, in which wheels are installed; what they depend on is lent by this one."""

    def __init__(self, folder: Path, *wheels: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / "bin" / "python"
        pip("--python", self.python, "install", "--no-deps", *wheels)

    def run(self, *words: str | Path) -> str:
        """Run Python outside of the project; return what it printed."""
        # a folder in PYTHONPATH lends its packages, and its .pth files are not read
        lent = {"PYTHONPATH": sysconfig.get_path("purelib"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [self.python, *words],
            cwd=self.folder,
            env={**os.environ, **lent},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def alone(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("alone"), wheels["octavo"])


@pytest.fixture(scope="module")
def both(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("both"), *wheels.values())


def test_the_wheel_of_octavo_holds_nothing_that_runs_when_python_starts(wheels: dict[str, Path]) -> None:
    names = ZipFile(wheels["octavo"]).namelist()
    assert "octavo/process/finder.py" in names
    assert not [name for name in names if name.endswith((".pth", ".start"))]
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"octavo"}


def test_the_wheel_of_octavo_enables_its_extension_of_jupyters_server_by_a_file(
    wheels: dict[str, Path],
) -> None:
    with ZipFile(wheels["octavo"]) as wheel:
        (name,) = (name for name in wheel.namelist() if "/etc/jupyter/" in name)
        enabled = json.loads(wheel.read(name))["ServerApp"]["jpserver_extensions"]
    assert name.endswith(".data/data/etc/jupyter/jupyter_server_config.d/octavo.json")
    assert enabled == {"octavo.jupyter": True}


def test_an_installed_octavo_leaves_the_interpreter_as_it_is(alone: Installed) -> None:
    assert "octavo" not in alone.run("-c", META_PATH)
    assert alone.run("-c", META_PATH).count(" at 0x") == 0
    assert "No module named 'ploomber'" in alone.run("-c", "import ploomber")


def test_octavo_alone_builds_a_project_that_imports_ploomber(alone: Installed, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("tasks:\n  - source: jobs.make\n    product: made.txt\n")
    (tmp_path / "jobs.py").write_text(
        "from ploomber.products import File\n\ndef make(product: File):\n    product.write_text('made')\n"
    )
    said = alone.run(
        "-c", f"import os; os.chdir({str(tmp_path)!r}); from octavo.cli import entry; entry()", "build"
    )
    assert "1 done" in said, said
    assert (tmp_path / "made.txt").read_text() == "made"


def test_octavo_alone_runs_a_program_that_imports_ploomber(alone: Installed, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("from ploomber.executors import Serial\nprint(Serial())\n")
    said = alone.run("-m", "octavo.ploomber", tmp_path / "run.py")
    assert said.startswith("Serial("), said


def test_with_octavo_ploomber_plain_python_imports_ploomber(both: Installed, tmp_path: Path) -> None:
    assert "octavo_ploomber.Finder" in both.run("-c", META_PATH)
    assert both.run("-c", "import ploomber; print(ploomber.__name__)") == "octavo.ploomber\n"
    (tmp_path / "run.py").write_text(
        "from ploomber.tasks import PythonCallable\nprint(PythonCallable.__module__)\n"
    )
    assert both.run(tmp_path / "run.py") == "octavo.ploomber.tasks\n"


def test_octavo_ploomber_imports_nothing_before_it_is_asked(both: Installed) -> None:
    loaded = "import sys; print([name for name in sys.modules if name.startswith('octavo')], 'typing' in sys.modules)"
    assert both.run("-c", loaded) == "['octavo_ploomber'] False\n"


def test_the_finder_stands_there_once_whoever_puts_it_there(both: Installed) -> None:
    code = (
        "import sys, octavo_ploomber; from octavo.process import finder\n"
        "octavo_ploomber.start(); finder.install(); octavo_ploomber.start()\n"
        "print(sum(getattr(one, 'octavo_ploomber', False) for one in sys.meta_path))"
    )
    assert both.run("-c", code) == "1\n"


def test_without_octavo_its_finder_finds_nothing(wheels: dict[str, Path], tmp_path: Path) -> None:
    left = Installed(tmp_path / "left", wheels["octavo_ploomber"])
    assert left.run("-c", "import importlib.util; print(importlib.util.find_spec('ploomber'))") == "None\n"


def test_what_python_calls_when_it_starts_is_the_same_in_both_files(wheels: dict[str, Path]) -> None:
    with ZipFile(wheels["octavo_ploomber"]) as wheel:
        (line,) = wheel.read("octavo-ploomber.pth").decode().splitlines()
        (entry,) = wheel.read("octavo-ploomber.start").decode().splitlines()
    module, _, name = entry.partition(":")
    assert line == f"import {module}; {module}.{name}()"
    # as site.py of Python 3.15 finds it (PEP 829)
    sys.path.insert(0, str(wheels["octavo_ploomber"]))
    try:
        assert callable(resolve_name(entry))
    finally:
        sys.path.remove(str(wheels["octavo_ploomber"]))
        sys.modules.pop(module, None)


def test_the_extra_for_ploomber_brings_octavo_ploomber_and_that_brings_octavo(
    wheels: dict[str, Path],
) -> None:
    def required(name: str) -> list[str]:
        with ZipFile(wheels[name]) as wheel:
            path = next(path for path in wheel.namelist() if path.endswith(".dist-info/METADATA"))
            lines = wheel.read(path).decode().splitlines()
        return [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]

    assert [one for one in required("octavo") if "octavo" in one] == [
        "octavo-ploomber>=0.1; extra == 'ploomber'"
    ]
    assert required("octavo_ploomber") == ["octavo"]


def test_octavo_ploomber_brings_a_command_ploomber(alone: Installed, both: Installed) -> None:
    assert not (alone.folder / "bin" / "ploomber").exists()
    assert both.run(both.folder / "bin" / "ploomber", "--version").startswith("octavo ")


def test_the_readme_of_a_release_has_absolute_links_and_the_address_of_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCTAVO_FILES_URL", "https://example.org/octavo/blob/v1/")
    monkeypatch.setenv("OCTAVO_RAW_URL", "https://example.org/octavo/raw/v1/")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT)
    with ZipFile(next(tmp_path.glob("octavo-*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        told = wheel.read(name).decode()
    assert "Project-URL: Documentation, https://example.org/octavo/blob/v1/docs/index.md" in told
    assert "](https://example.org/octavo/raw/v1/docs/images/terminal.svg)" in told
    assert "](https://example.org/octavo/blob/v1/docs/pipeline.md)" in told
    assert not re.findall(r"\]\((?!https?://)[^)]+\)", told)
