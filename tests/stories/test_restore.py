"""The cache in a project: results come back instead of being made again, and never over somebody's work."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from projects import Folder

PIPELINE = """
tasks:
  - source: get.py
    product: {nb: out/get.ipynb, data: out/get.txt}
    params: {n: 1}
  - source: steps.fit
    product: out/model
    upstream: [get]
"""
GET = """
# %% tags=["parameters"]
upstream = None
product = None
n = 0

# %%
import rules

with open(product["data"], "w") as file:
    file.write(rules.word() * n)
"""
STEPS = """
import os


def fit(product, upstream):
    os.makedirs(product, exist_ok=True)
    with open(os.path.join(product, "run.sh"), "w") as file:
        file.write(open(upstream["get"]["data"]).read())
    os.chmod(os.path.join(product, "run.sh"), 0o755)
    open(os.path.join(product, "empty"), "w").close()
"""
RULES = """
def word():
    return "x"
"""


@pytest.fixture
def project(folder: Folder) -> Folder:
    for name, text in {
        "pipeline.yaml": PIPELINE,
        "get.py": GET,
        "steps.py": STEPS,
        "rules.py": RULES,
    }.items():
        folder.write(name, text)
    assert outcomes(folder) == {"get": "done", "fit": "done"}
    return folder


def outcomes(folder: Folder, *arguments: str) -> dict[str, str]:
    """Build, and return how each task ended."""
    done = folder.octavo("build", "--json", *arguments)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    found = {event["task"]: event["outcome"] for event in events if event["event"] == "TaskFinished"}
    assert found, done.stderr
    return found


def param(folder: Folder, n: int) -> None:
    folder.write("pipeline.yaml", PIPELINE.replace("n: 1", f"n: {n}"))


def blobs(folder: Folder) -> list[Path]:
    return sorted((folder.path / ".octavo" / "cache").glob("v3/blobs/*/*"))


BOTH_RESTORED = {"get": "restored", "fit": "restored"}
FRESH = {"get": "fresh", "fit": "fresh"}


def test_a_parameter_switched_forth_and_back_is_restored(project: Folder) -> None:
    script = project.path / "out" / "model" / "run.sh"
    first = project.read("out/get.ipynb")
    param(project, 2)
    assert outcomes(project) == {"get": "done", "fit": "done"}
    assert script.read_text() == "xx"
    param(project, 1)
    assert outcomes(project) == BOTH_RESTORED
    assert script.read_text() == "x" and os.access(script, os.X_OK)
    assert (project.path / "out" / "model" / "empty").read_bytes() == b""
    assert project.read("out/get.ipynb") == first
    assert outcomes(project) == FRESH
    param(project, 2)
    assert outcomes(project) == BOTH_RESTORED
    assert script.read_text() == "xx"


def test_a_module_that_only_the_run_knew_is_part_of_what_it_was_made_from(project: Folder) -> None:
    project.write("rules.py", RULES.replace('"x"', '"y"'))
    assert outcomes(project) == {"get": "done", "fit": "done"}
    project.write("rules.py", RULES)
    assert outcomes(project) == BOTH_RESTORED
    assert project.read("out/get.txt") == "x"
    project.write("rules.py", RULES.replace('"x"', '"z"'))
    assert outcomes(project) == {"get": "done", "fit": "done"}


def test_the_state_and_the_products_may_go_as_long_as_the_cache_stays(project: Folder) -> None:
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (project.path / ".octavo" / name).unlink(missing_ok=True)
    subprocess.run(["rm", "-r", project.path / "out"], check=True)
    assert outcomes(project) == BOTH_RESTORED
    assert outcomes(project) == FRESH


def test_a_git_branch_switched_forth_and_back_is_restored(project: Folder) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        subprocess.run(["git", *who, *words], cwd=project.path, check=True, capture_output=True)

    project.write(".gitignore", "out\n")
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "one")
    git("checkout", "-b", "other")
    project.write("rules.py", RULES.replace('"x"', '"long"'))
    git("commit", "-am", "two")
    assert outcomes(project) == {"get": "done", "fit": "done"}
    git("checkout", "main")
    assert outcomes(project) == BOTH_RESTORED
    git("checkout", "other")
    assert outcomes(project) == BOTH_RESTORED
    assert project.read("out/get.txt") == "long"


def test_a_deleted_product_is_restored_and_nothing_else_is_touched(project: Folder) -> None:
    before = (project.path / "out" / "get.ipynb").stat()
    (project.path / "out" / "get.txt").unlink()
    assert outcomes(project) == {"get": "restored", "fit": "fresh"}
    after = (project.path / "out" / "get.ipynb").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_damaged_results_are_made_again_and_kept_anew(project: Folder) -> None:
    for blob in blobs(project):
        blob.chmod(0o644)
        blob.write_bytes(b"damaged")
    (project.path / "out" / "get.txt").unlink()
    assert outcomes(project)["get"] == "done"
    assert project.read("out/get.txt") == "x"
    (project.path / "out" / "get.txt").unlink()
    assert outcomes(project)["get"] == "restored"


def test_a_product_that_was_edited_by_hand_is_not_overwritten(project: Folder) -> None:
    param(project, 2)
    outcomes(project)
    project.write("out/get.txt", "mine")
    param(project, 1)
    assert outcomes(project) == {"get": "blocked", "fit": "blocked"}
    assert project.read("out/get.txt") == "mine"


def test_force_runs_what_could_be_restored(project: Folder) -> None:
    (project.path / "out" / "get.txt").unlink()
    assert outcomes(project, "--force", "get") == {"get": "done"}


def test_no_cache_takes_and_keeps_nothing(project: Folder) -> None:
    before = blobs(project)
    (project.path / "out" / "get.txt").unlink()
    assert outcomes(project, "--no-cache")["get"] == "done"
    param(project, 5)
    assert outcomes(project, "--no-cache") == {"get": "done", "fit": "done"}
    assert blobs(project) == before


@pytest.mark.parametrize("said", ["cache: false", "cache: {enabled: false}"])
def test_a_pipeline_can_do_without(folder: Folder, said: str) -> None:
    folder.write("tasks.py", "def make(product):\n    product.write_text('x')\n")
    folder.write("pipeline.yaml", f"{said}\ntasks:\n  - {{source: tasks.make, product: out.txt}}\n")
    assert outcomes(folder) == {"make": "done"}
    (folder.path / "out.txt").unlink()
    assert outcomes(folder) == {"make": "done"}
    assert not (folder.path / ".octavo" / "cache").exists()
    assert folder.octavo("build", "--remote", "--force").returncode == 2


def test_a_task_can_do_without(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product):\n    product.write_text('x')\n")
    folder.write("pipeline.yaml", "tasks:\n  - {source: tasks.make, product: out.txt, cache: false}\n")
    assert outcomes(folder) == {"make": "done"}
    (folder.path / "out.txt").unlink()
    assert outcomes(folder) == {"make": "done"}


def test_what_is_too_large_is_kept_by_choice_only(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product):\n    product.write_text('x' * 5000)\n")
    text = "cache: {largest: 4kB}\ntasks:\n  - {source: tasks.make, product: out.txt}\n"
    folder.write("pipeline.yaml", text)
    done = folder.octavo("build")
    assert "out.txt (4.9 kB) is larger than 4.0 kB and not kept in the cache" in done.stdout
    folder.write("pipeline.yaml", text.replace("out.txt}", "out.txt, cache: true}"))
    (folder.path / "out.txt").unlink()
    assert "note" not in folder.octavo("build").stdout
    (folder.path / "out.txt").unlink()
    assert outcomes(folder) == {"make": "restored"}


def test_the_cache_keeps_to_its_size(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product, n):\n    product.write_text(str(n) * 10_000)\n")
    for n in range(1, 8):
        folder.write(
            "pipeline.yaml",
            "cache: {size: 35kB}\ntasks:\n"
            f"  - {{source: tasks.make, product: out.txt, params: {{n: {n}}}}}\n",
        )
        assert outcomes(folder) == {"make": "done"}
    assert sum(blob.stat().st_size for blob in blobs(folder)) <= 35 * 1024
    assert folder.octavo("cache").stdout.startswith("3 results in 29.3 kB of 35.0 kB")


def test_comments_that_changed_since_show_in_what_is_restored(project: Folder) -> None:
    project.write("get.py", GET + "\n# %% [markdown]\n# New words.\n")
    (project.path / "out" / "get.ipynb").unlink()
    assert outcomes(project)["get"] == "restored"
    assert outcomes(project) == FRESH
    assert "New words." in project.read("out/get.ipynb")


def test_restored_tasks_are_shown_and_stand_in_the_history(project: Folder) -> None:
    (project.path / "out" / "get.txt").unlink()
    said = project.octavo("build")
    assert "restored get" in said.stdout and "1 fresh, 1 restored in" in said.stdout
    assert "restored" in project.octavo("history", "get").stdout


def test_a_cache_that_cannot_be_written_is_one_note(folder: Folder) -> None:
    folder.write("tasks.py", "def make(product):\n    product.write_text('x')\n\nother = make\n")
    folder.write(
        "pipeline.yaml",
        "cache: {folder: here}\ntasks:\n"
        "  - {source: tasks.make, product: a}\n  - {source: tasks.make, name: b, product: b}\n",
    )
    folder.write("here", "a file")
    done = folder.octavo("build")
    assert done.returncode == 0
    assert done.stdout.count("note: results are not kept in the cache") == 1


# ── octavo cache


def test_the_cache_is_shown(project: Folder) -> None:
    (project.path / "out" / "get.txt").unlink()
    outcomes(project)
    said = project.octavo("cache").stdout.splitlines()
    assert said[0].startswith("2 results in ") and said[0].endswith("of 10.0 GB, in .octavo/cache/v3")
    assert said[1].startswith("1 hit, which saved ")
    shown = json.loads(project.octavo("cache", "--json").stdout)
    assert (shown["results"], shown["hits"], shown["misses"]) == (2, 1, 2)


def test_room_is_made_and_everything_cleared(project: Folder) -> None:
    assert project.octavo("cache", "verify").stdout.endswith("verified: all are intact\n")
    assert project.octavo("cache", "gc", "--older", "1d").stdout.startswith("removed 0 results")
    assert project.octavo("cache", "gc", "--size", "0").stdout.endswith("0 results in 0 bytes left\n")
    (project.path / "out" / "get.txt").unlink()
    assert outcomes(project)["get"] == "done"
    assert project.octavo("cache", "clear").stdout.startswith("removed 1 result,")
    assert blobs(project) == []


def test_damage_is_found_by_verify(project: Folder) -> None:
    blobs(project)[0].chmod(0o644)
    blobs(project)[0].write_bytes(b"damaged")
    done = project.octavo("cache", "verify")
    assert done.returncode == 1
    assert done.stdout.startswith("1 of ") and "damaged" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gcc"], 'did you mean "gc"?'),
        (["show", "--size", "1GB"], "--size and --older are options of octavo cache gc"),
        (["gc", "--older", "soon"], '"soon" is not an age'),
        (["gc", "--size", "much"], '"much" is not a size'),
        (["gc", "fit"], "takes no tasks"),
        (["push"], "the pipeline has no remote cache"),
        (["pull"], "cache: s3://bucket/folder"),
    ],
    ids=str,
)
def test_mistakes_are_told(project: Folder, words: list[str], message: str) -> None:
    done = project.octavo("cache", *words)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("cache: 3", '"cache" must be true, false, a URL, or a mapping'),
        ("cache: {sise: 3GB}", 'did you mean "size"?'),
        ("cache: {size: much}", '"size" must be a size such as'),
        ("cache: {enabled: maybe}", '"enabled" must be true or false'),
        ("cache: {url: 3}", '"url" must be a string'),
    ],
)
def test_mistakes_in_the_pipeline_are_told(folder: Folder, said: str, message: str) -> None:
    folder.write("pipeline.yaml", f"{said}\ntasks:\n  - {{source: tasks.make, product: a}}\n")
    folder.write("tasks.py", "def make(product): ...\n")
    done = folder.octavo("status")
    assert done.returncode == 2
    assert message in done.stderr


def test_what_a_task_of_this_build_has_changed_is_looked_at_anew(folder: Folder) -> None:
    folder.write("helper.py", "V = 1\n")
    folder.write(
        "tasks.py",
        """
        from pathlib import Path

        def early(product, m):
            import helper
            Path(product).write_text(f"{m} {helper.V}")

        def change(product, upstream, n):
            Path("helper.py").write_text(f"V = {n}\\n")
            Path(product).write_text("")

        def late(product, upstream):
            import helper
            Path(product).write_text(str(helper.V))
        """,
    )

    def build(m: int, n: int, code: int = 0) -> str:
        folder.write(
            "pipeline.yaml",
            f"""
            tasks:
              - {{source: tasks.early, product: out/early, params: {{m: {m}}}}}
              - {{source: tasks.change, product: out/change, params: {{n: {n}}}, upstream: [early]}}
              - {{source: tasks.late, product: out/late, upstream: [change]}}
            """,
        )
        said = folder.octavo("build")
        assert said.returncode == code, said.stdout
        assert ("it is stale now, and the next build runs it" in said.stdout) == bool(code)
        return folder.read("out/late")

    assert build(1, 1) == "1"
    assert build(2, 1) == "1"
    assert build(1, 1) == "1"
    # early is restored for a helper of 1, which change then makes another: late's result for 1 is no longer right
    assert build(2, 2, code=1) == "2"
