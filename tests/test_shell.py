"""Shell scripts as tasks, run by a real bash."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from octavo.kinds.command import follow, same_lines
from octavo.kinds.named import touch
from octavo.kinds.shell import KIND
from octavo.model import Source
from projects import Folder


@pytest.fixture
def shell(folder: Folder) -> Folder:
    """A project with a script that makes a file and one that uses it."""
    folder.write("data/in.txt", "raw\n")
    folder.write(
        "scripts/get.sh",
        """
        # the first
        cat data/in.txt > {{product}}
        echo said {{word}}
        echo complained >&2
        """,
    )
    folder.write("scripts/use.sh", "cat {{upstream['get']}} > {{product.a}}\necho $PWD > {{product['b']}}\n")
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: scripts/get.sh
            product: out/get.txt
            params: {word: hello}
          - source: scripts/use.sh
            product: {a: out/a.txt, b: out/b.txt}
        """,
    )
    return folder


def one(folder: Folder, script: str, extra: str = "") -> Folder:
    """Make a project of one script."""
    folder.write("go.sh", script)
    folder.write("pipeline.yaml", f"tasks:\n  - source: go.sh\n    product: out.txt\n{extra}")
    return folder


def test_scripts_run_in_order_with_absolute_paths_in_the_projects_folder(shell: Folder) -> None:
    done = shell.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert shell.read("out/a.txt") == "raw\n"
    assert shell.read("out/b.txt") == f"{shell.path.resolve()}\n"
    assert shell.octavo("build").stdout.startswith("2 tasks fresh")


def test_what_a_script_prints_is_the_tasks_output(shell: Folder) -> None:
    lines = [json.loads(line) for line in shell.octavo("build", "--json").stdout.splitlines()]
    said = [
        (it["content"]["name"], it["content"]["text"])
        for it in lines
        if it.get("event") == "Output" and it["task"] == "get"
    ]
    assert said == [("stdout", "said hello\n"), ("stderr", "complained\n")]


def test_a_comment_makes_nothing_stale_but_a_named_file_does(shell: Folder) -> None:
    shell.octavo("build")
    shell.write("scripts/get.sh", shell.read("scripts/get.sh").replace("the first", "another comment"))
    assert "fresh" in shell.octavo("status").stdout
    shell.write("data/in.txt", "other\n")
    assert "file data/in.txt changed" in shell.octavo("status").stdout
    shell.octavo("build")
    assert shell.read("out/a.txt") == "other\n"


def test_a_file_that_a_script_writes_beside_its_product_makes_it_not_stale(folder: Folder) -> None:
    one(folder, "date +%N >> log.txt\ncp log.txt {{product}}\n")
    folder.write("log.txt", "begun\n")
    folder.octavo("build")
    assert "1 task fresh" in folder.octavo("build").stdout


def test_a_failure_shows_line_exit_code_and_the_end_of_stderr(folder: Folder) -> None:
    one(folder, "set -e\nfalse || true\nif true; then\n  ls nowhere.txt\nfi\necho > {{product}}\n")
    done = folder.octavo("build")
    assert done.returncode == 1
    assert "failed go: go.sh:4" in done.stdout
    assert "4 |   ls nowhere.txt" in done.stdout
    assert "ShellError: the script ended with exit code 2" in done.stdout
    assert "nowhere.txt" in done.stdout.partition("ShellError: the script ended")[2]


@pytest.mark.parametrize(
    ("script", "line", "words"),
    [
        ("true\nnosuchcommand\n", 2, "go.sh: line 2: nosuchcommand: command not found"),
        ("true\n\nif then\n", 3, "syntax error near unexpected token"),
        ("set -u\necho $nope\n", 2, "nope: unbound variable"),
        ("true\nexit 7\n", None, "exit code 7"),
        ("kill -9 $$\n", None, "signal SIGKILL"),
    ],
)
def test_the_line_is_told_where_bash_tells_it(
    folder: Folder, script: str, line: int | None, words: str
) -> None:
    done = one(folder, script + "# {{product}}\n").octavo("build")
    assert f"failed go: go.sh{f':{line}' if line else ''}\n" in done.stdout
    assert words in done.stdout
    assert "octavo-" not in done.stdout, "the rendered copy is nobody's business"


def test_lines_of_a_rendered_loop_are_said_to_be_such(folder: Folder) -> None:
    done = one(folder, "{% for n in [1, 2, 3] %}\necho {{n}}\n{% endfor %}\nfalse # {{product}}\n").octavo(
        "build"
    )
    assert "failed go: go.sh\n" in done.stdout
    assert "exit code 1, at line 8 of the rendered script" in done.stdout
    assert same_lines("a {{x}}\nb\n", "a 1\nb") and not same_lines("a\n", "a\nb\n")


def test_a_script_that_ends_well_and_makes_nothing_has_failed(folder: Folder) -> None:
    assert "did not write out.txt" in one(folder, "echo {{product}}\n").octavo("build").stdout


@pytest.mark.parametrize("script", ["echo 1 > {{product}}", "cat {{product}} && echo 1 > '{{product}}'"])
def test_a_path_with_a_space_outside_of_quotes_is_told(folder: Folder, script: str) -> None:
    folder.write("go.sh", script)
    folder.write("pipeline.yaml", "tasks:\n  - source: go.sh\n    product: out/two words.txt\n")
    said = folder.octavo("build").stdout
    assert 'two words.txt" contains a space: quote the placeholder' in said
    folder.write("go.sh", 'echo 1 > "{{product}}"')
    assert folder.octavo("build").returncode == 0


