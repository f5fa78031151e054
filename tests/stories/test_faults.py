"""What happens to a build from outside: interrupts, kills, a second build, folders of others, full disks, no memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from projects import Folder

PIPELINE = """
    tasks:
      - source: tasks.quick
        product: output/quick.txt
      - source: slow.py
        product: output/slow.ipynb
      - source: tasks.last
        product: output/last.txt
        upstream: [slow]
    """
SLOW = """
    # %% tags=["parameters"]
    upstream = ["quick"]
    product = None

    # %%
    import os
    import time
    from pathlib import Path

    print("before")
    Path("pid").write_text(str(os.getpid()))
    while not Path("go").exists():
        time.sleep(0.02)
    """
TASKS = """
    def quick(product):
        product.write_text("quick")


    def last(product, upstream):
        product.write_text("last")
    """


def wait_for(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until something is true; fail with its words when that takes too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open(encoding="utf-8") as stat:
            return ") Z " not in stat.read()
    except OSError:
        return False


class Slow:
    """A project with a task that waits for a file to appear, and builds of it in processes of their own."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        folder.write("pipeline.yaml", PIPELINE)
        folder.write("slow.py", SLOW)
        folder.write("tasks.py", TASKS)
        self.builds: list[subprocess.Popen[str]] = []

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a build."""
        build = subprocess.Popen(
            [sys.executable, "-m", "octavo", "build", *options],
            cwd=self.folder.path,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.builds.append(build)
        return build

    def started(self) -> subprocess.Popen[str]:
        """Start a build and wait until the slow task runs."""
        build = self.start()
        wait_for(self.pid, "the slow task runs")
        return build

    def pid(self) -> int:
        """Return the process of the slow task, once it runs."""
        file = self.folder.path / "pid"
        return int(file.read_text() or 0) if file.exists() else 0

    def go(self) -> None:
        """Let the slow task end."""
        self.folder.write("go", "")

    def close(self) -> None:
        for build in self.builds:
            build.kill()
            build.communicate()


@pytest.fixture
def slow(folder: Folder) -> Iterator[Slow]:
    project = Slow(folder)
    yield project
    project.close()


# ── stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_stopped_says_so_leaves_nobody_behind_and_is_continued_by_the_next(
    slow: Slow, number: signal.Signals
) -> None:
    build = slow.started()
    time.sleep(0.3)  # what it printed arrives
    build.send_signal(number)
    said, _ = build.communicate(timeout=30)
    assert build.returncode == 130
    assert re.search(r"interrupted after .*: 1 done, 1 stopped, 1 not started\n$", said), said
    assert "Traceback" not in said
    assert not alive(slow.pid())
    failed = json.loads(slow.folder.read("output/slow.failed.ipynb"))
    assert failed["cells"][-1]["outputs"][0]["text"] == ["before\n"]
    assert not (slow.folder.path / "output/slow.ipynb").exists()

    slow.go()
    again = slow.folder.octavo("build")
    assert again.returncode == 0, again.stdout
    assert "slow: its last run did not finish" in again.stdout or "slow: first run" in again.stdout
    assert "quick" not in again.stdout
    assert not (slow.folder.path / "output/slow.failed.ipynb").exists()


def test_the_lock_of_a_build_that_was_killed_is_free_its_workers_are_gone_and_the_next_one_continues(
    slow: Slow,
) -> None:
    build = slow.started()
    build.kill()
    build.wait()
    wait_for(lambda: not alive(slow.pid()), "the worker of a dead build ends")
    slow.go()
    again = slow.folder.octavo("build", "--no-wait")
    assert again.returncode == 0, again.stderr
    assert "quick" not in again.stdout


def test_a_second_build_waits_and_says_for_whom(slow: Slow) -> None:
    first = slow.started()
    refused = slow.folder.octavo("build", "--no-wait")
    holder = rf"another build of this project is running \(process {first.pid} on \S+, since \d\d:\d\d:\d\d\)"
    assert refused.returncode == 2
    assert re.fullmatch(rf"error: {holder}\n  hint: wait for it, or stop it\n", refused.stderr)

    second = slow.start()
    assert second.stdout is not None
    assert re.fullmatch(rf"{holder}; waiting for it to end\n", second.stdout.readline())
    assert second.poll() is None
    slow.go()
    assert first.wait(30) == 0
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 0
    assert "3 tasks fresh" in said


def test_a_second_build_that_waits_can_be_interrupted(slow: Slow) -> None:
    slow.started()
    second = slow.start()
    assert second.stdout is not None
    second.stdout.readline()
    second.send_signal(signal.SIGINT)
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 130
    assert "Traceback" not in said


# ── folders of others


def bound(folder: Folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run octavo as somebody whom permissions bind, as they do not root; skip where root cannot give that up."""
    command = [sys.executable, "-m", "octavo"]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may read and write everything, and there is no setpriv to forgo that")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    environ = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(
        [*command, *arguments],
        cwd=folder.path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def output(folder: Folder) -> Iterator[Path]:
    """A folder for products that nobody may write to."""
    path = folder.path / "output"
    path.mkdir()
    path.chmod(0o555)
    yield path
    path.chmod(0o755)


