"""Runs elsewhere: each task in an empty folder, and only the store between them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from threading import Timer

import pytest

from octavo.cache.local import Cache
from octavo.cache.shared import TOP
from octavo.cli import _guarded
from octavo.deploy import follow, one
from octavo.deploy.bundle import unpack
from octavo.deploy.depot import Depot
from octavo.deploy.runs import Runs
from octavo.errors import Error
from octavo.show.screen import screen
from projects import Folder

PIPELINE = """
    tasks:
      - source: steps.load
        product: out/load
      - source: steps.fit
        name: fit-[[k]]
        product: out/fit-[[k]].txt
        upstream: load
        grid: {k: [1, 2]}
      - source: report.py
        product: {nb: out/report.ipynb, data: out/report.txt}
    """
STEPS = """
    from pathlib import Path

    import helper


    def load(product):
        folder = Path(product)
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a.txt").write_text("1 2 3")
        (folder / "b.txt").write_text("4")


    def fit(product, upstream, k):
        assert not list(Path().rglob("report*.txt")), "others' products are not here"
        found = [int(n) for path in Path(upstream["load"]).rglob("*.txt") for n in path.read_text().split()]
        Path(product).write_text(str(helper.scaled(sum(found), k)))
    """
REPORT = """
    # %% tags=["parameters"]
    upstream = ["fit-*"]
    product = None

    # %%
    from pathlib import Path
    total = sum(int(Path(path).read_text()) for path in upstream["fit-*"].values())
    print("in all", total)
    Path(product["data"]).write_text(str(total))
    """


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A project beside which there is room for a store."""
    return Folder(tmp_path / "project")


def octavo(folder: Folder, *words: str) -> tuple[int, str, str]:
    """Run a command in this process, which saves the time of starting one; return its code and what it said."""
    out, err = StringIO(), StringIO()
    with chdir(folder.path), redirect_stdout(out), redirect_stderr(err):
        code = _guarded(words, screen(err, {}))
    return code, out.getvalue(), err.getvalue()


def made(path: Path) -> Folder:
    folder = Folder(path)
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("steps.py", STEPS)
    folder.write("helper.py", "def scaled(n, k):\n    return n * k\n")
    folder.write("report.py", REPORT)
    return folder


def lone(folder: Folder, body: str, **more: str) -> Folder:
    """Make a pipeline of one function."""
    folder.write("steps.py", f"import time\n\n\ndef go(product, n=0):\n    {body}\n")
    text = "".join(f"\n    {key}: {value}" for key, value in more.items())
    folder.write("pipeline.yaml", f"tasks:\n  - source: steps.go\n    product: go.txt{text}\n")
    return folder


def submitted(folder: Folder, *words: str, code: int = 0) -> str:
    """Submit a run to this machine and return its name."""
    ended, out, err = octavo(folder, "submit", "--remote", "../store", "--json", *words)
    assert ended == code, err
    return str(json.loads(out)["run"])


def runs(folder: Folder) -> Runs:
    return Runs(Depot(str(folder.path.parent / "store"), "/"))


def states(folder: Folder, run: str) -> dict[str, str]:
    at = runs(folder)
    found = follow.states(at, run, at.plan(str(at.known(run)["plan"])), time.time())
    return {state.task: state.state for state in found}


