"""Which file systems reach over a network, and that a project on one of them is built all the same."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from octavo.state.filesystem import kind_of, networked

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 22 0:27 / /home rw,relatime shared:5 - nfs4 server:/home rw,vers=4.2
40 31 0:37 / /home/me/scratch rw - tmpfs tmpfs rw
41 22 0:39 / /mnt/my\\040data rw - fuse.sshfs me@host: rw,user_id=0
42 22 0:40 / /mnt/twice rw - ext4 /dev/vdb rw
43 22 0:41 / /mnt/twice rw - cifs //host/share rw
""".splitlines(keepends=True)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/homework", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/project", "nfs4"),
        ("/home/me/scratch/project", "tmpfs"),
        ("/mnt/my data/project", "fuse.sshfs"),
        ("/mnt/twice/project", "cifs"),
    ],
)
def test_a_path_is_on_the_file_system_mounted_nearest_above_it(path: str, kind: str) -> None:
    assert kind_of(path, MOUNTS) == kind


def test_a_folder_of_this_machine_is_on_no_network(tmp_path: Path) -> None:
    assert not networked(str(tmp_path))
    assert not networked(str(tmp_path / "not there"))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A folder served by rclone and mounted: a file system in user space, as those of object stores are."""
    rclone = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    unmount = shutil.which("fusermount3") or shutil.which("fusermount")
    if not (rclone and unmount and Path("/dev/fuse").exists()):
        pytest.skip("no rclone, no fusermount or no /dev/fuse here: nothing can be mounted")
    behind, front = tmp_path / "behind", tmp_path / "front"
    behind.mkdir()
    front.mkdir()
    words = [rclone, "mount", behind, front, "--vfs-cache-mode", "writes", "--cache-dir", tmp_path / "vfs"]
    with subprocess.Popen([*map(str, words)], stderr=subprocess.PIPE, text=True) as server:
        try:
            until = time.monotonic() + 20
            while not networked(str(front)):
                if server.poll() is not None or time.monotonic() > until:
                    server.kill()
                    pytest.skip(
                        f"nothing can be mounted here: {(server.communicate()[1] or '').strip()[-200:]}"
                    )
                time.sleep(0.05)
            yield front
        finally:
            subprocess.run([unmount, "-u", "-z", str(front)], check=False, capture_output=True)
            server.terminate()


def test_a_project_on_a_network_is_built_and_its_state_shares_no_memory(mounted: Path) -> None:
    (mounted / "tasks.py").write_text("def make(product):\n    product.write_text('made')\n")
    (mounted / "pipeline.yaml").write_text("tasks:\n  - {source: tasks.make, product: out/a.txt}\n")
    for words, said in ((["build"], "1 done"), (["build"], "fresh"), (["status"], "all tasks are fresh")):
        done = subprocess.run(
            [sys.executable, "-m", "octavo", *words], cwd=mounted, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert said in done.stdout + done.stderr
    with sqlite3.connect(mounted / ".octavo" / "state.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() != ("wal",)
    db.close()
