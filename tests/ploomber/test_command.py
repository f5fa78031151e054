"""The command ``ploomber`` of octavo-ploomber: what Makefiles, CI and Dockerfiles type, run by octavo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from programs import environment

from octavo.compat.command_lines import translated
from projects import Folder

INTRODUCTION = (
    "ploomber: octavo runs this, by the package octavo-ploomber; the command of octavo itself is octavo\n"
)


def ploomber(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command of Ploomber's."""
    return subprocess.run(
        [sys.executable, "-c", "import octavo_ploomber; octavo_ploomber.command()", *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write(
        "jobs.py",
        """
        import logging

        def make(product):
            logging.getLogger(__name__).info("at work")
            product.write_text("made")

        def use(product, upstream):
            product.write_text(upstream["make"].read_text())
        """,
    )
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: jobs.make, product: made.txt}
          - {source: jobs.use, product: used.txt}
        """,
    )
    return folder


def test_a_build_runs_and_the_command_says_once_what_it_is(project: Folder) -> None:
    first = ploomber(project.path, "build", "--partially", "make", "--force")
    assert (first.returncode, first.stderr) == (0, INTRODUCTION)
    assert "1 done" in first.stdout
    second = ploomber(project.path, "build")
    assert (second.returncode, second.stderr) == (0, "")
    assert project.read("used.txt") == "made"


def test_what_ploomber_logs_to_a_file_is_there(project: Folder) -> None:
    done = ploomber(project.path, "task", "make", "-l", "info", "-F", "my.log", "-f")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "at work" in project.read("my.log")
    done = ploomber(project.path, "build", "--log", "INFO", "-F", "other.log", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "at work" in project.read("other.log")


def test_options_without_effect_are_named_and_leave_the_command_whole(project: Folder) -> None:
    done = ploomber(project.path, "build", "--debuglater")
    assert done.returncode == 0
    assert "note: --debuglater has no effect: use --hold" in done.stderr
    done = ploomber(project.path, "plot", "--backend", "d3", "-i", "--log=info", "-o", "graph.html")
    assert done.returncode == 0, done.stderr
    assert [line.split(" has ")[0] for line in done.stderr.splitlines()] == [
        "note: --backend",
        "note: -i",
        "note: --log",
    ]
    assert (project.path / "graph.html").exists()


def test_drawings_and_pages_go_where_ploomber_puts_them(project: Folder) -> None:
    assert ploomber(project.path, "plot").returncode == 0
    assert "<svg" in project.read("pipeline.html")
    (project.path / "pipeline.yaml").rename(project.path / "pipeline.train.yaml")
    assert ploomber(project.path, "report", "-e", "pipeline.train.yaml", "-b", "mermaid").returncode == 0
    assert (project.path / "pipeline.train.html").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("install",), 2, "use pip or conda"),
        (("nb", "--inject"), 2, "not needed: octavo runs notebooks"),
        (("buidl",), 2, 'did you mean "build"?'),
        (("build", "--partialy", "x"), 2, 'did you mean "--partially"?'),
        ((), 2, "usage: octavo COMMAND"),
        (("--version",), 0, "octavo 0."),
    ],
)
def test_what_octavo_has_not_is_told_as_octavo_tells_it(
    words: tuple[str, ...], code: int, said: str, project: Folder
) -> None:
    done = ploomber(project.path, *words)
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_where_ploomber_itself_is_installed_its_own_command_runs(folder: Folder) -> None:
    folder.write(".site/ploomber/__init__.py", "def main():\n    print('the real one')\n    return 7\n")
    info = ".site/ploomber-0.23.3.dist-info"
    folder.write(f"{info}/METADATA", "Metadata-Version: 2.1\nName: ploomber\nVersion: 0.23.3\n")
    folder.write(f"{info}/entry_points.txt", "[console_scripts]\nploomber = ploomber:main\n")
    done = ploomber(folder.path, "build")
    assert (done.returncode, done.stdout, done.stderr) == (7, "the real one\n", "")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("build -p fit -su", "build -p fit -su"),
        ("build --env--sample true -F x.log", "build --env--sample true --log-file x.log"),
        ("build -D", "build"),
        ("plot --backend=d3 --output a.svg", "plot --output a.svg"),
        (
            "plot -e flows/pipeline.serve.yaml",
            "plot -e flows/pipeline.serve.yaml --output pipeline.serve.html",
        ),
        ("report", "report --output pipeline.html"),
        ("status -l debug", "status"),
        ("task fit --debuglater -s", "task fit -s"),
        ("status --log", "status"),
        ("--help", "--help"),
        ("", ""),
    ],
)
def test_command_lines_become_octavos(typed: str, meant: str) -> None:
    assert translated(typed.split())[0] == meant.split()
