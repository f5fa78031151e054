"""Folders of notebooks in the styles that people write: octavo init orders them, and they build as proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from octavo.intake.find import find
from octavo.intake.proposal import entries
from test_intake import ipynb, project

#: A name, the files of the project, and whom each notebook needs. PROJECT stands for the project's absolute path.
STYLES: dict[str, tuple[dict[str, str], dict[str, tuple[str, ...]]]] = {
    "spaces, subfolders, the parent of the working directory": (
        {
            "data/raw.csv": "a\n",
            "notebooks/01 load.ipynb": ipynb(
                "from pathlib import Path\nDATA = Path.cwd().parent / 'data'",
                "(DATA / 'clean.csv').write_text((DATA / 'raw.csv').read_text())",
            ),
            "notebooks/02 show.ipynb": ipynb(
                "import os\nDATA = os.path.join(os.getcwd(), '..', 'data')",
                "print(open(os.path.join(DATA, 'clean.csv')).read())",
            ),
        },
        {"01-load": (), "02-show": ("01-load",)},
    ),
    "absolute paths": (
        {
            "b_make.ipynb": ipynb("with open('PROJECT/x.csv', 'w') as f:\n    f.write('1')"),
            "a_show.ipynb": ipynb("print(open('PROJECT/x.csv').read())"),
        },
        {"b_make": (), "a_show": ("b_make",)},
    ),
    "paths of a module": (
        {
            "config.py": "from pathlib import Path\n\nDATA = Path('data')\nCLEAN = DATA / 'clean.csv'\n",
            "data/raw.csv": "x\n",
            "load.ipynb": ipynb("import config as c", "c.CLEAN.write_text(open(c.DATA / 'raw.csv').read())"),
            "show.ipynb": ipynb("from config import CLEAN as path", "print(open(path).read())"),
        },
        {"load": (), "show": ("load",)},
    ),
    "a module's functions do it": (
        {
            "src/store.py": "HERE = 'kept'\n\ndef save(name, text):\n"
            "    with open(f'{HERE}/{name}.txt', 'w') as f:\n        f.write(text)\n\n"
            "def load(name):\n    return open(f'{HERE}/{name}.txt').read()\n",
            "kept/readme": "",
            "fill.ipynb": ipynb(
                "import sys\nsys.path.insert(0, 'src')\nimport store", "store.save('a', 'x')"
            ),
            "ask.ipynb": ipynb(
                "import sys\nsys.path.insert(0, 'src')\nfrom store import load\nprint(load('a'))"
            ),
        },
        {"fill": (), "ask": ("fill",)},
    ),
    "scripts that name their own file": (
        {
            "data/raw.csv": "1",
            "src/make.py": "import os\n\nHERE = os.path.dirname(os.path.abspath(__file__))\n\n"
            "def main():\n    with open(os.path.join(HERE, '..', 'data', 'raw.csv')) as f:\n        text = f.read()\n"
            "    with open(os.path.join(HERE, '..', 'data', 'made.csv'), 'w') as f:\n        f.write(text)\n\n"
            "if __name__ == '__main__':\n    main()\n",
            "show.ipynb": ipynb("print(open('data/made.csv').read())"),
        },
        {"make": (), "show": ("make",)},
    ),
    "two that write one file": (
        {
            "1_clean.ipynb": ipynb("open('x.csv', 'w').write('1')"),
            "2_better.ipynb": ipynb("import time\ntime.sleep(0.1)\nopen('x.csv', 'w').write('22')"),
            "3_show.ipynb": ipynb("assert open('x.csv').read() == '22'"),
        },
        {"1_clean": (), "2_better": ("1_clean",), "3_show": ("1_clean", "2_better")},
    ),
    "kernels of another machine": (
        {
            "a.ipynb": ipynb("open('a.txt', 'w').write('x')").replace('"python3"', '"conda-env-ada-py"'),
            "b.py": "# ---\n# jupyter:\n#   kernelspec:\n#     name: venv\n#     language: python\n# ---\n\n"
            "# %%\nprint(open('a.txt').read())\n",
        },
        {"a": (), "b": ("a",)},
    ),
    "functions are passed to others": (
        {
            "one.txt": "1",
            "two.txt": "2",
            "load.ipynb": ipynb(
                "class Table(str):\n    def pipe(self, do, *rest):\n        return do(self, *rest)",
                "def save(table, *where):\n    def write(name):\n        open(name, 'w').write(table)\n"
                "    for name in where:\n        write(name)",
                "def double(text):\n    def twice():\n        def more(): return text\n        return more() * 2\n"
                "    return twice()",
                "def read(name): return open(name).read()",
                "Table(''.join(map(read, ['one.txt', 'two.txt']))).pipe(save, 'sum.txt')",
                "from functools import partial\npartial(save, 'x')('x.txt')",
            ),
            "a_show.ipynb": ipynb("print(open('sum.txt').read(), open('x.txt').read())"),
        },
        {"load": (), "a_show": ("load",)},
    ),
    "%run of a notebook of settings": (
        {
            "settings.ipynb": ipynb("BASE = 'work'"),
            "make.ipynb": ipynb("%run settings.ipynb\nopen(f'{BASE}/a.txt', 'w').write('a')"),
            "use.ipynb": ipynb("%run settings.ipynb\nprint(open(f'{BASE}/a.txt').read())"),
            "work/readme": "",
        },
        {"settings": (), "make": (), "use": ("make",)},
    ),
    "pickle": (
        {
            "fit.ipynb": ipynb(
                "import pickle", "with open('model.pkl', 'wb') as f:\n    pickle.dump({'a': 1}, f)"
            ),
            "apply.ipynb": ipynb("import pickle\nprint(pickle.load(open('model.pkl', 'rb')))"),
        },
        {"fit": (), "apply": ("fit",)},
    ),
    "joblib": (
        {
            "fit.ipynb": ipynb(
                "import joblib\nfrom pathlib import Path\nOUT = Path('models')\nOUT.mkdir(exist_ok=True)",
                "joblib.dump({'a': 1}, OUT / 'm.joblib')",
            ),
            "apply.ipynb": ipynb("from joblib import load\nprint(load('models/m.joblib'))"),
        },
        {"fit": (), "apply": ("fit",)},
    ),
    "a folder of parquet": (
        {
            "write.ipynb": ipynb(
                "import pandas as pd\ndf = pd.DataFrame({'k': [1, 2], 'v': [3, 4]})",
                "df.to_parquet('lake', partition_cols=['k'])",
            ),
            "read.ipynb": ipynb("import pandas as pd\nprint(pd.read_parquet('lake'))"),
        },
        {"write": (), "read": ("write",)},
    ),
    "images": (
        {
            "figures/readme": "",
            "plot.ipynb": ipynb(
                "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2])",
                "fig.savefig('figures/line.png')",
            ),
            "a page.ipynb": ipynb("from IPython.display import Image\nImage(filename='figures/line.png')"),
        },
        {"plot": (), "a-page": ("plot",)},
    ),
    "loops over patterns": (
        {
            "split.ipynb": ipynb(
                "import os\nos.makedirs('parts', exist_ok=True)\nfor n in range(2):\n"
                "    with open(os.path.join('parts', 'part-%d.csv' % n), 'w') as f:\n        f.write('x')"
            ),
            "join.ipynb": ipynb(
                "from pathlib import Path\ntexts = [p.read_text() for p in sorted(Path('parts').glob('*.csv'))]",
                "Path('all.csv').write_text(''.join(texts))",
            ),
            "again.ipynb": ipynb(
                "names = ['parts/part-%d.csv' % n for n in range(2)]\nprint([open(n).read() for n in names])"
            ),
            "show.ipynb": ipynb("print(open('all.csv').read())"),
        },
        {"split": (), "again": ("split",), "join": ("split",), "show": ("join",)},
    ),
    "a mapping of paths": (
        {
            name: ipynb("PATHS = {'raw': 'raw.txt', 'clean': 'clean.txt'}\n" + code)
            for name, code in {
                "a.ipynb": "open(PATHS['raw'], 'w').write('x')",
                "b.ipynb": "text = open(PATHS.get('raw')).read()\nopen(PATHS['clean'], 'w').write(text)",
                "c.ipynb": "print(open(PATHS['clean']).read())",
            }.items()
        },
        {"a": (), "b": ("a",), "c": ("b",)},
    ),
    "a class of settings": (
        {
            "a.ipynb": ipynb(
                "from dataclasses import dataclass\n\n@dataclass\nclass Config:\n"
                "    out: str = 'out.txt'\n    other: str = 'other.txt'\n\ncfg = Config(other='third.txt')",
                "for path in [cfg.out, cfg.other]:\n    with open(path, 'w') as f:\n        f.write('x')",
            ),
            "b.ipynb": ipynb("class C:\n    source = 'out.txt'", "print(open(C.source).read())"),
            "c.ipynb": ipynb("print(open('third.txt').read())"),
        },
        {"a": (), "b": ("a",), "c": ("a",)},
    ),
    "a database by SQLAlchemy": (
        {
            "query.ipynb": ipynb(
                "import pandas as pd\nfrom sqlalchemy import create_engine\nengine = create_engine('sqlite:///shop.db')",
                "print(pd.read_sql('select * from t', engine))",
            ),
            "zz_fill.ipynb": ipynb(
                "import pandas as pd\nfrom sqlalchemy import create_engine\nengine = create_engine('sqlite:///shop.db')",
                "pd.DataFrame({'a': [1]}).to_sql('t', engine, if_exists='replace', index=False)",
            ),
        },
        {"zz_fill": (), "query": ("zz_fill",)},
    ),
    "a database by sqlite3": (
        {
            "query.ipynb": ipynb(
                "import sqlite3\nprint(sqlite3.connect('s.db').execute('select * from t').fetchall())"
            ),
            "zz_fill.ipynb": ipynb(
                "import sqlite3\ndb = sqlite3.connect('s.db')",
                "db.execute('create table if not exists t (n)')\ndb.commit()",
            ),
        },
        {"zz_fill": (), "query": ("zz_fill",)},
    ),
    "arrays of numpy": (
        {
            "make.ipynb": ipynb(
                "import numpy as np\nnp.savez('arrays', x=np.zeros(3))\nnp.save('one', np.zeros(2))"
            ),
            "load.ipynb": ipynb("import numpy as np\nprint(np.load('arrays.npz')['x'], np.load('one.npy'))"),
        },
        {"make": (), "load": ("make",)},
    ),
    "archives": (
        {
            "get.ipynb": ipynb(
                "import zipfile\nwith zipfile.ZipFile('a.zip', 'w') as z:\n    z.writestr('x.txt', 'x')"
            ),
            "unpack.ipynb": ipynb("import shutil\nshutil.unpack_archive('a.zip', 'unpacked')"),
            "extract.ipynb": ipynb(
                "import zipfile\nwith zipfile.ZipFile('a.zip') as z:\n    z.extractall('extracted')"
            ),
            "use.ipynb": ipynb(
                "print(open('unpacked/x.txt').read())", "print(open('extracted/x.txt').read())"
            ),
        },
        {"get": (), "extract": ("get",), "unpack": ("get",), "use": ("extract", "unpack")},
    ),
    "one appends to another's file": (
        {
            "1_a.ipynb": ipynb("open('log.txt', 'w').write('a')"),
            "2_b.ipynb": ipynb("with open('log.txt', 'a') as f:\n    f.write('b')"),
            "3_c.ipynb": ipynb("print(open('log.txt').read())"),
        },
        {"1_a": (), "2_b": ("1_a",), "3_c": ("1_a", "2_b")},
    ),
    "a function that returns a path": (
        {
            "a.ipynb": ipynb(
                "import os\n\ndef path(name, folder='data'):\n    os.makedirs(folder, exist_ok=True)\n"
                "    full = os.path.join(folder, name)\n    return f'{full}.txt'",
                "with open(path('x'), 'w') as f:\n    f.write('1')",
            ),
            "b.ipynb": ipynb("print(open('data/x.txt').read())"),
        },
        {"a": (), "b": ("a",)},
    ),
    "moved to another folder": (
        {
            "nb/a.ipynb": ipynb("import os\nos.chdir('..')", "open('data.txt', 'w').write('x')"),
            "nb/b.ipynb": ipynb("%cd ..", "print(open('data.txt').read())"),
        },
        {"a": (), "b": ("a",)},
    ),
    "names that Jupyter gives": (
        {
            "Untitled.ipynb": ipynb("open('x.txt', 'w').write('x')"),
            "Untitled1.ipynb": ipynb("print(open('x.txt').read())"),
            "Untitled-Copy1.ipynb": ipynb("print(open('x.txt').read())"),
        },
        {"Untitled": (), "Untitled-Copy1": ("Untitled",), "Untitled1": ("Untitled",)},
    ),
}


def files_of(name: str, folder: Path) -> dict[str, str]:
    return {path: text.replace("PROJECT", str(folder)) for path, text in STYLES[name][0].items()}


@pytest.mark.parametrize("name", STYLES)
def test_the_order_is_right_in_every_style(name: str, tmp_path: Path) -> None:
    project(tmp_path, files_of(name, tmp_path))
    tasks, notes = entries(find(tmp_path, tmp_path)[0])
    assert {task.name: task.upstream for task in tasks} == STYLES[name][1]
    assert not notes


@pytest.mark.parametrize("name", STYLES)
def test_every_style_builds_without_an_edit_and_is_fresh_then(name: str, tmp_path: Path) -> None:
    folder = project(tmp_path, files_of(name, tmp_path))
    built = folder.octavo("init", "--yes", "--build")
    assert built.returncode == 0, built.stdout + built.stderr
    again = folder.octavo("status", "--exit-code")
    assert again.returncode == 0, again.stdout + again.stderr


def test_scripts_that_name_themselves_are_ordered(tmp_path: Path) -> None:
    main = "\nif __name__ == '__main__':\n    main()\n"
    project(
        tmp_path,
        {
            "a.py": "import os\n\nOUT = os.environ.get('OUT', 'x.txt')\n\n"
            "def main(path=OUT):\n    open(path, 'w').close()\n" + main,
            "b.py": "from pathlib import Path\n\nHERE = Path(__file__).resolve().parent\n"
            "print((HERE / 'x.txt').read_text())\n",
        },
    )
    tasks, _ = entries(find(tmp_path, tmp_path)[0])
    assert [(task.name, task.upstream) for task in tasks] == [("a", ()), ("b", ("a",))]


def test_modules_that_import_each_other_and_functions_that_call_themselves_end(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "one.py": "import two\n\ndef f(n):\n    return f(n - 1)\n",
            "two.py": "from one import *\nX = 'x.txt'\n",
            "a.ipynb": ipynb("from two import X\nfrom one import f\nopen(f(X))\nopen(X, 'w')"),
        },
    )
    (task,) = entries(find(tmp_path, tmp_path)[0])[0]
    assert task.products["x"] == "x.txt"


def test_files_that_are_there_already_are_named_with_the_build_that_makes_them_anew(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        {
            "data/clean.csv": "of a run in Jupyter\n",
            "clean.ipynb": ipynb(
                "for n in 'ab':\n    open(f'{n}.txt', 'w').close()",
                "open('data/clean.csv', 'w').write('new')",
            ),
            "a.txt": "old",
        },
    )
    proposed = folder.octavo("init", "--yes")
    last = proposed.stderr.splitlines()[-1]
    assert last == "next: octavo build --force, which makes a.txt and 1 more anew"
    # what nobody agreed to is not replaced
    assert folder.octavo("build").returncode == 1
    assert folder.read("data/clean.csv") == "of a run in Jupyter\n"
    assert folder.octavo(*last.partition(",")[0].split()[2:]).returncode == 0
    assert folder.read("data/clean.csv") == "new"
    assert folder.octavo("status", "--exit-code").returncode == 0
