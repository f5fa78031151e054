"""``octavo run`` with papermill's habits: what a notebook takes, limits, hidden code, pipes, and kill -9."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from projects import Folder

NOTEBOOK = """
# %% [markdown]
# # Monthly report

# %% tags=["parameters"]
n: int = 1  # how many
city = "Bern"
when = None

# %%
print(city * n)
n
"""


@pytest.fixture
def notebook(folder: Folder) -> Folder:
    folder.write("in.py", NOTEBOOK)
    return folder


def cells(folder: Folder, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(folder.read(name))["cells"]
    return found


def injected(folder: Folder, name: str) -> str:
    """Return the code of the cell with the parameters."""
    tagged = [it for it in cells(folder, name) if "injected-parameters" in it["metadata"].get("tags", ())]
    return "".join(tagged[0]["source"])


def said(cell: dict[str, Any]) -> str:
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


# ── what a notebook takes


@pytest.mark.parametrize(
    "words", [["--inspect"], ["--help-notebook"], ["--help"], ["-h"]], ids=lambda it: it[0]
)
def test_what_a_notebook_takes_is_shown_without_running_it(notebook: Folder, words: list[str]) -> None:
    ended = notebook.octavo("run", "in.py", *words)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "in.py: Monthly report",
        "kernel: default (python)",
        "parameters:",
        "  n     int  = 1       how many",
        '  city  str  = "Bern"',
        "  when       = None",
    ]
    assert sorted(it.name for it in notebook.path.iterdir()) == ["in.py"]


def test_what_a_notebook_takes_is_also_json(notebook: Folder) -> None:
    notebook.write(
        "in.py", NOTEBOOK.replace("when = None", "when = None\nlater = len(city)\npair = (1, {2})")
    )
    found = json.loads(notebook.octavo("run", "in.py", "--inspect", "--json").stdout)
    assert (found["title"], found["language"]) == ("Monthly report", "python")
    first, _, _, later, pair = found["parameters"]
    assert first == {"name": "n", "type": "int", "default": "1", "value": 1, "help": "how many"}
    assert "value" not in later and later["default"] == "len(city)"
    assert pair["type"] == "tuple"


def test_a_notebook_without_parameters_says_so(folder: Folder) -> None:
    folder.write("in.py", "# %%\n1\n")
    shown = folder.octavo("run", "in.py", "--inspect").stdout
    assert shown.endswith('parameters: it has no cell tagged "parameters", so it takes any\n')
    folder.write("in.py", '# %% tags=["parameters"]\n# nothing yet\n')
    assert folder.octavo("run", "in.py", "--inspect").stdout.endswith("parameters: it declares none\n")


def test_help_without_a_notebook_is_that_of_the_command(notebook: Folder) -> None:
    for words in ([], ["no.ipynb"]):
        ended = notebook.octavo("run", *words, "--help")
        assert ended.returncode == 0 and ended.stdout.startswith("usage: octavo run")
    assert "arguments are required: IN" in notebook.octavo("run").stderr


# ── parameters


def test_parameters_come_in_base64_and_every_other_source_wins_over_it(notebook: Folder) -> None:
    coded = base64.b64encode(b"{n: 2, city: Rom}").decode()
    ended = notebook.octavo("run", "in.py", "out.ipynb", "-b", coded, "-p", "n", "3")
    assert ended.returncode == 0, ended.stderr
    assert injected(notebook, "out.ipynb") == '# Parameters\nn = 3\ncity = "Rom"'
    for bad in ("{n: 2}", base64.b64encode(b"\xff").decode()):
        assert "this is not valid Base64" in notebook.octavo("run", "in.py", "-b", bad).stderr


def test_the_paths_are_injected_when_asked_for_though_nobody_declares_them(notebook: Folder) -> None:
    assert notebook.octavo("run", "in.py", "out.ipynb", "--inject-paths").returncode == 0
    expected = '# Parameters\nPAPERMILL_INPUT_PATH = "in.py"\nPAPERMILL_OUTPUT_PATH = "out.ipynb"'
    assert injected(notebook, "out.ipynb") == expected
    assert notebook.octavo("run", "in.py", "out.ipynb", "--inject-input-path").returncode == 0
    assert injected(notebook, "out.ipynb") == '# Parameters\nPAPERMILL_INPUT_PATH = "in.py"'


def test_paths_name_parameters_and_defaults_in_braces(notebook: Folder) -> None:
    ended = notebook.octavo(
        "run", "{kind}.py", "out-{city}-{n:03d}.ipynb", "-p", "n", "3", "-r", "kind", "in", "--no-strict"
    )
    assert "wrote out-Bern-003.ipynb" in ended.stdout, ended.stderr
    ended = notebook.octavo("run", "in.py", "{pm[current_datetime_utc]:%Y}-{pm[run_uuid]}.ipynb")
    assert ended.returncode == 0 and len(list(notebook.path.glob("20??-????????-*.ipynb"))) == 1
    ended = notebook.octavo("run", "in.py", "out-{town}.ipynb")
    assert ended.returncode == 2
    assert 'out-{town}.ipynb: the path uses an unknown parameter "town"' in ended.stderr
    assert "the path cannot be filled in" in notebook.octavo("run", "in.py", "out-{}.ipynb").stderr


def test_a_file_whose_name_has_braces_is_that_file(notebook: Folder) -> None:
    notebook.write("{n}.py", NOTEBOOK)
    assert notebook.octavo("run", "{n}.py", "out.ipynb").returncode == 0


# ── how it runs


def test_report_mode_hides_the_code_and_keeps_what_else_is_said_of_cells(notebook: Folder) -> None:
    notebook.write("in.py", NOTEBOOK.replace("# %%\nprint", '# %% jupyter={"outputs_hidden": true}\nprint'))
    assert notebook.octavo("run", "in.py", "out.ipynb", "-p", "n", "2", "--report-mode").returncode == 0
    hidden = [it["metadata"].get("jupyter") for it in cells(notebook, "out.ipynb")]
    assert hidden == [
        None,
        {"source_hidden": True},
        {"source_hidden": True},
        {"source_hidden": True, "outputs_hidden": True},
    ]


def test_a_notebook_is_prepared_without_being_run(notebook: Folder) -> None:
    ended = notebook.octavo("run", "in.py", "out.ipynb", "-p", "n", "2", "--prepare-only")
    assert ended.returncode == 0 and "it was not run" in ended.stdout
    assert injected(notebook, "out.ipynb") == "# Parameters\nn = 2"
    written = json.loads(notebook.read("out.ipynb"))
    assert not any(cell.get("outputs") for cell in written["cells"])
    assert written["metadata"]["papermill"]["parameters"] == {"n": 2}
    # keys of several kinds have no order of their own
    mixed = ("-y", "e: {k: 1, 2: z}", "--no-strict", "--prepare-only")
    assert notebook.octavo("run", "in.py", "out.ipynb", *mixed).returncode == 0
    assert "e = {'k': 1, 2: 'z'}" in injected(notebook, "out.ipynb").replace('"', "'")


def test_a_cell_that_takes_too_long_ends_the_run(folder: Folder) -> None:
    folder.write("in.py", "# %%\nprint('first')\n\n# %%\nimport time\ntime.sleep(60)\n")
    ended = folder.octavo("run", "in.py", "out.ipynb", "--execution-timeout", "0.5")
    assert ended.returncode == 1
    assert "Timeout: cell 2 ran longer than its limit of 0.5 s" in ended.stdout
    assert said(cells(folder, "out.ipynb")[0]) == "first\n"
    assert "Timeout: it ran longer than its limit" in folder.octavo("run", "in.py", "--timeout", "1").stdout


def test_memory_has_a_limit(folder: Folder) -> None:
    folder.write("in.py", "# %%\nx = bytearray(400_000_000)\nimport time\ntime.sleep(30)\n")
    ended = folder.octavo("run", "in.py", "--memory", "300MB")
    assert ended.returncode == 1 and "more than its limit of 300 MB" in ended.stdout


def test_a_notebook_that_fails_is_tried_again(folder: Folder) -> None:
    folder.write(
        "in.py", "# %%\nopen('tries', 'a').write('x')\nassert open('tries').read() == 'xx'\nprint('well')\n"
    )
    ended = folder.octavo("run", "in.py", "out.ipynb", "--retries", "1")
    assert ended.returncode == 0, ended.stdout
    assert said(cells(folder, "out.ipynb")[0]) == "well\n"


def test_a_kernel_that_does_not_start_in_time_is_a_failure(folder: Folder) -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(60)", "{connection_file}"]
    spec = {"argv": argv, "display_name": "slow", "language": "python"}
    folder.write("jupyter/kernels/slow/kernel.json", json.dumps(spec))
    folder.write("in.py", "# %%\n1\n")
    words = ["run", "in.py", "-k", "slow", "--start-timeout", "0.3"]
    ended = folder.octavo(*words, env={"JUPYTER_PATH": str(folder.path / "jupyter")})
    assert ended.returncode == 1 and 'the kernel "slow" did not answer within 0.3 s' in ended.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--timeout", "soon"], '"soon" is not a number of seconds'),
        (["--execution-timeout", "0"], '"0" is not a number of seconds above 0'),
        (["--memory", "much"], '"much" is not a size such as 4GB or 512MB'),
        (["--retries", "-1"], '"-1" is not a whole number, 0 or more'),
        (["--stdout-file", "no/such/folder"], "no/such/folder: it cannot be written"),
    ],
)
def test_values_that_mean_nothing_are_mistakes(notebook: Folder, words: list[str], message: str) -> None:
    ended = notebook.octavo("run", "in.py", *words)
    assert ended.returncode == 2 and message in ended.stderr


def test_options_that_mean_nothing_here_say_so(notebook: Folder) -> None:
    words = [
        "--engine",
        "nbclient",
        "-l",
        "python",
        "--log-level",
        "DEBUG",
        "--no-progress-bar",
        "--no-log-output",
    ]
    ended = notebook.octavo("run", "in.py", "out.ipynb", *words)
    assert ended.returncode == 0
    assert [line.partition(":")[2].split(" has")[0] for line in ended.stderr.splitlines()] == [
        " --engine",
        " --language",
        " --log-level",
    ]
    assert notebook.octavo("run", "in.py", "--engine", "octavo").stderr == ""


# ── what it prints


def test_what_cells_print_goes_to_files_and_results_into_the_log(notebook: Folder) -> None:
    notebook.write("in.py", NOTEBOOK + "\nimport sys\nprint('bad', file=sys.stderr)\n42\n")
    words = ["--stdout-file", "out.txt", "--stderr-file", "err.txt", "--log-output"]
    ended = notebook.octavo("run", "in.py", *words)
    assert ended.returncode == 0, ended.stderr
    assert (notebook.read("out.txt"), notebook.read("err.txt")) == ("Bern\n", "bad\n")
    assert "Bern\nbad\n42\n" in ended.stdout


def piped(folder: Folder, *words: str, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "octavo", "run", *words],
        cwd=folder.path,
        env={**os.environ, "NO_COLOR": "1"},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("form", ["py", "ipynb"])
def test_a_notebook_comes_from_standard_input_and_goes_to_standard_output(
    notebook: Folder, form: str
) -> None:
    notebook.octavo("run", "in.py", "in.ipynb", "--prepare-only")
    ended = piped(notebook, "-", "-", "-p", "n", "3", "--log-output", text=notebook.read(f"in.{form}"))
    assert ended.returncode == 0, ended.stderr
    assert said(json.loads(ended.stdout)["cells"][-1]) == "BernBernBern\n"
    assert "BernBernBern\n3\n" in ended.stderr and "wrote the notebook to standard output" in ended.stderr
    assert json.loads(ended.stdout)["metadata"]["papermill"]["output_path"] == "-"


def test_a_notebook_of_standard_input_that_fails_still_goes_to_standard_output(folder: Folder) -> None:
    ended = piped(folder, "-", text="# %%\nprint('here')\n1 / 0\n")
    assert ended.returncode == 1
    assert said(json.loads(ended.stdout)["cells"][0]) == "here\n"
    assert "ZeroDivisionError" in ended.stderr
    assert piped(folder, "-", text="").returncode == 2


# ── saved while it runs


def test_kill_9_of_the_driver_leaves_what_had_run(folder: Folder) -> None:
    folder.write(
        "in.py",
        "# %%\nprint('first')\n\n# %%\nimport time\nprint('second')\ntime.sleep(60)\n\n# %%\nprint('never')\n",
    )
    driver = subprocess.Popen(
        [sys.executable, "-m", "octavo", "run", "in.py", "out.ipynb", "--autosave-cell-every", "0.2", "-q"],
        cwd=folder.path,
    )
    out = folder.path / "out.ipynb"
    until = time.monotonic() + 30
    while not (out.exists() and "second" in said(cells(folder, "out.ipynb")[1])):
        assert time.monotonic() < until, "nothing was saved"
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    first, second, third = cells(folder, "out.ipynb")
    assert (said(first), said(second), said(third)) == ("first\n", "second\n", "")
    status = [cell["metadata"]["papermill"]["status"] for cell in (first, second, third)]
    assert status == ["completed", "running", "pending"]
    assert not (folder.path / "out.ipynb.part").exists()


def saved(folder: Folder, *words: str) -> bool:
    """Return whether a notebook that looks at its own output finds it while it runs."""
    folder.write("in.py", "# %%\nimport os, time\ntime.sleep(0.8)\nprint(os.path.exists('out.ipynb'))\n")
    Path(folder.path / "out.ipynb").unlink(missing_ok=True)
    assert folder.octavo("run", "in.py", "out.ipynb", *words).returncode == 0
    return said(cells(folder, "out.ipynb")[0]) == "True\n"


def test_saving_while_it_runs_has_a_pace_and_can_be_left_out(folder: Folder) -> None:
    assert saved(folder, "--autosave-cell-every", "0.1")
    assert not saved(folder, "--autosave-cell-every", "60")
    assert not saved(folder, "--autosave-cell-every", "0")
    assert not saved(folder, "--autosave-cell-every", "0.1", "--no-request-save-on-cell-execute")