def files(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*.txt") if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return made(tmp_path_factory.mktemp("elsewhere") / "project")


@pytest.fixture(scope="module")
def first(project: Folder) -> str:
    """A run that everything ran in."""
    return submitted(project)


def test_each_task_finds_its_inputs_and_makes_the_same_bytes_as_here(project: Folder, first: str) -> None:
    local = made(project.path.parent / "local")
    assert local.octavo("build", "-q").returncode == 0
    folder = project.path.parent / "fetched"
    assert octavo(project, "fetch", first, "--remote", "../store", "--to", str(folder))[0] == 0
    assert files(folder / "out") == files(local.path / "out")
    assert {*states(project, first).values()} == {"done"}
    assert "in all 30" in (folder / "out" / "report.ipynb").read_text()
    assert not (folder / ".octavo").exists()


def test_the_store_alone_tells_how_a_run_went(
    project: Folder, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Folder(tmp_path)
    monkeypatch.setenv("OCTAVO_REMOTE", str(project.path.parent / "store"))
    listed = octavo(nowhere, "runs", "--number", "1")[1]
    assert (listed.startswith(first), listed.count("\n")) == (True, 1)
    code, _, err = octavo(nowhere, "status", f"{first[:-1]}x", "--remote")
    assert (code, f'did you mean "{first}"?' in err) == (2, True), err
    told = json.loads(octavo(nowhere, "status", first, "--json")[1])
    names = ("load", "fit-1", "fit-2", "report")
    assert [(row["task"], row["state"]) for row in told] == [(name, "done") for name in names]
    code, out, err = octavo(nowhere, "log", first[:18], "--remote", "-t", "report")
    assert (code, err) == (0, "")
    assert "in all 30" in out
    assert "not selected" not in out
    assert "over" in octavo(nowhere, "cancel", first)[1]


def test_what_the_store_knows_and_what_is_fresh_here_does_not_run(project: Folder, first: str) -> None:
    at, again = runs(project), "again"
    digest = str(at.known(first)["plan"])
    for name in at.plan(digest).tasks:
        assert one.run_task(one.Errand(name, again, at.depot.url, digest), lambda text: None) == 0
    assert {*states(project, again).values()} == {"restored"}
    fetched = octavo(project, "fetch", again, "--remote", "../store")
    assert fetched == (0, "4 tasks fetched: load, fit-1, fit-2, report\n", "")
    assert octavo(project, "status", "--exit-code")[0] == 0
    nothing = octavo(project, "submit", "--remote", "../store")
    assert nothing == (0, "nothing to submit: all is fresh\n", "")
    project.write("report.py", REPORT.replace("in all", "together"))
    last = submitted(project)
    assert states(project, last) == {"report": "done"}
    assert octavo(project, "fetch", last, "--remote", "../store")[0] == 0
    assert "together 30" in project.read("out/report.ipynb")


def test_a_failure_stops_what_is_after_it_and_sends_its_notebook(folder: Folder) -> None:
    folder.write("first.py", '# %%\nprint("so far")\n\n# %%\n1 / 0\n')
    folder.write("second.py", '# %% tags=["parameters"]\nupstream = ["first"]\nproduct = None\n')
    folder.write(
        "pipeline.yaml",
        "tasks:\n  - {source: first.py, product: first.ipynb}\n  - {source: second.py, product: second.ipynb}\n",
    )
    run = submitted(folder, code=1)
    assert states(folder, run) == {"first": "failed", "second": "blocked"}
    code, out, _ = octavo(folder, "status", run, "--remote", "../store", "--exit-code")
    assert code == 1
    assert "ZeroDivisionError: division by zero" in out
    assert octavo(folder, "fetch", run, "first", "--remote", "../store", "--to", "out")[0] == 0
    assert "so far" in folder.read("out/first.failed.ipynb")


# ── one task


@pytest.fixture
def planned(folder: Folder) -> Iterator[tuple[Folder, str]]:
    """A run of one task that nobody has begun."""
    lone(folder, 'time.sleep(float(n)); open(product, "w").write("made")')
    yield folder, submitted(folder, "--octavo", "true")


def errand(folder: Folder, run: str, task: str = "go") -> one.Errand:
    return one.Errand(task, run, str(folder.path.parent / "store"), patience=0.0)


def test_a_task_that_is_recorded_is_not_done_twice(planned: tuple[Folder, str]) -> None:
    folder, run = planned
    assert states(folder, run) == {"go": "waiting"}
    said: list[str] = []
    here = os.getcwd()
    assert one.run_task(errand(folder, run), said.append) == 0
    assert one.run_task(errand(folder, run), said.append) == 0
    assert (os.getcwd(), len(said)) == (here, 1)
    assert "done already" in said[0]
    # but what the store has lost is made again
    store = folder.path.parent / "store" / TOP
    (entry,) = [task.entry() for task in runs(folder).tasks(run).values()]
    assert entry is not None
    blob = entry.products["go.txt"].blob
    (store / "blobs" / blob[:2] / blob).unlink()
    assert one.run_task(errand(folder, run), said.append) == 0
    assert (store / "blobs" / blob[:2] / blob).read_text() == "made"
    found = runs(folder).task(run, "go")
    assert found is not None
    assert found.attempt == 2


def test_what_was_cancelled_does_not_begin(planned: tuple[Folder, str]) -> None:
    folder, run = planned
    assert octavo(folder, "cancel", run, "--remote", "../store")[0] == 0
    assert one.run_task(errand(folder, run), lambda text: None) == 143
    assert states(folder, run) == {"go": "cancelled"}


def test_sigterm_ends_a_task_and_its_log_is_sent(folder: Folder) -> None:
    lone(folder, 'print("begun", flush=True); time.sleep(600)')
    run = submitted(folder, "--octavo", "true")
    words = ["run-task", "go", "--run", run, "--remote", "../store"]
    with subprocess.Popen(
        [sys.executable, "-m", "octavo", *words], cwd=folder.path, stdout=subprocess.PIPE, text=True
    ) as task:
        assert task.stdout
        assert any("begun" in line for line in iter(task.stdout.readline, ""))
        assert states(folder, run) == {"go": "running"}
        task.send_signal(signal.SIGTERM)
        task.communicate(timeout=60)
        assert task.returncode == 143
    (found,) = runs(folder).tasks(run).values()
    assert (found.state, found.why) == ("cancelled", "it was told to end (SIGTERM)")
    assert b"begun" in runs(folder).depot.get(found.log)


def test_a_late_attempt_leaves_the_result_that_others_may_have_read(folder: Folder) -> None:
    mark = folder.path.parent / "mark"
    body = f"first = not __import__('os').path.exists({str(mark)!r}); open({str(mark)!r}, 'a').close()"
    lone(folder, f"{body}; time.sleep(600 if first else 0); open(product, 'w').write(str(first))")
    run = submitted(folder, "--octavo", "true")
    words = ["run-task", "go", "--run", run, "--remote", "../store"]
    with subprocess.Popen([sys.executable, "-m", "octavo", *words], cwd=folder.path) as late:
        while not mark.exists():
            assert late.poll() is None
            time.sleep(0.02)
        # an engine has lost sight of it, and starts another
        assert one.run_task(errand(folder, run), lambda text: None) == 0
        late.terminate()
        assert late.wait(60) == 143
    (found,) = runs(folder).tasks(run).values()
    assert (found.state, found.attempt) == ("done", 2)


@pytest.mark.parametrize(
    ("body", "more", "code"),
    [
        ("time.sleep(600)", {"timeout": "0.2"}, 124),
        ("import os; os.kill(os.getpid(), 9)", {}, 75),
    ],
)
def test_exit_codes_tell_engines_what_is_worth_another_attempt(
    folder: Folder, body: str, more: dict[str, str], code: int
) -> None:
    run = submitted(lone(folder, body, **more), "--octavo", "true")
    assert one.run_task(errand(folder, run), lambda text: None) == code
    assert states(folder, run) == {"go": "failed"}


def test_without_the_result_of_a_task_before_it_nothing_runs(project: Folder, first: str) -> None:
    at = runs(project)
    head = at.known(first)
    for engines_run in ("scheduled__2026-01-01T00:00:00+00:00", "Scheduled__2026-01-01T00:00:00+00:00"):
        said: list[str] = []
        job = one.Errand("report", engines_run, at.depot.url, str(head["plan"]), patience=0.0)
        assert one.run_task(job, said.append) == 66
        assert said == ['report: "fit-1" has no result in this run: it has not run']
        assert at.known(engines_run)["run"] == engines_run
    assert at.known("scheduled__2026-01-01T00:00:00+00:00")["around"]["now"]


def test_a_store_that_is_away_is_waited_for(planned: tuple[Folder, str]) -> None:
    folder, run = planned
    where = folder.path.parent / "store" / TOP / "tasks"
    where.write_text("a file, where a folder should be")
    said: list[str] = []
    assert one.run_task(errand(folder, run), said.append) == 75
    assert "cannot be reached" in said[0]
    back = Timer(0.5, where.unlink)
    back.start()
    assert one.run_task(replace(errand(folder, run), patience=60.0), said.append) == 0
    back.join()
    assert states(folder, run) == {"go": "done"}


def test_products_that_the_store_claims_stay_in_the_folder(
    project: Folder, first: str, tmp_path: Path
) -> None:
    found = runs(project).task(first, "fit-1")
    assert found is not None
    entry = found.entry()
    assert entry is not None
    (piece,) = entry.products.values()
    for away in ("../evil.txt", str(tmp_path / "evil.txt")):
        evil = replace(entry, products={away: piece})
        with pytest.raises(Error, match="not those of the pipeline"):
            follow.place(runs(project).depot, evil, Cache(tmp_path / "cache", tmp_path / "root"), [away])
    assert not (tmp_path / "evil.txt").exists()


def test_a_store_that_has_lost_a_run_or_is_none_is_told_and_no_bug(planned: tuple[Folder, str]) -> None:
    folder, run = planned
    blobs = folder.path.parent / "store" / TOP / "blobs"
    blobs.rename(blobs.with_name("gone"))
    for words in (["status", run], ["log", run], ["fetch", run], ["cancel", run]):
        code, _, err = octavo(folder, *words, "--remote", "../store")
        assert (code, "has lost a part of this run" in err) == (2, True), err
    (folder.path.parent / "file").write_text("")
    code, _, err = octavo(folder, "submit", "--remote", "../file")
    assert (code, "cannot be used" in err) == (2, True), err
    code, _, err = octavo(folder, "submit", "--remote", "../other", "--octavo", "/nowhere/octavo")
    assert (code, "there is no command /nowhere/octavo" in err) == (2, True), err


def test_a_product_that_is_a_link_cannot_travel(folder: Folder) -> None:
    lone(folder, "__import__('os').symlink('pipeline.yaml', product)")
    run = submitted(folder, "--octavo", "true")
    said: list[str] = []
    assert one.run_task(errand(folder, run), said.append) == 1
    assert said == ["go: a product is a link, or was changed since: it cannot be sent"]


# ── what is refused, before anything is sent


def test_mistakes_are_told_before_anything_is_sent(folder: Folder) -> None:
    lone(folder, 'open(product, "w").write("")')
    text = folder.read("steps.py").replace("n=0", "n=0, api_token=None")
    folder.write("steps.py", text)

    def refused(*words: str) -> str:
        code, out, err = octavo(folder, "submit", "--remote", "../store", *words)
        assert code == 2, out
        return err

    assert 'the parameter "api_token" looks like a secret' in refused("-p", "api_token=x")
    assert 'there is no engine "her"' in refused("--to", "her")
    assert 'the engine here has no option "partition"' in refused("--option", "partition=gpu")
    folder.write("pipeline.yaml", "tasks:\n  - source: steps.go\n    product: ../go.txt\n")
    assert "which is outside of the project" in refused()
    assert not (folder.path.parent / "store").exists()
    assert "needs a store" in octavo(folder, "submit")[2]


@pytest.mark.parametrize("verb", [["submit", "--to", "here"], ["export", "airflow", "-o", "dag.py"]])
def test_an_address_with_a_password_is_written_nowhere(tmp_path: Path, verb: list[str]) -> None:
    folder = made(tmp_path / "project")
    for url in ("memory://me:hunter2@host/x", "https://hunter2@host/x", "https://host/x?sig=hunter2"):
        code, out, err = octavo(folder, *verb, "--remote", url)
        assert code == 2 and "the address of the store holds a password" in err and "•••" in err
        assert "hunter2" not in out + err and not (folder.path / "dag.py").exists()


@pytest.mark.parametrize(
    ("kind", "name"), [(tarfile.SYMTYPE, "link"), (tarfile.FIFOTYPE, "pipe"), (tarfile.REGTYPE, "../out")]
)
def test_code_that_holds_more_than_files_of_the_project_is_refused(
    tmp_path: Path, kind: bytes, name: str
) -> None:
    depot = Depot(str(tmp_path / "store"), "/")
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    (tmp_path / "here").mkdir()
    with pytest.raises(Error, match="the code of this run is damaged"):
        unpack({"tar": depot.put(buffer.getvalue()), "large": {}}, depot, str(tmp_path / "here"))
    assert not [*(tmp_path / "here").iterdir()] and not (tmp_path / "out").exists()


def test_code_that_is_not_committed_is_told_or_refused(folder: Folder) -> None:
    lone(folder, 'open(product, "w").write("")')
    folder.write(".env", "SECRET=1\n")
    folder.write(".gitignore", "data/\n.octavo\n")
    folder.write("data/large.bin", "x" * (2 << 20))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "pipeline.yaml", "steps.py", ".gitignore"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], cwd=folder.path, check=True)
    folder.write("note.md", "new")
    code, _, refused = octavo(folder, "submit", "--remote", "../store", "--committed")
    assert code == 2
    assert "not committed as they are: note.md" in refused
    sent = octavo(folder, "submit", "--remote", "../store", "--octavo", "true")
    assert "not committed, and sent as they are: note.md" in sent[2]
    out = folder.path.parent / "unpacked"
    out.mkdir()
    at = runs(folder)
    from_store = at.plan(str(at.listed()[0]["plan"]))
    unpack(from_store.bundle, at.depot, str(out))
    assert sorted(path.name for path in out.iterdir()) == [
        ".gitignore",
        "note.md",
        "pipeline.yaml",
        "steps.py",
    ]
