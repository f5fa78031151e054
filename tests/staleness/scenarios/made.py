"""What a task makes and then uses itself is no input: it must not make the task stale; what it was made from is one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from textwrap import indent

from . import Scenario

_TOP = """
import glob, json, mmap, os, pickle, shelve, shutil, sqlite3, subprocess, sys, tempfile, zipfile
from pathlib import Path


def text(path):
    with open(path) as file:
        return file.read()


def write(path, text, mode="w"):
    with open(path, mode) as file:
        file.write(text)


"""

#: Lines that make ``scratch`` of the text ``raw`` and get ``it`` back.
_WAYS = """
== open
write('scratch', raw)
it = text('scratch')
== a file opened anew
write('scratch', raw, 'x') if not os.path.exists('scratch') else write('scratch', raw)
it = text('scratch')
== appending
Path('scratch').unlink(missing_ok=True)
write('scratch', raw, 'a')
it = text('scratch')
== Path.write_text
Path('scratch').write_text(raw)
it = Path('scratch').read_text()
== os.open
fd = os.open('scratch', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.write(fd, raw.encode())
os.close(fd)
it = text('scratch')
== os.open by a descriptor
fd = os.open('scratch', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, dir_fd=os.open('.', os.O_RDONLY))
os.write(fd, raw.encode())
os.close(fd)
it = text('scratch')
== w+
f = open('scratch', 'w+')
f.write(raw)
f.seek(0)
it = f.read()
f.close()
it += text('scratch')
== os.replace
write('scratch.tmp', raw)
os.replace('scratch.tmp', 'scratch')
it = text('scratch')
== os.rename
write('scratch.tmp', raw)
os.rename('scratch.tmp', 'scratch')
it = text('scratch')
== Path.rename
write('scratch.tmp', raw)
Path('scratch.tmp').rename('scratch')
it = text('scratch')
== shutil.move
write('scratch.tmp', raw)
shutil.move('scratch.tmp', 'scratch')
it = text('scratch')
== shutil.copy
it = text(shutil.copy('data/raw', 'scratch'))
== shutil.copy2
it = text(shutil.copy2('data/raw', 'scratch'))
== shutil.copytree
shutil.rmtree('scratch', ignore_errors=True)
shutil.copytree('data', 'scratch')
it = text('scratch/raw')
== os.link
Path('scratch').unlink(missing_ok=True)
os.link('data/raw', 'scratch')
it = text('scratch')
== os.symlink
Path('scratch').unlink(missing_ok=True)
os.symlink('data/raw', 'scratch')
it = text('scratch')
== a temporary file that is moved
f = tempfile.NamedTemporaryFile('w', dir='.', delete=False)
f.write(raw)
f.close()
os.replace(f.name, 'scratch')
it = text('scratch')
== a temporary file in a listed folder
f = tempfile.NamedTemporaryFile('w+', dir='data')
f.write(raw)
f.flush()
it = text(f.name) + str(len(os.listdir('data')))
== a temporary folder
d = tempfile.TemporaryDirectory(dir='.')
write(d.name + '/x', raw)
it = text(d.name + '/x')
d.cleanup()
== a folder
os.makedirs('scratch/a/b', exist_ok=True)
write('scratch/a/b/x', raw)
it = text('scratch/a/b/x') + str(glob.glob('scratch/**', recursive=True))
== a folder that is listed
os.makedirs('scratch', exist_ok=True)
write('scratch/x', raw)
it = ''.join(map(text, sorted(glob.glob('scratch/*'))))
== a file in a listed folder
write('data/scratch', raw)
it = ''.join(text('data/' + it) for it in sorted(os.listdir('data')))
== a file in a folder listed before
n = len(os.listdir('data'))
write('data/scratch', raw)
it = text('data/scratch') + str(sorted(os.listdir('data')))
== a file that is looked for before
os.path.exists('scratch') and os.remove('scratch')
write('scratch', raw)
it = text('scratch')
== a file that is tried before
try:
    text('scratch')
except FileNotFoundError:
    pass
write('scratch', raw)
it = text('scratch')
== a file that is kept
it = raw
if not os.path.exists('scratch'):
    write('scratch', 'made once')
it += text('scratch')
== a file that is removed
write('scratch', raw)
it = text('scratch')
os.remove('scratch')
== a folder that is removed
os.mkdir('scratch')
write('scratch/x', raw)
it = text('scratch/x')
shutil.rmtree('scratch')
== a file that is measured
write('scratch', raw)
it = raw + str(os.path.getsize('scratch')) + str(os.access('scratch', os.R_OK))
== permissions
write('scratch', raw)
os.chmod('scratch', 0o600)
it = text('scratch')
== permissions of an input
os.chmod('data/raw', 0o644)
it = text('data/raw')
== times of an input
it = text('data/raw')
os.utime('data/raw')
== a hard link to an input
it = text('data/raw')
Path('scratch').unlink(missing_ok=True)
os.link('data/raw', 'scratch')
== pickle
pickle.dump(raw, open('scratch', 'wb'))
it = pickle.load(open('scratch', 'rb'))
== json
json.dump(raw, open('scratch', 'w'))
it = json.load(open('scratch'))
== shelve
with shelve.open('scratch') as db:
    db['x'] = raw
with shelve.open('scratch') as db:
    it = db['x']
== zipfile
with zipfile.ZipFile('scratch', 'w') as z:
    z.writestr('x', raw)
it = zipfile.ZipFile('scratch').read('x').decode()
== sqlite3
db = sqlite3.connect('scratch')
db.execute('create table if not exists t (x)')
db.execute('insert into t values (?)', (raw,))
db.commit()
it = db.execute('select x from t order by rowid desc').fetchone()[0]
db.close()
== mmap
write('scratch', raw)
with open('scratch', 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:
    m[:1] = b'X'
it = text('scratch')
== a module
write('scratch_module.py', f'N = {raw!r}')
sys.path.insert(0, '.')
import scratch_module
it = scratch_module.N
== a module that is removed
write('scratch_module.py', f'N = {raw!r}')
sys.path.insert(0, '.')
import scratch_module
it = scratch_module.N
os.remove('scratch_module.py')
== a package
os.makedirs('scratch', exist_ok=True)
write('scratch/__init__.py', f'N = {raw!r}')
sys.path.insert(0, '.')
import scratch
it = scratch.N
== a working folder
os.makedirs('scratch', exist_ok=True)
os.chdir('scratch')
write('x', raw)
it = text('x')
os.chdir('..')
== a file cut to size
write('scratch', raw + 'more')
os.truncate('scratch', len(raw))
it = text('scratch')
== a log
write('log', raw, 'a')
it = raw + str(os.path.exists('log'))
== a lock
os.close(os.open('lock', os.O_RDWR | os.O_CREAT))
it = raw
"""


def _database(number: int) -> bytes:
    """Return a database of SQLite with one number in it."""
    db = sqlite3.connect(":memory:")
    db.executescript(f"create table t (x); insert into t values ({number});")
    return db.serialize()


def _ways() -> Iterator[tuple[str, str]]:
    """Yield the names of the ways and their lines."""
    for way in _WAYS.split("\n== ")[1:]:
        name, _, lines = way.partition("\n")
        yield name, lines


def _of(lines: str) -> Scenario:
    end = "product.write_text(it.replace(os.getcwd(), ''))"
    body = indent(f"raw = text('data/raw')\n{lines}\n{end}\n", "    ")
    files = {"data/raw": "one", "data/other": "other", "steps.py": _TOP + f"def make(product):\n{body}"}
    return Scenario(files, {"data/raw": "two"})


def _written(name: str, text: str) -> str:
    """Return the cell that writes a file as ``%%writefile`` does, but does not tell whether it was there."""
    return (
        "from IPython.utils.capture import capture_output\nwith capture_output():\n"
        f"    get_ipython().run_cell_magic('writefile', {name!r}, {text!r})"
    )


def _notebook(*cells: str) -> Scenario:
    """Return a scenario of a notebook with some cells."""
    first = {
        "cell_type": "code",
        "metadata": {"tags": ["parameters"]},
        "source": "upstream = None\nproduct = None",
    }
    plain = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    data = {"cells": [{**it, "outputs": [], "execution_count": None} for it in (first, *plain)]}
    spec = "tasks:\n  - {source: n.ipynb, name: make, product: {nb: out/make.ipynb, data: out/make.txt}}\n"
    whole = json.dumps({**data, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    return Scenario({"data/raw": "one", "n.ipynb": whole, "pipeline.yaml": spec}, {"data/raw": "two"})


SCENARIOS: Mapping[str, Scenario] = {
    **{name: _of(lines) for name, lines in _ways()},
    "%%writefile": _notebook(
        _written("scratch.txt", "some text"),
        "text = open('scratch.txt').read() + open('data/raw').read()",
        "_ = open(product['data'], 'w').write(text)",
    ),
    "%%writefile of a module": _notebook(
        _written("scratch.py", "N = 1"),
        "import sys\nsys.path.insert(0, '.')\nimport scratch",
        "_ = open(product['data'], 'w').write(str(scratch.N) + open('data/raw').read())",
    ),
    "%%writefile of a script that is run": _notebook(
        _written("scratch.py", "M = open('data/raw').read()"),
        "%run scratch.py",
        "_ = open(product['data'], 'w').write(M)",
    ),
    "%%capture": _notebook(
        "%%capture said\nprint(open('data/raw').read())", "_ = open(product['data'], 'w').write(said.stdout)"
    ),
    "an input that is rewritten": Scenario(
        {
            "data/raw": "one\n\n\n",
            "steps.py": _TOP + "def make(product):\n    raw = text('data/raw').strip()\n"
            "    write('data/raw', raw)\n    product.write_text(raw)\n",
        },
        {"data/raw": "two\n\n"},
        says="file data/raw changed",
    ),
    "an input that is replaced": Scenario(
        {
            "data/raw": "one\n\n\n",
            "steps.py": _TOP + "def make(product):\n    raw = text('data/raw').strip()\n"
            "    write('data/raw.tmp', raw)\n    os.replace('data/raw.tmp', 'data/raw')\n"
            "    product.write_text(raw)\n",
        },
        {"data/raw": "two\n\n"},
        says="file data/raw changed",
    ),
    "an input that is opened to be changed, and is not": Scenario(
        {
            "data/raw": "one",
            "steps.py": _TOP + "def make(product):\n"
            "    with open('data/raw', 'r+') as file:\n        product.write_text(file.read())\n",
        },
        {"data/raw": "two"},
    ),
    "an input that is written as it was": Scenario(
        {
            "data/raw": "one",
            "steps.py": _TOP + "def make(product):\n    with open('data/raw', 'r+') as file:\n"
            "        raw = file.read()\n        file.seek(0)\n        file.write(raw)\n"
            "    product.write_text(raw)\n",
        },
        {"data/raw": "two"},
    ),
    "an input that is mapped": Scenario(
        {
            "data/raw": "one",
            "steps.py": _TOP + "def make(product):\n"
            "    with open('data/raw', 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:\n"
            "        product.write_bytes(m[:])\n",
        },
        {"data/raw": "two"},
    ),
    "an input that is mapped by numpy": Scenario(
        {
            "data/raw": "one",
            "steps.py": "import numpy\n\ndef make(product):\n"
            "    product.write_bytes(numpy.memmap('data/raw', dtype='u1').tobytes())\n",
        },
        {"data/raw": "two"},
    ),
    "a database that is read": Scenario(
        {
            "steps.py": _TOP + "def make(product):\n    db = sqlite3.connect('data/db')\n"
            "    product.write_text(str(db.execute('select x from t').fetchall()))\n    db.close()\n",
            "data/db": _database(1),
        },
        {"data/db": _database(2)},
    ),
    "a database that is opened to be read only": Scenario(
        {
            "steps.py": _TOP
            + "def make(product):\n    db = sqlite3.connect('file:data/db?mode=ro', uri=True)\n"
            "    product.write_text(str(db.execute('select x from t').fetchall()))\n    db.close()\n",
            "data/db": _database(1),
        },
        {"data/db": _database(2)},
    ),
}
