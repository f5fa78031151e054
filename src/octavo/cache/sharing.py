"""Files and folders that a group shares: in a setgid folder they are its, whatever the umask of who makes them."""

from __future__ import annotations

import os
import stat

_GROUP = stat.S_IRWXG


def make(path: str, mode: int = 0o777) -> None:
    """Make a folder, and those above it that are not there, with the rights of the group that a setgid one has."""
    above = os.path.dirname(path.rstrip(os.sep))
    if os.path.isdir(path):
        return
    if above != path and not os.path.isdir(above):
        make(above)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    rights = os.stat(above or ".").st_mode
    if rights & stat.S_ISGID:
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | stat.S_ISGID | rights & _GROUP)


def lend(path: str) -> None:
    """Give a new file the rights that the group has in its folder, if that is a setgid one; never that to execute."""
    rights = os.stat(os.path.dirname(path) or ".").st_mode
    if rights & stat.S_ISGID:
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | rights & (stat.S_IRGRP | stat.S_IWGRP))
