"""Folders of notebooks taken in: who needs whom, told by the files that they read and write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from octavo.intake.find import find
from octavo.intake.flows import flow
from octavo.intake.proposal import entries, text
from octavo.spec.document import parse
from projects import Folder


def ipynb(*cells: str, title: str = "") -> str:
    """Return a notebook with these code cells."""
    made: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": cell,
            "outputs": [],
            "execution_count": None,
        }
        for n, cell in enumerate(cells)
    ]
    head: list[dict[str, object]] = (
        [{"cell_type": "markdown", "id": "t", "metadata": {}, "source": f"# {title}"}] if title else []
    )
    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return json.dumps(
        {"cells": head + made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    )


PERCENT = "# %%\n"

#: A name, the files of the project, and whom each notebook needs. All of them can be built as they are.
PROJECTS: dict[str, tuple[dict[str, str], dict[str, tuple[str, ...]]]] = {
    "numbered notebooks in a folder": (
        {
            "data/raw.csv": "a,b\n1,2\n",
            "notebooks/1_load.ipynb": ipynb(
                "from pathlib import Path",
                "Path('../data/clean.csv').write_text(open('../data/raw.csv').read())",
            ),
            "notebooks/2_fit.ipynb": ipynb(
                "open('../data/model.txt', 'w').write(open('../data/clean.csv').read())"
            ),
            "notebooks/10_report.ipynb": ipynb("print(open('../data/model.txt').read())"),
        },
        {"1_load": (), "2_fit": ("1_load",), "10_report": ("2_fit",)},
    ),
    "names that tell the wrong order": (
        {
            "a_report.py": PERCENT + "print(open('z.txt').read())\n",
            "b_make.py": PERCENT + "with open('z.txt', 'w') as f:\n    f.write('z')\n",
        },
        {"b_make": (), "a_report": ("b_make",)},
    ),
    "run from the project's folder": (
        {
            "data/raw.csv": "x\n",
            "nb/one.ipynb": ipynb("t = open('data/raw.csv').read()", "open('data/one.txt', 'w').write(t)"),
            "nb/two.ipynb": ipynb("print(open('data/one.txt').read(), len(open('data/raw.csv').read()))"),
        },
        {"one": (), "two": ("one",)},
    ),
    "paths joined from constants": (
        {
            "make.ipynb": ipynb(
                "import os\nfrom pathlib import Path\nBASE = Path('work')\nOUT = BASE / 'out'",
                "OUT.mkdir(parents=True, exist_ok=True)\n(OUT / 'a.json').write_text('{}')",
                "NAME = 'b'\nwith open(os.path.join('work', 'out', f'{NAME}.json'), 'w') as f:\n    f.write('{}')",
            ),
            "use.ipynb": ipynb(
                "import json\nfor n in ['a', 'b']:\n    print(json.load(open(f'work/out/{n}.json')))"
            ),
        },
        {"make": (), "use": ("make",)},
    ),
    "a function that writes, called with a name": (
        {
            "get.py": PERCENT
            + "def save(text, name):\n    with open(f'{name}.txt', 'w') as f:\n        f.write(text)\n\n"
            + "# %%\nsave('x', 'first')\nsave('y', 'second')\n",
            "sum.py": PERCENT + "print(open('first.txt').read() + open('second.txt').read())\n",
        },
        {"get": (), "sum": ("get",)},
    ),
    "a pattern of files": (
        {
            "many.py": PERCENT
            + "import os\nos.makedirs('parts', exist_ok=True)\nfor n in range(3):\n    open(f'parts/{n}.txt', 'w')\n",
            "all.py": PERCENT + "from glob import glob\nprint(len(sorted(glob('parts/*.txt'))))\n",
        },
        {"many": (), "all": ("many",)},
    ),
    "a diamond": (
        {
            "d.py": PERCENT + "print(open('b.txt').read() + open('c.txt').read())\n",
            "c.py": PERCENT + "open('c.txt', 'w').write(open('a.txt').read())\n",
            "b.py": PERCENT + "open('b.txt', 'w').write(open('a.txt').read())\n",
            "a.py": PERCENT + "open('a.txt', 'w').write('a')\n",
        },
        {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")},
    ),
    "shell lines and magics": (
        {
            "get.ipynb": ipynb("!printf 'a\\n' > words.txt", "%%writefile more.txt\nb"),
            "use.ipynb": ipynb("print(open('words.txt').read(), open('more.txt').read())"),
        },
        {"get": (), "use": ("get",)},
    ),
    "a module that both import is no task": (
        {
            "shared.py": "def path(n):\n    return f'{n}.txt'\n\nprint('imported')\n",
            "one.py": PERCENT + "import shared\nopen('one.txt', 'w').write(shared.path(1))\n",
            "two.py": PERCENT + "from shared import path\nprint(open('one.txt').read(), path(2))\n",
        },
        {"one": (), "two": ("one",)},
    ),
    "the same file name in two folders": (
        {
            "north/prepare.ipynb": ipynb("open('x.txt', 'w').write('n')"),
            "south/prepare.ipynb": ipynb("open('x.txt', 'w').write('s')"),
            "join.ipynb": ipynb("print(open('north/x.txt').read() + open('south/x.txt').read())"),
        },
        {
            "north-prepare": (),
            "south-prepare": (),
            "join": ("north-prepare", "south-prepare"),
        },
    ),
    "notebooks that have nothing to do with each other": (
        {"a.ipynb": ipynb("print(1)", title="Look: at #1"), "b.ipynb": ipynb("print(2)")},
        {"a": (), "b": ()},
    ),
    "plain scripts without cells": (
        {
            "make.py": "import json\n\ndef main():\n    with open('out.json', 'w') as f:\n        json.dump([1], f)\n\n"
            "if __name__ == '__main__':\n    main()\n",
            "show.py": "import json\nfor n in json.load(open('out.json')):\n    print(n)\n",
        },
        {"make": (), "show": ("make",)},
    ),
    "a database that one fills and one reads": (
        {
            "1_fill.py": PERCENT
            + "import sqlite3\ndb = sqlite3.connect('shop.db')\ndb.execute('create table if not exists t (n)')\n"
            + "db.commit()\ndb.close()\n",
            "2_query.py": PERCENT
            + "import sqlite3\ndb = sqlite3.connect('shop.db')\nprint(db.execute('select * from t').fetchall())\n",
        },
        {"1_fill": (), "2_query": ("1_fill",)},
    ),
}


def project(folder: Path, files: Mapping[str, str]) -> Folder:
    made = Folder(folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return made


@pytest.mark.parametrize("name", PROJECTS)
def test_files_tell_who_needs_whom(name: str, tmp_path: Path) -> None:
    files, wanted = PROJECTS[name]
    project(tmp_path, files)
    found, notes = find(tmp_path, tmp_path)
    tasks, _ = entries(found)
    assert {task.name: task.upstream for task in tasks} == wanted
    assert [task.name for task in tasks] == list(wanted), "in an order in which they can run"
    assert not notes


@pytest.mark.parametrize("name", PROJECTS)
def test_what_is_proposed_builds_as_it_is_and_leaves_the_notebooks_alone(name: str, tmp_path: Path) -> None:
    files, wanted = PROJECTS[name]
    folder = project(tmp_path, files)
    built = folder.octavo("init", "--yes", "--build")
    assert built.returncode == 0, built.stdout + built.stderr
    assert f"{len(wanted)} done" in built.stderr + built.stdout
    assert {path: folder.read(path) for path in files} == files
    again = folder.octavo("build")
    assert (
        f"all {len(wanted)} tasks are fresh" in again.stdout + again.stderr
        or "fresh" in again.stderr + again.stdout
    )


def test_a_proposal_is_yaml_whatever_names_and_titles_are(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "ün: x/it's #1.ipynb": ipynb(
                "open('yes', 'w').close()\nopen('a: b.txt', 'w').close()", title="on: {off}"
            ),
            "null.ipynb": ipynb("print(1)"),
        },
    )
    tasks, _ = entries(find(tmp_path, tmp_path)[0])
    parsed = parse(text(tasks, ["head"]), "pipeline.yaml").data
    assert [task["source"] for task in parsed["tasks"]] == ["null.ipynb", "ün: x/it's #1.ipynb"]
    assert parsed["tasks"][0]["name"] == "null"
    assert "ün: x/a: b.txt" in parsed["tasks"][1]["product"].values()


def test_what_cannot_be_known_is_a_pattern_or_nothing() -> None:
    found = flow(
        ["import sys\nopen(sys.argv[1])\nopen(f'data/{x}.csv')\nopen('http://h/a.csv')\nopen('../../up.txt')"]
    )
    assert found.reads == ("data/*.csv",)


def test_absolute_paths_tell_the_order_and_are_no_products(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "a.ipynb": ipynb("open('/content/drive/x.csv')", title="**Report**"),
            "b.ipynb": ipynb("df.to_csv('/content/drive/x.csv')"),
        },
    )
    b, a = entries(find(tmp_path, tmp_path)[0])[0]
    assert (a.upstream, a.comment, list(b.products)) == (("b",), ("Report",), ["nb"])


def test_a_file_that_is_written_and_then_read_back_is_a_product() -> None:
    found = flow(
        ["open('m.txt', 'w').write('x')", "open('m.txt').read()", "open('n.txt').read()\nopen('n.txt', 'w')"]
    )
    assert (found.reads, found.writes) == (("n.txt",), ("m.txt", "n.txt"))


def test_a_readme_with_code_is_no_notebook_and_markdown_of_jupytext_is(tmp_path: Path) -> None:
    cells = "```python\nprint(1)\n```\n"
    header = (
        "---\njupyter:\n  kernelspec:\n    name: python3\n    language: python\n    display_name: x\n---\n\n"
    )
    project(
        tmp_path,
        {
            "README.md": "# Title\n\n" + cells,
            "paired.md": header + cells,
            "myst.md": "---\nkernelspec:\n  name: python3\n  display_name: x\n---\n\n```{code-cell}\nprint(1)\n```\n",
        },
    )
    assert {one.path for one in find(tmp_path, tmp_path)[0]} == {"paired.md", "myst.md"}


def test_what_stands_behind_a_condition_is_no_product_and_tells_the_order_all_the_same(
    tmp_path: Path,
) -> None:
    project(
        tmp_path,
        {
            "a.py": PERCENT + "import os\nif not os.path.exists('x.txt'):\n    open('x.txt', 'w').close()\n",
            "b.py": PERCENT + "open('x.txt')\n",
        },
    )
    tasks, _ = entries(find(tmp_path, tmp_path)[0])
    assert [(task.name, task.upstream, list(task.products)) for task in tasks] == [
        ("a", (), ["nb"]),
        ("b", ("a",), ["nb"]),
    ]


def test_notebooks_that_need_each_other_are_taken_in_the_order_of_their_names(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "1.py": PERCENT + "open('b.txt')\nopen('a.txt', 'w')\n",
            "2.py": PERCENT + "open('a.txt')\nopen('b.txt', 'w')\n",
        },
    )
    tasks, notes = entries(find(tmp_path, tmp_path)[0])
    assert [(task.name, task.upstream) for task in tasks] == [("1", ()), ("2", ("1",))]
    assert len(notes) == 1
    assert "1.py first" in notes[0]


def test_r_notebooks_are_read_too() -> None:
    found = flow(
        ["d <- read.csv('in.csv')\nwrite.csv(d, 'out.csv', row.names = FALSE)\nggsave('p.png')"], "R"
    )
    assert (found.reads, found.writes) == (("in.csv",), ("out.csv", "p.png"))


def test_notebooks_that_cannot_be_read_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    project(tmp_path, {"cut.ipynb": '{"cells": [', "good.ipynb": ipynb("print(1)")})
    found, notes = find(tmp_path, tmp_path)
    assert [one.path for one in found] == ["good.ipynb"]
    assert "cut.ipynb" in notes[0]
