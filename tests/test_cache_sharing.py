"""What octavo makes in a folder that a group shares stays the group's, whatever the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from octavo.cache.elsewhere import Trouble
from octavo.cache.remotes import open_remote
from octavo.errors import Error
from projects import Folder


def modes(folder: Path) -> dict[str, int]:
    return {str(it.relative_to(folder)): it.stat().st_mode & 0o7777 for it in folder.rglob("*")}


@pytest.fixture
def masked() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("masked")
@pytest.mark.parametrize("url", ["file://{folder}/deep/cache", "{folder}/deep/cache"])
def test_a_remote_in_a_setgid_folder_stays_the_groups(tmp_path: Path, url: str) -> None:
    team = tmp_path / "team"
    team.mkdir()
    team.chmod(0o2770)
    remote = open_remote(url.format(folder=team), str(tmp_path))
    (tmp_path / "source").write_bytes(b"blob")
    remote.upload("v1/blobs/ab/x", str(tmp_path / "source"))
    remote.write("v1/actions/ab/x/one.json", b"{}")
    for path, mode in modes(team).items():
        assert mode == (0o2770 if (team / path).is_dir() else 0o660), (path, oct(mode))


@pytest.mark.usefixtures("masked")
def test_a_remote_in_another_folder_is_as_the_umask_says(tmp_path: Path) -> None:
    remote = open_remote(f"{tmp_path}/cache", str(tmp_path))
    remote.write("v1/actions/ab/x/one.json", b"{}")
    for path, mode in modes(tmp_path / "cache").items():
        assert mode & 0o2777 == (0o700 if (tmp_path / "cache" / path).is_dir() else 0o600), (path, oct(mode))


@pytest.mark.usefixtures("masked")
def test_a_cache_in_a_setgid_folder_stays_the_groups(tmp_path: Path) -> None:
    team = tmp_path / "team"
    team.mkdir()
    team.chmod(0o2775)
    folder = Folder(tmp_path / "project")
    folder.write(
        "pipeline.yaml", f"cache: {{folder: {team}/cache}}\ntasks: [{{source: steps.make, product: out}}]\n"
    )
    folder.write("steps.py", "def make(product):\n    product.write_text('made')\n")
    ended = folder.octavo("build")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = modes(team)
    assert any(path.endswith(".json") for path in found) and any("blobs" in path for path in found)
    for path, mode in found.items():
        if (team / path).is_dir():
            assert mode & 0o2070 == 0o2070, (path, oct(mode))
        else:
            assert mode & 0o040, (path, oct(mode))


def test_a_folder_of_another_machine_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Error, match="another machine, server"):
        open_remote("file://server/share", str(tmp_path))


def test_a_folder_that_cannot_be_made_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remote = open_remote(f"{tmp_path}/file/cache", str(tmp_path))
    assert remote.names("v1") == []
    with pytest.raises(Trouble):
        remote.write("v1/one.json", b"{}")
