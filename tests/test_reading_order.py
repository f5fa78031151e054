"""The reading order of the design page lists the files that a plain build of two tasks really goes through."""

from __future__ import annotations

import os
import re

import make_tree

from projects import Folder

#: Becomes ``sitecustomize`` of all processes of a build: notes each module of octavo of which a function is called.
NOTING = """
import os, sys, threading

notes = os.open(os.environ["ENTERED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
known = set()

def entered(frame, event, argument):
    module = frame.f_globals.get("__name__") or ""
    # the body of a module or a class runs when it is imported
    if event == "call" and module.startswith("octavo.") and module not in known and frame.f_code.co_flags & 2:
        known.add(module)
        os.write(notes, f"{module}\\n".encode())

threading.setprofile(entered)
sys.setprofile(entered)
"""

NOTEBOOK = """\
# %% tags=["parameters"]
upstream = {upstream}
product = None

# %%
print({upstream}, file=open(product["data"], "w"))
"""


def section() -> str:
    page = make_tree.PAGE.read_text(encoding="utf-8")
    found = re.search(r"^## Reading order$(.*?)^<!-- tree", page, re.M | re.S)
    assert found
    return found[1]


def listed() -> list[tuple[str, str]]:
    """Return the files of the list as modules, each with its sentence."""
    found = re.findall(r"^\d+\. `([\w/]+)\.py`:? (.*?)(?=^\d+\.|^$)", section(), re.M | re.S)
    return [(name.replace("/", "."), text) for name, text in found]


def leaves() -> list[str]:
    """Return what the page names besides: modules and, with a slash, folders."""
    lines = re.findall(r"^- .*?(?=^- |^$)", section(), re.M | re.S)
    return [name for line in lines for name in re.findall(r"`([\w/]+)`", line.partition(":")[2])]


def entered(folder: Folder) -> set[str]:
    """Return the modules of which functions are called in a build of two notebooks, in all of its processes."""
    for name, upstream in (("one", None), ("two", ["one"])):
        folder.write(f"{name}.py", NOTEBOOK.format(upstream=upstream))
    folder.write(
        "pipeline.yaml",
        """
        tasks:
          - source: one.py
            product: {nb: out/one.ipynb, data: out/one.txt}
          - source: two.py
            product: {nb: out/two.ipynb, data: out/two.txt}
        """,
    )
    notes, customized = folder.path / "entered", folder.path / "noting"
    customized.mkdir()
    (customized / "sitecustomize.py").write_text(NOTING)
    path = os.pathsep.join(filter(None, (str(customized), os.environ.get("PYTHONPATH"))))
    built = folder.octavo("build", env={"PYTHONPATH": path, "ENTERED": str(notes)})
    assert built.returncode == 0, built.stderr
    return {line.removeprefix("octavo.") for line in notes.read_text().split()}


def below(module: str, leaf: str) -> bool:
    name = leaf.replace("/", ".")
    return module.startswith(name) or f"{module}." == name if leaf.endswith("/") else module == name


def test_a_build_goes_through_the_files_that_are_listed_and_the_leaves_that_are_named(folder: Folder) -> None:
    found, files = entered(folder), [name for name, _ in listed()]
    assert set(files) - found == set(), "listed, and not entered"
    unnamed = {it for it in found - set(files) if not any(below(it, leaf) for leaf in leaves())}
    assert unnamed == set(), "entered, and neither listed nor below a leaf"
    idle = [leaf for leaf in leaves() if not any(below(it, leaf) for it in found)]
    assert idle == [], "named as leaves, and not entered"


def test_the_list_is_short_and_leads_from_the_command_to_the_record() -> None:
    files = [name for name, _ in listed()]
    assert 10 <= len(files) <= 16
    assert len({*files}) == len(files)
    assert (files[0], files[-1]) == ("cli.build", "state.store")


def test_each_file_of_the_list_has_a_sentence() -> None:
    for name, text in listed():
        assert re.fullmatch(r"[A-Z\"`].*\.", " ".join(text.split())), name
