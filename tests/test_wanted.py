"""What an environment is to hold, as requirements files, projects, locks and scripts say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from octavo.errors import Error
from octavo.venvs.wanted import block, wanted
from projects import Folder


def lines(folder: Folder, name: str) -> tuple[str, ...]:
    return wanted(str(folder.path), name).requirements


def test_requirements_files_include_others_and_name_local_packages(folder: Folder) -> None:
    (folder.path / "lib").mkdir()
    folder.write("lib/pyproject.toml", "[project]\nname = 'lib'\n")
    folder.write(
        "envs/all.txt", "--extra-index-url https://example.org\n-r more.txt\n-c bound.txt\n-e ../lib\n"
    )
    folder.write(
        "envs/more.txt", "numpy>=1 \\\n  ,<3  # both\n\nlib[x] @ git+https://example.org/lib#egg=lib\n"
    )
    folder.write("envs/bound.txt", "numpy==2.1\n")
    found = wanted(str(folder.path), "envs/all.txt")
    assert found.requirements == (
        "--extra-index-url https://example.org",
        "numpy>=1    ,<3",
        "lib[x] @ git+https://example.org/lib#egg=lib",
        f"-e {folder.path}/lib",
    )
    assert (found.constraints, found.local) == (("numpy==2.1",), ("lib",))
    assert set(found.files) == {"envs/all.txt", "envs/more.txt", "envs/bound.txt", "envs/all.lock"}
    before = found.digest
    folder.write("lib/code.py", "one = 1\n")
    assert wanted(str(folder.path), "envs/all.txt").digest != before, "what is installed from here counts"


def test_the_digest_is_the_same_wherever_the_project_is_and_whatever_is_remarked(tmp_path: Path) -> None:
    digests = set()
    for name, text in (("a", "./lib\nsix"), ("b", "# all of it\n./lib\n\nsix # newest\n")):
        folder = Folder(tmp_path / name)
        folder.write("lib/setup.py", "")
        folder.write("needs.txt", text)
        digests.add(wanted(str(folder.path), "needs.txt").digest)
    assert len(digests) == 1


def test_projects_scripts_and_locks_say_it_too(folder: Folder) -> None:
    project = '[project]\ndependencies = ["six", "other"]\nrequires-python = ">=3.11"\n'
    folder.write(
        "gpu/pyproject.toml", project + '[tool.uv.sources]\nother = {git = "https://h/o", tag = "v1"}\n'
    )
    assert lines(folder, "gpu") == ("six", "other @ git+https://h/o@v1")
    lock = '[[package]]\nname = "six"\nversion = "1.15"\nsource = {registry = "https://h"}\n'
    folder.write("gpu/uv.lock", f'{lock}[[package]]\nname = "other"\nversion = "1"\nsource = {{git = "h"}}\n')
    for name in ("gpu", "gpu/pyproject.toml", "gpu/uv.lock"):
        found = wanted(str(folder.path), name)
        assert (found.constraints, found.python) == (("six==1.15",), ">=3.11")
    folder.write(
        "pylock.gpu.toml", '[[packages]]\nname = "six"\nversion = "1"\nmarker = "os_name == \'nt\'"\n'
    )
    assert lines(folder, "pylock.gpu.toml") == ("six==1 ; os_name == 'nt'",)
    folder.write("s.py", '# /// script\n# dependencies = [\n#   "six",\n# ]\n# ///\nimport six\n')
    assert lines(folder, "s.py") == ("six",)
    folder.write("s.py.lock", lock)
    assert wanted(str(folder.path), "s.py").constraints == ("six==1.15",)
    assert block(b'text = "# /// script"\n', "s.py") is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", None, 'there is no a.txt, which the environment "a.txt" needs'),
        ("a.txt", "-r b.txt\n", "there is no b.txt"),
        ("a.txt", "-r a.txt\n", "this requirements file includes itself"),
        ("a.txt", "six\n./lib\n", "a.txt:2:1: there is no ./lib to install"),
        ("a.txt", "six\n!six\n", 'a.txt:2:1: "!six" is no requirement'),
        ("a.yml", "dependencies: []\n", "this is an environment of conda"),
        ("a.toml", "[tool.x]\n", "it has no [project]"),
        ("a.toml", "[project\n", "it is no TOML"),
        ("a.toml", "[project]\ndependencies = 'six'\n", "its dependencies must be a list of texts"),
        (
            "a.toml",
            "[project]\ndependencies = ['a']\n[tool.uv.sources]\na = {workspace = true}\n",
            "workspace",
        ),
        ("a.py", "import six\n", "it has no block that says what it needs (PEP 723)"),
        ("a.py", "# /// script\n# x = 1\n# ///\n\n# /// script\n# y = 2\n# ///\n", "several blocks"),
        ("a.py", "# /// script\n# dependencies = [\n# ///\n", "it is no TOML"),
        ("pylock.toml", "[[packages]]\nname = 'six'\n", '"six" has no version'),
    ],
)
def test_what_says_no_environment_is_told_with_its_place(
    folder: Folder, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        folder.write(name, text)
    with pytest.raises(Error) as caught:
        wanted(str(folder.path), name)
    assert message in str(caught.value)


def test_a_lock_that_lacks_what_is_wanted_is_told(folder: Folder) -> None:
    folder.write("envs/a.txt", "six\nnumpy\n")
    folder.write("envs/a.lock", "six==1.15\n")
    with pytest.raises(Error, match=r'envs/a\.lock: the lock has no "numpy"'):
        wanted(str(folder.path), "envs/a.txt")
