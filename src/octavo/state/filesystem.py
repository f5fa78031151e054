"""Detect network file systems, where SQLite cannot share memory between machines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

#: As Linux calls them; of those in user space, what stands after "fuse.".
NETWORKED = frozenset(
    (
        *(
            "9p",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "coda",
            "davfs",
            "fhgfs",
            "gfs",
            "gfs2",
            "glusterfs",
            "gpfs",
        ),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs"),
        *(
            "virtiofs",
            "vboxsf",
            "wekafs",
            "blobfuse",
            "blobfuse2",
            "gcsfuse",
            "goofys",
            "juicefs",
            "mount-s3",
        ),
        *("rclone", "s3fs", "seaweedfs", "sshfs"),
    )
)

ESCAPED = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


def networked(path: str) -> bool:
    """Return whether other machines may use the folder at the same time, as far as this system tells.

    Linux only; elsewhere, and where nothing is known, the answer is no.
    """
    try:
        if os.major(os.stat(path).st_dev):
            return False  # a disk of this machine
        with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as lines:
            kind = kind_of(os.path.realpath(path), lines)
    except OSError:
        return False
    return kind.removeprefix("fuse.") in NETWORKED


def kind_of(path: str, mountinfo: Iterable[str]) -> str:
    """Return the type of the file system that a path is on, "" if none is found (proc_pid_mountinfo(5))."""
    best, kind = -1, ""
    for line in mountinfo:
        before, _, after = line.partition(" - ")
        where = before.split(" ")[4]
        for escaped, character in ESCAPED:
            where = where.replace(escaped, character)
        inside = path == where or path.startswith(where.rstrip("/") + "/")
        if inside and len(where) >= best:  # a later mount hides an earlier one at the same place
            best, kind = len(where), after.split(" ")[0]
    return kind
