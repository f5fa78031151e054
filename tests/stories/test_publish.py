"""octavo publish, as a team meets it: nothing is published that is not sound, and what is stays as it is."""

from __future__ import annotations

import json
import subprocess

from octavo.publishing import CRATE, MANIFEST, NOTEBOOK, PAGE, REQUIREMENTS
from projects import Folder

SOURCE = """\
# %% [markdown]
# # {title}

# %% tags=["parameters"]
upstream = {upstream}
product = None

# %%
import yaml
yaml.safe_load(open("in.txt").read())
"""


def git(folder: Folder, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
        cwd=folder.path,
        check=True,
        capture_output=True,
    )


def test_a_team_publishes_the_notebooks_of_a_pipeline(folder: Folder) -> None:
    folder.write("in.txt", "[1, 2]")
    folder.write("get.py", SOURCE.format(title="Get", upstream=None))
    folder.write("fit.py", SOURCE.format(title="Fit", upstream=["get"]).replace("# # Fit", ""))
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - {source: get.py, product: out/get.ipynb}
          - {source: fit.py, product: out/fit.ipynb}
        """,
    )
    folder.write(".gitignore", "out/\n.octavo/\n")
    git(folder, "init", "--quiet")
    assert folder.octavo("publish", "fit.py", "--version", "1.0").returncode == 2  # not built yet
    assert folder.octavo("build").returncode == 0

    # everything that keeps it from being published is said at once
    refused = folder.octavo("publish", "fit.py", "--version", "1.0", "--no-verify")
    assert refused.returncode == 1
    for words in (
        "fit.py is not committed",
        "it has no id: octavo meta init fit.py",
        "it has no title",
        "the notebook of get, which it needs, is not published as it is: octavo publish get.py",
    ):
        assert words in refused.stderr, refused.stderr
    assert not (folder.path / "published").exists()

    assert folder.octavo("meta", "init", "get.py", "fit.py").returncode == 0
    folder.write("fit.py", folder.read("fit.py").replace("# %% [markdown]\n", "# %% [markdown]\n# # Fit"))
    assert folder.octavo("build").returncode == 0
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    done = folder.octavo("publish", "get.py", "fit.py", "--version", "1.0")
    assert done.returncode == 0, done.stderr
    places = sorted((folder.path / "published").glob("*/1.0"))
    assert len(places) == 2
    for place in places:
        names = {file.name for file in place.iterdir()}
        assert names == {NOTEBOOK, PAGE, REQUIREMENTS, CRATE, MANIFEST}
        assert (place / REQUIREMENTS).read_text().startswith("pyyaml==")
        said = json.loads((place / NOTEBOOK).read_bytes())["metadata"]
        assert said["nbproject"]["version"] == "1.0"
        assert list(said["octavo"]["published"]["inputs"]) == ["in.txt"]
        assert said["octavo"]["published"]["checked"] == ["check", "title", "order", "verify", "git"]
        graph = json.loads((place / CRATE).read_bytes())["@graph"]
        assert {"@id": NOTEBOOK} in next(one for one in graph if one["@id"] == "./")["hasPart"]
    notebooks = [
        json.loads((place / NOTEBOOK).read_bytes())["metadata"]["octavo"]["published"] for place in places
    ]
    assert sorted(len(published["parents"]) for published in notebooks) == [0, 1]

    assert "standing   published as 1.0" in folder.octavo("show", "fit.py").stdout
    # the copies are no runs and no notebooks of their own
    known = json.loads(folder.octavo("lineage", "--json").stdout)
    assert "published/" not in json.dumps(known)
    shelf = [str(place.relative_to(folder.path)) for place in places]
    proved = folder.octavo("verify", *shelf)
    assert (proved.returncode, proved.stdout.count("as it was published")) == (0, 2)

    # the same again is nothing new; another content under the same version is refused
    assert folder.octavo("publish", "get.py", "--version", "1.0").returncode == 0
    folder.write("in.txt", "[3]")
    git(folder, "commit", "--quiet", "--all", "--message", "second")
    assert "is stale" in folder.octavo("publish", "get.py", "--version", "1.1", "--no-verify").stderr
    assert folder.octavo("build").returncode == 0
    other = folder.octavo("publish", "get.py", "--version", "1.0", "--no-verify")
    assert (other.returncode, "published with other content" in other.stderr) == (1, True)
    assert folder.octavo("publish", "get.py", "--version", "1.1", "--no-verify").returncode == 0
    assert "standing   published as 1.1" in folder.octavo("show", "get.py").stdout

    (places[0] / REQUIREMENTS).chmod(0o644)
    (places[0] / REQUIREMENTS).write_text("x")
    changed = folder.octavo("verify", shelf[0])
    assert (changed.returncode, f"{REQUIREMENTS} was changed" in changed.stdout) == (1, True)


def test_a_notebook_without_a_pipeline_must_show_what_it_produces(folder: Folder) -> None:
    folder.write("in.txt", "1")
    folder.write("a.py", "# %% [markdown]\n# # A\n\n# %%\nopen('in.txt').read()\n")
    assert folder.octavo("run", "a.py", "a.ipynb").returncode == 0
    assert folder.octavo("meta", "init", "a.ipynb").returncode == 0
    folder.write("in.txt", "2")
    refused = folder.octavo("publish", "a.ipynb", "--version", "1.0")
    assert (refused.returncode, "cell 1 differs when it is run again" in refused.stderr) == (1, True)
    text = folder.octavo("publish", "a.py", "--version", "1.0")
    assert (text.returncode, "it keeps no outputs" in text.stderr) == (2, True)
    bad = folder.octavo("publish", "a.ipynb", "--version", "../1")
    assert (bad.returncode, "is not a version" in bad.stderr) == (2, True)
    assert not (folder.path / "published").exists()
    folder.write("in.txt", "1")
    assert folder.octavo("publish", "a.ipynb", "--version", "1.0", "--to", "shelf").returncode == 0
    assert (folder.path / "shelf/index.json").is_file()
