"""What tasks ask of the file system besides bytes: is it there, how large is it, what is in the folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import Change, Files, Scenario

_TOP = """
import glob, json, os, pickle, shutil, sqlite3, sys
from fnmatch import fnmatch
from pathlib import Path


def tried(call, *arguments, **options):
    try:
        return call(*arguments, **options)
    except (OSError, sqlite3.Error) as error:
        return type(error).__name__


def loaded(path):
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return "nothing"


def chosen(*paths):
    return next((path for path in paths if os.path.exists(path)), None)
"""
_FUNCTION = "\n\ndef make(product):\n    product.write_text(repr({}))\n"
_NOTEBOOK = """
# %% tags=["parameters"]
upstream = None
product = None

# %%
_ = Path(product["data"]).write_text(repr({}))
"""
_SPEC = "tasks:\n  - {source: notebook.py, name: make, product: {nb: out/make.ipynb, data: out/make.txt}}\n"


def _function(
    expression: str, files: Files, change: Change, *, says: str = "", runs: bool = True, back: bool = True
) -> Scenario:
    steps = {"steps.py": _TOP + _FUNCTION.format(expression)}
    return Scenario({**files, **steps}, change, ("make",) if runs else (), says, back=back)


def _notebook(expression: str, files: Files, change: Change) -> Scenario:
    code = _NOTEBOOK.format(expression).replace("# %%\n", "# %%" + _TOP + "\n# %%\n", 1)
    return Scenario({**files, "notebook.py": code, "pipeline.yaml": _SPEC}, change)


def _mode(name: str, mode: int) -> Change:
    def change(folder: Path) -> None:
        (folder / name).chmod(mode)

    return change


_DATA: Files = {"data/a.csv": "1", "data/b.csv": "2", "data/notes.txt": "n", "data/sub/c.csv": "3"}

#: Whether something is there that then appears, and goes again.
_WHETHER = {
    "os.path.exists": "os.path.exists('data/opt')",
    "os.path.isfile": "os.path.isfile('data/opt')",
    "os.path.lexists": "os.path.lexists('data/opt')",
    "os.path.isdir of a file": "(os.path.isdir('data/opt'), os.path.exists('data/opt'))",
    "os.access": "os.access('data/opt', os.F_OK)",
    "os.access for reading": "os.access('data/opt', os.R_OK)",
    "os.stat": "str(tried(os.stat, 'data/opt'))[:17]",
    "os.lstat": "str(tried(os.lstat, 'data/opt'))[:17]",
    "os.stat by a descriptor": "str(tried(os.stat, 'opt', dir_fd=os.open('data', os.O_RDONLY)))[:17]",
    "os.readlink": "tried(os.readlink, 'data/opt')",
    "os.path.getsize": "tried(os.path.getsize, 'data/opt')",
    "open": "tried(lambda: open('data/opt').read())",
    "os.open": "type(tried(os.open, 'data/opt', os.O_RDONLY)).__name__",
    "os.open by a descriptor": "type(tried(os.open, 'opt', 0, dir_fd=os.open('data', os.O_RDONLY))).__name__",
    "bytes as a path": "os.path.exists(b'data/opt')",
    "an absolute path": "os.path.exists(os.path.abspath('data/opt'))",
    "a path with a step back": "os.path.exists('data/sub/../opt')",
    "Path.exists": "Path('data/opt').exists()",
    "Path.is_file": "Path('data', 'opt').is_file()",
    "Path.stat": "str(tried(Path('data/opt').stat))[:17]",
    "Path.read_text": "loaded('data/opt')",
    "Path.open": "tried(lambda: Path('data/opt').open().read())",
    "Path.glob of a name": "[*map(str, Path('data').glob('opt'))]",
    "Path.rglob of a name": "[*map(str, Path('.').rglob('opt'))]",
    "Path.samefile": "tried(Path('data/a.csv').samefile, 'data/opt')",
    "glob of a name": "glob.glob('data/opt')",
    "glob of a name in any folder": "glob.glob('*/opt')",
    "glob of a name in folders below": "glob.glob('**/opt', recursive=True)",
    "glob.iglob": "list(glob.iglob('dat[a-z]/opt'))",
    "glob with a root": "glob.glob('opt', root_dir='data')",
    "os.listdir": "'opt' in os.listdir('data')",
    "os.scandir": "any(entry.name == 'opt' for entry in os.scandir('data'))",
    "os.scandir in a with": "[[e.name for e in it if e.name == 'opt'] for it in [os.scandir('data')]]",
    "os.walk": "any('opt' in names for _, _, names in os.walk('data'))",
    "os.walk of the project": "any('opt' in names for _, _, names in os.walk('.'))",
    "os.fwalk": "any('opt' in names for _, _, names, _ in os.fwalk('data'))",
    "os.listdir of a descriptor": "'opt' in os.listdir(os.open('data', os.O_RDONLY))",
    "os.scandir of a descriptor": "any(e.name == 'opt' for e in os.scandir(os.open('data', os.O_RDONLY)))",
    "Path.iterdir": "any(it.name == 'opt' for it in Path('data').iterdir())",
    "shutil.copy": "tried(shutil.copy, 'data/opt', 'copied')",
    "shutil.copytree": "len(os.listdir(shutil.copytree('data', 'copied', dirs_exist_ok=True)))",
    "shutil.which": "shutil.which('opt', os.F_OK, path='data')",
    "the first of several": "chosen('data/opt', 'data/a.csv')",
    "a working folder": "(os.chdir('data'), os.path.exists('opt'), os.chdir('..'))[1]",
    "sqlite3": "type(tried(sqlite3.connect, 'file:data/opt?mode=ro', uri=True)).__name__",
}
#: What is in a folder to which a file, a folder or a name with a dot is added.
_LISTED = {
    "os.listdir": "sorted(os.listdir('data'))",
    "os.listdir of bytes": "sorted(os.listdir(b'data'))",
    "os.listdir of an absolute path": "sorted(os.listdir(os.path.abspath('data')))",
    "os.scandir": "sorted(entry.name for entry in os.scandir('data'))",
    "os.walk": "sorted(sorted([*folders, *names]) for _, folders, names in os.walk('data'))",
    "os.fwalk": "sorted(sorted([*folders, *names]) for _, folders, names, _ in os.fwalk('data'))",
    "Path.iterdir": "sorted(map(str, Path('data').iterdir()))",
    "Path.glob": "sorted(map(str, Path('data').glob('*')))",
    "Path.rglob": "sorted(map(str, Path('data').rglob('*')))",
    "a descriptor": "sorted(os.listdir(os.open('data', os.O_RDONLY)))",
}
_ADDED: Mapping[str, Files] = {
    "a file": {"data/new": ""},
    "a folder": {"data/new/": ""},
    "a hidden file": {"data/.new": ""},
    "a file, another gone": {"data/new": "", "data/b.csv": None},
}
#: How many bytes a file has.
_SIZES = {
    "os.path.getsize": "os.path.getsize('data/a.csv')",
    "os.stat": "os.stat('data/a.csv').st_size",
    "os.lstat": "os.lstat('data/a.csv').st_size",
    "os.stat by a descriptor": "os.stat('a.csv', dir_fd=os.open('data', os.O_RDONLY)).st_size",
    "os.fstat": "os.fstat(os.open('data/a.csv', os.O_RDONLY)).st_size",
    "Path.stat": "Path('data/a.csv').stat().st_size",
    "Path.lstat": "Path('data/a.csv').lstat().st_size",
    "entries of a folder": "sum(entry.stat().st_size for entry in os.scandir('data') if entry.is_file())",
    "all of a folder": "sum(os.path.getsize(os.path.join('data', it)) for it in os.listdir('data'))",
    "all below a folder": "sum(it.stat().st_size for it in Path('.').glob('data/*'))",
    "the largest": "max(glob.glob('data/*.csv'), key=os.path.getsize) + str(os.path.getsize('data/a.csv'))",
}
SCENARIOS: Mapping[str, Scenario] = {
    **{f"{name} of what appears": _function(it, _DATA, {"data/opt": "o"}) for name, it in _WHETHER.items()},
    **{
        f"{name}, in a notebook": _notebook(_WHETHER[name], _DATA, {"data/opt": "o"})
        for name in ("os.path.exists", "Path.exists", "open", "glob of a name", "os.listdir", "os.stat")
    },
    **{
        f"{name} of a folder that gets {what}": _function(it, _DATA, files)
        for name, it in _LISTED.items()
        for what, files in _ADDED.items()
        if not (name == "os.walk" and what == "a folder")
    },
    **{
        f"{name} of a file that grows": _function(it, _DATA, {"data/a.csv": "12"})
        for name, it in _SIZES.items()
    },
    "a folder that appears": _function("os.path.isdir('more')", {}, {"more/x": ""}, says="more is there now"),
    "a listing of a folder that appears": _function("tried(os.listdir, 'more')", {}, {"more/x": ""}),
    "a scan of a folder that appears": _function(
        "(lambda it: it if isinstance(it, str) else [e.name for e in it])(tried(os.scandir, 'more'))",
        {},
        {"more/x": ""},
    ),
    "a walk of a folder that appears": _function("list(os.walk('more'))", {}, {"more/x": ""}),
    "a pattern in a folder that appears": _function("glob.glob('more/*.csv')", {}, {"more/x.csv": ""}),
    "Path.glob in a folder that appears": _function(
        "[*map(str, Path('more').glob('*.csv'))]", {}, {"more/x.csv": ""}
    ),
    "a folder that comes in the place of a file": _function(
        "os.path.isdir('it')", {"it": ""}, {"it": None, "it/x": ""}, says="it is a folder now"
    ),
    "is_file of what becomes a folder": _function(
        "Path('it').is_file()", {"it": ""}, {"it": None, "it/x": ""}
    ),
    "a file that goes": _function("os.path.exists('it')", {"it": ""}, {"it": None}, says="it is gone"),
    "a folder that goes": _function("os.path.isdir('it')", {"it/x": ""}, {"it/x": None, "it": None}),
    "a program that may be run": _function(
        "os.access('tool', os.X_OK)",
        {"tool": ""},
        _mode("tool", 0o755),
        says="may now be executed",
        back=False,
    ),
    "a program on a path": _function(
        "shutil.which('tool', path='bin')", {"bin/tool": ""}, _mode("bin/tool", 0o755), back=False
    ),
    "a pattern that finds more": _function("sorted(glob.glob('data/*.csv'))", _DATA, {"data/z.csv": ""}),
    "a pattern of letters": _function("sorted(glob.glob('data/[xyz].csv'))", _DATA, {"data/z.csv": ""}),
    "a pattern for a folder": _function("sorted(glob.glob('da*/a.csv'))", _DATA, {"day/a.csv": ""}),
    "a pattern in the project's folder": _function("sorted(glob.glob('*.csv'))", _DATA, {"z.csv": ""}),
    "a pattern for hidden names": _function("sorted(glob.glob('data/.*'))", _DATA, {"data/.z": ""}),
    "a pattern with folders below": _function(
        "sorted(glob.glob('data/**/*.csv', recursive=True))", _DATA, {"data/sub/z.csv": ""}
    ),
    "Path.glob with folders below": _function(
        "sorted(map(str, Path('data').glob('**/*.csv')))", _DATA, {"data/sub/z.csv": ""}
    ),
    "Path.glob of folders": _function("sorted(map(str, Path('.').glob('*/a.csv')))", _DATA, {"z/a.csv": ""}),
    "Path.match on all names": _function(
        "sorted(it.name for it in Path('data').iterdir() if it.match('*.csv'))", _DATA, {"data/z.csv": ""}
    ),
    "fnmatch on all names": _function(
        "sorted(it for it in os.listdir('data') if fnmatch(it, '*.csv'))", _DATA, {"data/z.csv": ""}
    ),
    # data that look like a tool's, or like code
    **{
        f"data at {path}": _function(f"Path('{path}').read_bytes()", {path: "1"}, {path: "2"})
        for path in (
            *("lib.so", "data/lib.pyd", "data/x.pyc", "data/x.cpython-311.so", "conda.lock", "data/x-wal"),
            *("venv/data.csv", "env/data.csv", ".venv/data.csv", "build/data.csv", "dist/x.whl"),
            *(
                "r-packages/data.csv",
                "data/my-site-packages/x.csv",
                "site-packages/x.csv",
                "site-packages.csv",
            ),
            *(".git/HEAD", "node_modules/atlas/world.json", ".ipynb_checkpoints/x.csv"),
        )
    },
    "data in an environment": _function(
        "open('venv/data.csv', 'rb').read()",
        {"venv/pyvenv.cfg": "", "venv/data.csv": "1"},
        {"venv/data.csv": "2"},
    ),
    "data in an environment, by a pool": _function(
        "__import__('multiprocessing').get_context('fork').Pool(1).map(loaded, ['venv/data.csv'])",
        {"venv/pyvenv.cfg": "", "venv/data.csv": "1"},
        {"venv/data.csv": "2"},
    ),
    "data in an environment, from an open folder": _function(
        "os.read(os.open('data.csv', os.O_RDONLY, dir_fd=os.open('venv', os.O_RDONLY)), 9)",
        {"venv/pyvenv.cfg": "", "venv/data.csv": "1"},
        {"venv/data.csv": "2"},
    ),
    "shared libraries that are data of a folder": _function(
        "[it.read_bytes() for it in sorted(Path('data').glob('*.so'))]",
        {"data/a.so": "1"},
        {"data/a.so": "2"},
    ),
    # what does not matter
    "what is in version control and in an environment, of which only names are seen": _function(
        "len([*os.walk('.')]) and 1",
        {".git/HEAD": "1", "venv/pyvenv.cfg": "", "venv/lib/x": ""},
        {".git/HEAD": "2", ".git/index": "", "venv/lib/y": ""},
        runs=False,
    ),
    "a pattern beside which a file comes": _function(
        "sorted(glob.glob('data/*.csv'))", _DATA, {"data/new.txt": "", "new.csv": ""}, runs=False
    ),
    "a pattern that finds no hidden names": _function(
        "sorted(glob.glob('data/*'))", _DATA, {"data/.new": ""}, runs=False
    ),
    "Path.glob beside which a file comes": _function(
        "sorted(map(str, Path('data').glob('*.csv')))", _DATA, {"data/new.txt": ""}, runs=False
    ),
    "a pattern for a folder beside which a file comes": _function(
        "sorted(glob.glob('*/a.csv'))", _DATA, {"new.txt": ""}, runs=False
    ),
    "bytes of a file of which only the size was asked": _function(
        "os.path.getsize('data/a.csv')", _DATA, {"data/a.csv": "7"}, runs=False
    ),
    "bytes of a file of which only was asked whether it is there": _function(
        "os.path.exists('data/a.csv')", _DATA, {"data/a.csv": "longer"}, runs=False
    ),
    "bytes of a file that was only listed": _function(
        "sorted(os.listdir('data'))", _DATA, {"data/a.csv": "longer"}, runs=False
    ),
    "what tools leave in a folder": _function(
        "sorted(it for it in os.listdir('data') if it[0] != '.')", _DATA, {"data/.DS_Store": ""}, runs=False
    ),
}