def simple(folder: Folder, product: str = "output/data.txt") -> None:
    folder.write("pipeline.yaml", f"tasks: [{{source: tasks.quick, product: {product}}}]\n")
    folder.write("tasks.py", TASKS)


def test_a_project_in_a_read_only_folder_says_where_it_wants_to_write(folder: Folder) -> None:
    simple(folder)
    folder.path.chmod(0o555)
    ran = bound(folder, "build")
    folder.path.chmod(0o755)
    assert ran.returncode == 2
    assert ".octavo/lock: cannot lock the project: Permission denied" in ran.stderr
    assert "is the folder of the project writable?" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_product_in_a_read_only_folder_fails_its_task_before_it_runs(folder: Folder, output: Path) -> None:
    simple(folder, "output/deep/data.txt")
    ran = bound(folder, "build")
    assert ran.returncode == 1
    assert "ProductError: output/deep/data.txt cannot be written: Permission denied" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_an_executed_notebook_in_a_read_only_folder_fails_its_task(folder: Folder, output: Path) -> None:
    folder.write("pipeline.yaml", "tasks: [{source: one.py, product: output/one.ipynb}]\n")
    folder.write("one.py", "# %%\nprint(1)\n")
    ran = bound(folder, "build")
    assert ran.returncode == 1
    assert "ProductError: output/one.ipynb cannot be written: Permission denied" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_source_that_may_not_be_read_is_named_with_its_line_in_the_pipeline(folder: Folder) -> None:
    simple(folder)
    (folder.path / "tasks.py").chmod(0)
    ran = bound(folder, "build")
    assert ran.returncode == 2
    assert ran.stderr == "pipeline.yaml:1:18: tasks.py cannot be read: Permission denied\n"


def test_a_product_that_may_not_be_read_is_named(folder: Folder) -> None:
    folder.write("pipeline.yaml", "tasks: [{source: tasks.quick, product: output/data.txt}]\n")
    folder.write("tasks.py", "def quick(product):\n    product.write_text('x')\n    product.chmod(0)\n")
    ran = bound(folder, "build")
    assert ran.returncode == 1
    assert "output/data.txt: it cannot be read: Permission denied" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


