"""Notebooks in real repositories of git: stripped when they are committed, compared by their cells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from octavo.cli import main
from octavo.errors import Error


class Repository:
    """A repository in a folder of its own, with settings that nobody else has."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *words: str, check: bool = True, given: str = "") -> str:
        """Run git and return what it said, errors too."""
        ended = subprocess.run(
            ["git", *words], cwd=self.path, text=True, capture_output=True, input=given, check=False
        )
        assert not check or ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def write(self, name: str, *sources: str, outputs: bool = True) -> Path:
        shown: list[object] = [{"output_type": "stream", "name": "stdout", "text": ["shown\n"]}]
        cells: list[object] = [
            {
                "cell_type": "code",
                "execution_count": 1 if outputs else None,
                "id": f"id-{source.split(maxsplit=1)[0]}",
                "metadata": {},
                "outputs": shown if outputs else [],
                "source": source.splitlines(keepends=True),
            }
            for source in sources
        ]
        nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        file = self.path / name
        file.write_text(json.dumps(nb, indent=1) + "\n")
        return file

    def commit(self, words: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", words)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    found = Repository(tmp_path / "repository")
    found.path.mkdir()
    found.git("init", "-q")
    monkeypatch.chdir(found.path)
    yield found


def test_git_commits_notebooks_without_outputs_and_shows_their_cells(repository: Repository) -> None:
    assert main(["git", "install"]) == 0
    repository.write("a.ipynb", "x = 1", "y = 2\nz = 3")
    (repository.path / "broken.ipynb").write_text("{")
    said = repository.git("add", ".")
    assert "broken.ipynb" in said
    assert "not JSON" in said
    repository.git("commit", "-qm", "one")
    assert repository.git("show", "HEAD:broken.ipynb") == "{"  # as it is: nothing is lost
    (repository.path / "broken.ipynb").unlink()  # or git speaks of it whenever it looks
    repository.commit("gone")
    assert "shown" not in repository.git("show", "HEAD:a.ipynb")
    assert "shown" in (repository.path / "a.ipynb").read_text()
    assert repository.git("status", "--short") == ""
    # executed again: nothing to commit
    repository.write("a.ipynb", "x = 1", "y = 2\nz = 3", outputs=False)
    repository.write("a.ipynb", "x = 1", "y = 2\nz = 3")
    assert repository.git("status", "--short") == ""
    repository.write("a.ipynb", "x = 1", "y = 2\nz = 4")
    changed = [" # %%", " y = 2", "-z = 3", "+z = 4"]
    cells = ["── code cell 2 #id-y: changed", "  y = 2", "- z = 3", "+ z = 4", "cells: 1 changed", ""]
    assert repository.git("diff").splitlines()[-6:] == cells
    repository.git("stash")
    assert "z = 4" not in (repository.path / "a.ipynb").read_text()
    repository.git("stash", "pop")
    repository.git("add", "-p", given="y\n")
    repository.git("commit", "-qm", "two")
    for words in (("log", "-p", "-1"), ("show",)):
        assert repository.git(*words).splitlines()[-4:] == changed


def test_revisions_are_compared_with_one_another_and_with_the_working_folder(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write("a.ipynb", "x = 1", "y = 1", outputs=False)
    repository.write("gone.ipynb", "g = 1", outputs=False)
    repository.commit("one")
    repository.git("checkout", "-qb", "branch")
    repository.write("a.ipynb", "x = 1", "y = 2", outputs=False)
    (repository.path / "gone.ipynb").unlink()
    repository.commit("two")
    repository.git("checkout", "-q", "main")
    repository.write("a.ipynb", "x = 0", "y = 1", outputs=False)
    (repository.path / "tool.py").write_text("def f(): ...\n")
    repository.commit("three")

    def said(*words: str) -> list[str]:
        assert main(["diff", *words]) in (0, 1)
        found = capsys.readouterr().out.splitlines()
        return [line for line in found if line[:2] in ("- ", "+ ")]

    assert said() == []
    assert said("main...branch") == ["- y = 1", "+ y = 2", "- g = 1"]
    assert said("main", "branch", "a.ipynb") == ["- x = 0", "+ x = 1", "- y = 1", "+ y = 2"]
    assert said("HEAD~1..") == ["- x = 1", "+ x = 0"]
    repository.write("a.ipynb", "x = 0", "y = 3", outputs=False)
    assert said() == said("a.ipynb") == said("HEAD", "--", "a.ipynb") == ["- y = 1", "+ y = 3"]
    assert said("branch", "--", "gone.ipynb") == ["+ g = 1"]
    # a notebook that was renamed is itself, and a bare repository has revisions alone
    repository.git("mv", "gone.ipynb", "new name.ipynb")
    repository.git("commit", "-qm", "renamed")
    assert main(["diff", "HEAD~1", "HEAD"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "HEAD~1:gone.ipynb → HEAD:new name.ipynb",
        "  renamed",
        "",
    ]
    bare = repository.path.parent / "bare.git"
    repository.git("clone", "-q", "--bare", ".", str(bare))
    monkeypatch.chdir(bare)
    assert said("HEAD~2", "HEAD~1") == ["- x = 1", "+ x = 0"]
    with pytest.raises(Error, match="a bare repository has no working folder"):
        main(["diff", "HEAD"])
    monkeypatch.chdir(repository.path)
    (repository.path / "a.ipynb").write_text("{")
    assert main(["diff"]) == 2
    assert "a.ipynb:1:2: the notebook is not JSON" in capsys.readouterr().err
    with pytest.raises(Error, match="neither a file nor a revision"):
        main(["diff", "nonsense"])


def test_branches_are_merged_and_rebased_by_cells(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["git", "install"]) == 0
    repository.write("a.ipynb", "x = 1", "y = 1", "z = 1")
    repository.commit("base")
    repository.git("checkout", "-qb", "branch")
    repository.write("a.ipynb", "import os", "x = 1", "y = 1", "z = 2")
    (repository.path / "b.ipynb").write_text("no notebook\n")
    repository.commit("theirs")
    repository.git("checkout", "-q", "main")
    repository.write("a.ipynb", "x = 2", "y = 1", "z = 1", "end = 1")
    repository.commit("ours")
    repository.git("merge", "-q", "branch")

    def sources() -> list[str]:
        return [
            "".join(cell["source"]) for cell in json.loads((repository.path / "a.ipynb").read_text())["cells"]
        ]

    assert sources() == ["import os", "x = 2", "y = 1", "z = 2", "end = 1"]
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.git("rebase", "-q", "branch")
    assert sources() == ["import os", "x = 2", "y = 1", "z = 2", "end = 1"]
    # now both change one line, and a file that is no notebook
    repository.git("checkout", "-q", "branch")
    repository.write("a.ipynb", "import os", "x = 1", "y = 3", "z = 2")
    (repository.path / "b.ipynb").write_text("theirs\n")
    repository.commit("theirs again")
    repository.git("checkout", "-q", "main")
    repository.write("a.ipynb", "import os", "x = 2", "y = 2", "z = 2", "end = 1")
    (repository.path / "b.ipynb").write_text("ours\n")
    repository.commit("ours again")
    said = repository.git("merge", "branch", check=False)
    assert "conflict a.ipynb: cell 3: both sides changed the same lines" in said
    assert sources()[2] == "<<<<<<< ours\ny = 2\n=======\ny = 3\n>>>>>>> theirs"
    # what is no notebook git merges as it merges any text
    assert (
        repository.path / "b.ipynb"
    ).read_text() == "<<<<<<< ours\nours\n=======\ntheirs\n>>>>>>> theirs\n"
    assert "base:b.ipynb:1:1: the notebook is not JSON" in said
    (repository.path / "b.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    with pytest.raises(Error, match="1 conflict left"):
        main(["merge", "--continue"])
    assert main(["merge", "--abort"]) == 0
    assert sources()[2] == "y = 2"
    with pytest.raises(Error, match="git is in no merge"):
        main(["merge", "--continue"])
    repository.git("merge", "branch", check=False)
    (repository.path / "b.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    ran = subprocess.run(
        [sys.executable, "-m", "octavo", "merge", "--tool"],
        input=b"theirs\n",
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "a.ipynb: no conflict left" in ran.stdout.decode()
    assert main(["merge", "--continue"]) == 0
    assert sources()[2] == "y = 3"
    assert repository.git("log", "--format=%s", "-1") == "Merge branch 'branch'\n"
    assert repository.git("status", "--short") == ""
    # what has no end that git could go on to: a stash that conflicts
    repository.write("a.ipynb", "x = 5")
    repository.git("stash")
    repository.write("a.ipynb", "x = 6")
    repository.commit("six")
    repository.git("stash", "pop", check=False)
    with pytest.raises(Error, match="1 conflict left"):
        main(["merge", "--continue"])
    with pytest.raises(Error, match="git is in no merge") as told:
        main(["merge", "--abort"])
    assert "git checkout HEAD -- FILE" in str(told.value.hint)
    repository.write("a.ipynb", "x = 7")
    assert main(["merge", "--continue"]) == 0
    assert repository.git("diff", "--cached", "--name-only") == "a.ipynb\n"
    # git blame shows cells as text, and says nothing else
    assert "the notebook" not in repository.git("blame", "a.ipynb")


def test_what_is_installed_is_told_and_taken_away_to_the_last_byte(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    config = repository.path / ".git" / "config"
    before = config.read_text()
    assert main(["git", "status"]) == 1
    assert main(["git", "install"]) == main(["git", "install"]) == 0  # once is enough
    assert config.read_text().count('[filter "octavo"]') == 1
    attributes = repository.path / ".git" / "info" / "attributes"
    assert attributes.read_text().count("filter=octavo") == 1
    capsys.readouterr()
    assert main(["git", "status"]) == 0
    assert "filter  octavo, by filter=octavo (.git/info/attributes:1)\n" in capsys.readouterr().out
    assert main(["git", "uninstall"]) == 0
    assert config.read_text() == before
    assert not attributes.exists()
    for known in (b"*.txt text\r\n*.ipynb -crlf\r\n", b"# no end of the line\n*.txt text", b"\n\n"):
        attributes.write_bytes(known)
        assert main(["git", "install"]) == main(["git", "uninstall"]) == 0
        assert attributes.read_bytes() == known
    capsys.readouterr()
    assert main(["git", "uninstall"]) == 0
    assert capsys.readouterr().out == "nothing of octavo's is installed here\n"


def test_others_are_replaced_only_when_told(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    attributes = repository.path / ".gitattributes"
    attributes.write_text(
        "*.txt text\n*.ipynb\tdiff=jupyternotebook\n*.ipynb\tmerge=jupyternotebook\n*.ipynb filter=nbstripout\n"
    )
    repository.git("config", "diff.jupyternotebook.command", "git-nbdiffdriver diff")
    repository.git("config", "filter.nbstripout.clean", "python -m nbstripout")
    with pytest.raises(Error) as error:
        main(["git", "install"])
    assert "of nbdime, nbstripout" in str(error.value)
    assert "diff=jupyternotebook (.gitattributes:2)" in str(error.value)
    assert main(["git", "status"]) == 1
    said = capsys.readouterr().out
    assert "diff    nbdime, by diff=jupyternotebook (.gitattributes:2)\n" in said
    assert "merge=jupyternotebook (.gitattributes:3) is said, but git has no such driver here" in said
    assert "nbstripout numbers cells anew" in said
    assert main(["git", "install", "--only", "filter", "--only", "diff", "--replace"]) == 0
    assert attributes.read_text() == "*.txt text\n*.ipynb\tmerge=jupyternotebook\n"
    assert "took out filter=nbstripout (.gitattributes:4)" in capsys.readouterr().out
    (repository.path / ".pre-commit-config.yaml").write_text("repos:\n- hooks: [{id: nbstripout}]\n")
    main(["git", "status"])
    assert "also runs nbstripout" in capsys.readouterr().out


def test_attributes_may_be_committed_and_a_clone_without_octavo_works(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["git", "install", "--attributes", ".gitattributes"]) == 0
    repository.write("a.ipynb", "x = 1", outputs=False)
    repository.commit("one")
    bare = Repository(tmp_path / "bare.git")
    repository.git("clone", "-q", "--bare", ".", str(bare.path))
    clone = Repository(tmp_path / "clone")
    bare.git("clone", "-q", ".", str(clone.path))
    clone.write("a.ipynb", "x = 2")
    clone.commit("two")
    assert "shown" in bare.git("-C", str(clone.path), "show", "HEAD:a.ipynb")  # git's own way
    clone.git("push", "-q")
    assert "x = 2" in bare.git("show", "main:a.ipynb")
    # the Python of the drivers is gone: git goes on without
    config = repository.path / ".git" / "config"
    config.write_text(config.read_text().replace(sys.executable, "/nowhere/python"))
    repository.write("a.ipynb", "x = 3")
    assert '+    "x = 3"' in repository.git("diff")
    assert '-    "x = 1"' in repository.git("log", "-p", "-R")
    repository.commit("three")
    assert "x = 3" in repository.git("show", "HEAD:a.ipynb")
    assert "shown" in repository.git("show", "HEAD:a.ipynb")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Error, match="no git repository"):
        main(["git", "status"])


def test_worktrees_submodules_and_all_repositories_are_served(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write("a.ipynb", "x = 1", outputs=False)
    repository.commit("one")
    tree = Repository(tmp_path / "tree")
    repository.git("worktree", "add", "-q", str(tree.path))
    monkeypatch.chdir(tree.path)
    assert main(["git", "install"]) == 0  # for the repository, and so for all its working trees
    for one in (repository, tree):
        one.write("b.ipynb", "y = 1")
        one.git("add", "b.ipynb")
        assert "shown" not in one.git("show", ":b.ipynb")
    assert main(["git", "uninstall"]) == 0
    outer = Repository(tmp_path / "outer")
    outer.path.mkdir()
    outer.git("init", "-q")
    outer.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository.path), "inner"
    )
    inner = Repository(outer.path / "inner")
    monkeypatch.chdir(inner.path)
    assert main(["git", "install"]) == 0
    inner.write("c.ipynb", "z = 1")
    inner.git("add", "c.ipynb")
    assert "shown" not in inner.git("show", ":c.ipynb")
    assert main(["git", "uninstall"]) == 0
    assert main(["git", "install", "--global"]) == 0
    outer.write("d.ipynb", "z = 1")
    outer.git("add", "d.ipynb")
    assert "shown" not in outer.git("show", ":d.ipynb")
    assert main(["git", "uninstall", "--global"]) == 0
    assert not (tmp_path / "xdg" / "git" / "attributes").exists()