def test_a_script_without_product_is_a_mistake(folder: Folder) -> None:
    done = one(folder, "echo product > somewhere\n").octavo("build")
    assert done.returncode == 2
    assert "go.sh: the script does not use {{product}}" in done.stderr
    assert KIND.facts(Source("go.sh"), b"{% if product %}x{% endif %}").mistakes == ()


def test_a_parameter_that_is_not_given_is_told_with_its_line(folder: Folder) -> None:
    done = one(folder, "true\necho {{wrod}} {{word}} > {{product}}\n", "    params: {word: x}\n").octavo(
        "build"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "go.sh:2" in done.stderr
    assert 'the template uses "wrod", which the task does not set' in done.stderr
    assert 'did you mean "word"?' in done.stderr


def test_the_clients_command_runs_the_script(folder: Folder) -> None:
    one(
        folder,
        "import sys\nopen('{{product}}', 'w').write(sys.argv[1])\n",
        "clients:\n  ShellScript: {dotted_path: connections.get, word: given}\n",
    )
    folder.write(
        "connections.py",
        f"""
        from octavo.clients import ShellClient

        def get(word):
            return ShellClient("'{sys.executable}' {{{{path_to_code}}}} " + word)
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder.read("out.txt") == "given"


def test_a_client_of_ones_own_gets_the_rendered_code(folder: Folder) -> None:
    one(folder, "echo {{product}}\n", "    client: connections.Noting\n")
    folder.write(
        "connections.py",
        """
        import pathlib

        class Noting:
            def execute(self, code):
                pathlib.Path("out.txt").write_text(code)

            def close(self):
                pathlib.Path("closed").touch()
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder.read("out.txt") == f"echo {folder.path.resolve()}/out.txt"
    assert (folder.path / "closed").exists()
    folder.write(
        "connections.py", folder.read("connections.py").replace('pathlib.Path("out.txt")', "pathlib.nope")
    )
    assert "AttributeError: module 'pathlib' has no attribute 'nope'" in folder.octavo("build").stdout


def test_a_command_that_is_not_there_is_told(folder: Folder) -> None:
    one(folder, "{{product}}\n", "    client: connections.get\n")
    code = "from octavo.clients import ShellClient\n\ndef get():\n    return ShellClient('nosh {{path_to_code}}')\n"
    folder.write("connections.py", code)
    assert 'CommandError: "nosh" cannot be started: No such file' in folder.octavo("build").stdout


def test_what_runs_in_the_background_is_not_waited_for() -> None:
    began = time.monotonic()
    assert follow(["bash", "-c", "echo now; sleep 30 & exit 3"]).code == 3
    assert time.monotonic() - began < 10


def test_an_interrupted_script_leaves_nothing_running(folder: Folder) -> None:
    one(folder, "sleep 98.76; touch {{product}}\n")
    command = [sys.executable, "-m", "octavo", "build", "--executor", "inline"]
    with subprocess.Popen(command, cwd=folder.path, stdout=subprocess.PIPE, text=True) as octavo:
        until = time.monotonic() + 30
        while not running("98.76") and time.monotonic() < until:
            time.sleep(0.05)
        assert running("98.76")
        octavo.send_signal(signal.SIGINT)
        said, _ = octavo.communicate(timeout=30)
    assert "KeyboardInterrupt" in said and octavo.returncode
    until = time.monotonic() + 10
    while running("98.76") and time.monotonic() < until:
        time.sleep(0.05)
    assert not running("98.76")


def running(word: str) -> bool:
    """Return whether a process has a word among its arguments."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return any(line.split()[:2] == ["sleep", word] for line in found.splitlines())


def test_output_comes_before_the_end(folder: Folder) -> None:
    code = (
        "from octavo.kinds.command import follow; follow(['bash', '-c', 'echo one; read < wait; echo two'])"
    )
    folder.path.joinpath("wait").touch()
    subprocess.run(["rm", "wait"], cwd=folder.path, check=True)
    subprocess.run(["mkfifo", "wait"], cwd=folder.path, check=True)
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], cwd=folder.path, stdout=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "one\n"
        folder.path.joinpath("wait").write_text("go\n")
        assert it.stdout.readline() == "two\n"


def test_a_pattern_stands_for_the_files_that_it_finds(folder: Folder) -> None:
    one(folder, "cat data/*.csv > {{product}}\n")
    folder.write("data/a.csv", "a\n")
    folder.octavo("build")
    assert "1 task fresh" in folder.octavo("build").stdout
    folder.write("data/a.csv", "b\n")
    assert "file data/a.csv changed" in folder.octavo("status").stdout
    folder.octavo("build")
    folder.write("data/c.csv", "c\n")
    assert "folder data/*.csv has other files" in folder.octavo("status").stdout


def test_only_files_that_are_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b-1.txt"):
        Path(name).write_text("x")
    found = touch("cut -f1 'a.csv' --in=b-1.txt c.csv | PATH=/nowhere:a.csv")
    assert {Path(path).name for path, _ in found.stamps} == {"a.csv", "b-1.txt"}