# ── full disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Folder]:
    """A file system of one megabyte, for whoever may mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here (that needs root)")
    yield Folder(path)
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(folder: Folder, leave: int = 0) -> None:
    """Fill a disk but for so many bytes."""
    free = os.statvfs(folder.path).f_bavail * os.statvfs(folder.path).f_frsize
    with (folder.path / "ballast").open("wb") as ballast:
        ballast.write(bytes(max(0, free - leave)))


WRITING = """
    # %% tags=["parameters"]
    upstream = None
    product = None

    # %%
    with open(product["data"], "wb") as file:
        file.write(bytes(5_000_000))
    """


GREEDY = """
    def quick(product):
        product.write_text("x")
        try:
            with open("ballast", "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            pass
    """


def test_a_notebook_that_fills_the_disk_fails_at_its_line_and_runs_when_there_is_room(
    small_disk: Folder,
) -> None:
    small_disk.write(
        "pipeline.yaml", "tasks: [{source: one.py, product: {nb: out/one.ipynb, data: out/data}}]\n"
    )
    small_disk.write("one.py", WRITING)
    ran = small_disk.octavo("build")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "OSError: [Errno 28] No space left on device" in ran.stdout
    assert "file.write(bytes(5_000_000))" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert not list(small_disk.path.rglob("*.part"))

    small_disk.write("one.py", WRITING.replace("5_000_000", "5"))
    (small_disk.path / "out" / "data").unlink()
    assert small_disk.octavo("build").returncode == 0


def test_an_executed_notebook_that_does_not_fit_on_the_disk_fails_its_task_and_keeps_the_last_good_one(
    small_disk: Folder,
) -> None:
    small_disk.write("pipeline.yaml", "tasks: [{source: one.py, product: out/one.ipynb}]\n")
    small_disk.write("one.py", "# %%\nprint(1)\n")
    assert small_disk.octavo("build").returncode == 0
    good = small_disk.read("out/one.ipynb")
    small_disk.write("one.py", "# %%\nfor n in range(1000):\n    print(str(n) * 1000)\n")
    ran = small_disk.octavo("build")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "ProductError: out/one.ipynb cannot be written: no space left on the disk" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert small_disk.read("out/one.ipynb") == good
    assert not list(small_disk.path.rglob("*.part"))


def test_state_that_does_not_fit_on_the_disk_is_said_and_nothing_is_lost(small_disk: Folder) -> None:
    simple(small_disk)
    assert small_disk.octavo("build").returncode == 0
    fill(small_disk)
    ran = small_disk.octavo("build", "--force")
    assert ran.returncode in (1, 2), ran.stdout + ran.stderr
    assert re.search("(?i)disk is full|no space|disk full", ran.stdout + ran.stderr)
    assert "Traceback" not in ran.stdout + ran.stderr
    (small_disk.path / "ballast").unlink()
    again = small_disk.octavo("build")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 task fresh" in again.stdout


def test_state_that_is_damaged_inside_is_set_aside(folder: Folder) -> None:
    simple(folder)
    assert folder.octavo("build").returncode == 0
    state = folder.path / ".octavo" / "state.db"
    data = bytearray(state.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    state.write_bytes(data)
    ran = folder.octavo("build")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the state of the project is damaged: it is set aside as .octavo/state.db.damaged-" in ran.stdout
    (aside,) = (it for it in state.parent.glob("state.db.damaged-*") if not it.name.endswith(("wal", "shm")))
    assert aside.read_bytes() == data
    assert "1 task fresh" in folder.octavo("build").stdout


def test_state_that_no_longer_fits_when_a_task_ends_is_said_and_the_task_runs_again(
    small_disk: Folder,
) -> None:
    simple(small_disk)
    small_disk.write("tasks.py", GREEDY)
    ran = small_disk.octavo("build")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "cannot write the state of the project" in ran.stderr
    assert "is the disk full?" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    (small_disk.path / "ballast").unlink()
    small_disk.write("tasks.py", TASKS)
    again = small_disk.octavo("build")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "start    quick" in again.stdout


def test_a_project_that_is_new_on_a_full_disk_says_so(small_disk: Folder) -> None:
    simple(small_disk)
    fill(small_disk)
    ran = small_disk.octavo("build")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert re.search("(?i)disk is full|no space", ran.stderr)
    assert "Traceback" not in ran.stderr


def test_one_notebook_whose_result_does_not_fit_on_the_disk_fails(small_disk: Folder) -> None:
    small_disk.write("one.py", "# %%\nprint('x' * 2_000_000)\n")
    ran = small_disk.octavo("run", "one.py", "out.ipynb", "--autosave-cell-every", "0")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "ProductError: out.ipynb cannot be written: no space left on the disk" in ran.stdout
    assert not (small_disk.path / "out.ipynb").exists()


# ── memory


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group of 300 MB, for whoever may make one."""
    candidates = [Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")]
    for parent, limit in zip(candidates, ("memory.limit_in_bytes", "memory.max"), strict=True):
        group = parent / f"octavo-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(300 << 20))
        except OSError:
            group.rmdir()
            continue
        yield group
        wait_for(lambda group=group: not (group / "cgroup.procs").read_text(), "the group is empty")  # type: ignore[misc]
        group.rmdir()
        return
    pytest.skip("a control group with a limit of memory cannot be made here (that needs root)")


def test_memory_that_ran_out_is_told_from_other_killings(folder: Folder, little_memory: Path) -> None:
    folder.write("pipeline.yaml", "tasks: [{source: one.py, product: out/one.ipynb}]\n")
    folder.write("one.py", "# %%\nheld = [bytearray(64 << 20) for _ in range(30)]\n")
    enter = f"echo $$ > {little_memory}/cgroup.procs && exec {sys.executable} -m octavo build"
    ran = subprocess.run(
        ["sh", "-c", enter], cwd=folder.path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "OutOfMemory: the system ran out of memory and ended its process" in ran.stdout
    assert "one.py" in ran.stdout


def socket_at(path: str) -> None:
    """Leave a socket at a path."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)


@pytest.mark.parametrize(("make", "name"), [(os.mkfifo, "a named pipe"), (socket_at, "a socket")])
def test_a_source_that_is_no_file_is_refused_before_it_is_opened(
    folder: Folder, make: Callable[[str], object], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    make("look.py")
    folder.write("pipeline.yaml", "- {source: look.py, product: out.ipynb}\n")
    for command in ("build", "status"):
        done = subprocess.run(
            [sys.executable, "-m", "octavo", command],
            cwd=folder.path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert f"pipeline.yaml:1:12: the source look.py is {name}" in done.stderr
