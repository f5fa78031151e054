"""octavo env: a lock of what tasks import, how a machine differs from it, and the files of images."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from octavo.errors import Error
from octavo.travel import conda, image, lock
from projects import Folder

#: As uv answers: it keeps what it is asked, and resolves to what is asked with one package more.
UV = """#!/bin/sh
cat > {log}
for word; do last=$word; done
case " $* " in *" --constraint "*) grep -q ^yaml-free== "$last" && exit 1; cp "$last" {log}.installed;; esac
cat {log}
echo numpy==1.0
"""


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("steps.py", "import yaml\ndef draw(product):\n    product.write_text(yaml.dump([1]))\n")
    folder.write("later.py", "import psutil\ndef more(product): ...\n")
    folder.write(
        "pipeline.yaml",
        "tasks:\n  - {source: steps.draw, product: a.txt}\n  - {source: later.more, product: b.txt}\n",
    )
    (folder.path / "bin").mkdir()
    uv = folder.path / "bin/uv"
    uv.write_text(UV.format(log=folder.path / "asked"))
    uv.chmod(0o755)
    return folder


def test_a_lock_is_of_what_tasks_import_and_a_machine_is_compared_with_it(project: Folder) -> None:
    env = {"PATH": f"{project.path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    assert project.octavo("build", "draw").returncode == 0
    locked = project.octavo("env", "lock", env=env)
    assert locked.returncode == 0, locked.stderr
    assert "not run yet, and read instead: more" in locked.stderr
    asked = [line.partition("==")[0] for line in project.read("asked").splitlines()]
    assert asked[:2] == ["psutil", "pyyaml"]
    assert "octavo" not in project.read("asked.installed").replace("octavo-", "")
    text = project.read("requirements.lock")
    assert text.startswith(f"# Python {sys.version.split()[0]}: ")
    checked = project.octavo("env", "check")
    assert checked.returncode == 1
    assert "numpy is" in checked.stdout or "numpy 1.0 is not installed" in checked.stdout
    project.write("requirements.lock", text.replace("numpy==1.0\n", ""))
    assert project.octavo("env", "check").stdout.startswith("as locked: ")
    # the lock has no octavo, which is installed from a folder here
    refused = project.octavo("env", "image")
    assert (refused.returncode, "the lock has no octavo" in refused.stderr) == (2, True), refused.stderr
    project.write("octavo-1-py3-none-any.whl", "")
    project.write("Dockerfile", "FROM scratch\n")
    words = ["env", "image", "--octavo", "octavo-1-py3-none-any.whl"]
    refused = project.octavo(*words)
    assert (refused.returncode, "octavo has not written it" in refused.stderr) == (2, True), refused.stderr
    docker = project.path / "bin/podman"
    docker.write_text(f'#!/bin/sh\necho "$*" >> {project.path}/ran\n')
    docker.chmod(0o755)
    built = project.octavo(*words, "--force", "--build", "team:3", env=env)
    assert built.returncode == 0, built.stderr
    ran = project.read("ran").splitlines()
    assert ran[0] == "build --tag team:3 ."
    assert ran[1] == "run --rm team:3 octavo --version"
    assert ran[2].endswith("import psutil; import yaml")
    assert project.octavo(*words).returncode == 0  # all of them are octavo's now


def test_the_files_of_an_image_name_the_lock_and_no_code() -> None:
    made = image.files("requirements.lock", "pandas==2.2\n", "3.12.1", "dist/octavo-1.whl")
    assert made["Dockerfile"].count("FROM python:3.12-slim") == 2
    assert 'COPY ["dist/octavo-1.whl", "/tmp/octavo-1.whl"]' in made["Dockerfile"]
    assert "'octavo[remote] @ file:///tmp/octavo-1.whl'" in made["Dockerfile"]
    assert "USER 1000" in made["Dockerfile"]
    assert [line for line in made[".dockerignore"].splitlines() if line[0] == "!"] == [
        "!requirements.lock",
        "!dist/octavo-1.whl",
    ]
    assert made[".binder/requirements.txt"].endswith("pandas==2.2\n")
    container = json.loads(made[".devcontainer/devcontainer.json"].partition("\n")[2])
    assert container["build"]["dockerfile"] == "../Dockerfile"
    assert all(image.ours(name, text) for name, text in made.items())
    assert not image.ours("Dockerfile", "FROM scratch")


def test_what_is_no_lock_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    with pytest.raises(Error, match="there is no lock"):
        lock.read(path)
    path.write_text("# Python 3.11.2: x\nA_b[extra]==1.0 ; python_version > '3'\n--hash=sha256:1\n")
    assert lock.read(path) == ("3.11.2", {"a-b": "1.0"})
    path.write_text("pandas>=2\n")
    with pytest.raises(Error, match='"pandas>=2" is no line of a lock'):
        lock.read(path)
    assert [*lock.differences("2.7.1", {"no-such-package": "1"})][1:] == [
        "no-such-package 1 is not installed"
    ]


#: As conda-lock answers: a lock with a package of conda and one of pip for each platform.
CONDA_LOCK = """#!/bin/sh
echo "$*" > {log}
for word; do [ "$last" = --lockfile ] && target=$word; [ "$last" = --platform ] && platform=$word; last=$word; done
grep -q nothing-such "$3" && {{ echo "nothing provides nothing-such" >&2; exit 1; }}
for platform in $platform other-64; do
cat >> "$target" <<END
$([ -s "$target" ] || echo "version: 1
package:")
- {{name: gdal, version: 3.9.0, manager: conda, platform: $platform}}
- {{name: Yaml_Free, version: '1.0', manager: pip, platform: $platform}}
END
done
"""


def test_what_conda_has_is_locked_by_conda_lock(project: Folder) -> None:
    env = {"PATH": f"{project.path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    project.write("environment.yml", "channels: [conda-forge]\ndependencies: [gdal]\n")
    told = project.octavo("env", "lock", env=env)
    assert told.returncode == 0, told.stderr
    assert (
        "environment.yml: conda-lock, which locks it, is not installed: pip install conda-lock" in told.stderr
    )
    tool = project.path / "bin/conda-lock"
    tool.write_text(CONDA_LOCK.format(log=project.path / "asked.conda"))
    tool.chmod(0o755)
    made = project.octavo("env", "lock", env=env)
    assert "conda-lock.yml: 2 packages\n" in made.stdout, made.stderr
    assert f"--platform {conda.here()}" in project.read("asked.conda")
    checked = project.octavo("env", "check")
    assert (checked.returncode, "and 1 packages of conda are locked" in checked.stdout) == (1, True)
    before = project.read("conda-lock.yml")
    project.write("environment.yml", "dependencies: [nothing-such]\n")
    refused = project.octavo("env", "lock", env=env)
    assert (refused.returncode, "nothing provides nothing-such" in refused.stderr) == (2, True)
    assert project.read("conda-lock.yml") == before


def test_an_environment_of_conda_is_compared_by_what_conda_says_of_it(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/gdal.json").write_text('{"name": "gdal", "version": "3.8.0"}')
    (tmp_path / "conda-meta/history.json").write_text("{")
    wanted = {("conda", "gdal"): "3.9.0", ("conda", "proj"): "9", ("pip", "pytest"): pytest.__version__}
    assert [*conda.differences(wanted, tmp_path)] == [
        "gdal is 3.8.0, and 3.9.0 is locked (conda)",
        "proj 9 is not installed (conda)",
    ]
    (tmp_path / "conda-lock.yml").write_text("package: 3\n")
    with pytest.raises(Error, match="no lock of conda-lock"):
        conda.read(tmp_path / "conda-lock.yml")
