"""Modules as they are found: names that lead elsewhere, appear and vanish, and code that comes in by other ways."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import py_compile
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent

from . import Change, Files, Scenario, versions

#: Optional settings, as many projects have them.
_OPTIONAL = "try:\n    from local_settings import K\nexcept ImportError:\n    K = 0"
_SPEC = (
    "import importlib.util\nspec = importlib.util.spec_from_file_location('h', 'lib/h.py')\n"
    "h = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(h)\nK = h.K"
)
_PLUGINS = (
    "import importlib, pkgutil, plugins\n"
    "K = [importlib.import_module(f'plugins.{it.name}').K for it in pkgutil.iter_modules(plugins.__path__)]"
)
_CHILD = (
    "import multiprocessing\nctx = multiprocessing.get_context('fork')\nq = ctx.SimpleQueue()\n"
    "def work():\n    try:\n        from local_settings import K\n"
    "    except ImportError:\n        K = 0\n    q.put(K)\n"
    "child = ctx.Process(target=work)\nchild.start()\nK = q.get()\nchild.join()"
)
_NOTEBOOKS = "tasks:\n  - {source: make.py, name: make, product: {nb: out/make.ipynb, data: out/make.txt}}\n"
_HEAD = '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n# %%\n'


def _task(code: str, files: Files, change: Change, **how: object) -> Scenario:
    """Return the scenario of a function that runs some lines and writes their ``K``."""
    steps = f"def make(product):\n{indent(code, '    ')}\n    product.write_text(repr(K))\n"
    return Scenario({"steps.py": steps, **files}, change, **how)  # type: ignore[arg-type]


def _module(code: str, files: Files, change: Change, **how: object) -> Scenario:
    """Return the scenario of a function whose module runs some lines when it is imported."""
    steps = f"{code}\n\n\ndef make(product):\n    product.write_text(repr(K))\n"
    return Scenario({"steps.py": steps, **files}, change, **how)  # type: ignore[arg-type]


def _notebook(code: str, files: Files, change: Change, **how: object) -> Scenario:
    """Return the scenario of a notebook that does the same."""
    text = f"{_HEAD}{code}\nopen(product['data'], 'w').write(repr(K));\n"
    return Scenario({"make.py": text, "pipeline.yaml": _NOTEBOOKS, **files}, change, **how)  # type: ignore[arg-type]


def _each(name: str, code: str, files: Files, change: Change, **how: object) -> dict[str, Scenario]:
    """Return the same scenario for a function, for its module, and for a notebook."""
    return {
        f"{name}, in a function": _task(code, files, change, **how),
        f"{name}, in a module": _module(code, files, change, **how),
        f"{name}, in a notebook": _notebook(code, files, change, **how),
    }


def _compiled(code: str) -> bytes:
    """Return a module as byte code."""
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "m.py"), Path(folder, "m.pyc")
        source.write_text(code)
        py_compile.compile(str(source), str(target), doraise=True)
        return target.read_bytes()


def _zipped(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", "/") + ".py"), text)
    return data.getvalue()


def _database(n: int) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "it.db")
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute(f"create table them as select {n} as n")
        return path.read_bytes()


def _moved(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(folder / new)

    return change


def _without_byte_code(folder: Path) -> None:
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)


def _folder(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).mkdir()


#: An extension module of the standard library that can stand elsewhere, too.
_NATIVE = importlib.util.find_spec("_lsprof")
_SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
_BINARY = (
    Path(_NATIVE.origin).read_bytes()
    if _NATIVE and _NATIVE.origin and os.path.isfile(_NATIVE.origin)
    else b""
)

_FOUND = {
    **_each("a module that appears", _OPTIONAL, {}, {"local_settings.py": "K = 1\n"}, says="local_settings"),
    **_each(
        "a module that vanishes", _OPTIONAL, {"local_settings.py": "K = 1\n"}, {"local_settings.py": None}
    ),
    **_each(
        "a package beside a module",
        "import helper\nK = helper.K",
        {"helper.py": "K = 1\n"},
        {"helper/__init__.py": "K = 2\n"},
        says="import helper now finds helper/__init__.py",
    ),
    **_each(
        "a module that becomes a package",
        "import helper\nK = helper.__file__.endswith('__init__.py')",
        {"helper.py": "\n"},
        _moved("helper.py", "helper/__init__.py"),
    ),
    **_each(
        "a submodule that appears",
        "import pkg\ntry:\n    from pkg.local import K\nexcept ImportError:\n    K = 0",
        {"pkg/__init__.py": ""},
        {"pkg/local.py": "K = 1\n"},
        says="import local now finds pkg/local.py",
    ),
    **_each(
        "a name of a package that becomes a module",
        "import pkg\ntry:\n    from pkg import local\n    K = local.K\nexcept ImportError:\n    K = 0",
        {"pkg/__init__.py": ""},
        {"pkg/local.py": "K = 1\n"},
    ),
    **_each(
        "a mere folder for a name that nothing has",
        "try:\n    import somewhere\n    K = 1\nexcept ImportError:\n    K = 0",
        {},
        _folder("somewhere"),
    ),
    **_each(
        "a mere folder that becomes a package",
        "import ns\nK = getattr(ns, 'K', 0)",
        {"ns/a.py": ""},
        {"ns/__init__.py": "K = 1\n"},
    ),
    **_each(
        "a second part of a namespace",
        "import sys\nsys.path.append('more')\nimport ns\nK = len(ns.__path__)",
        {"ns/a.py": ""},
        {"more/ns/b.py": ""},
    ),
    **_each(
        "a folder of modules that appears",
        "import sys\nsys.path.insert(0, 'vendor')\n" + _OPTIONAL,
        {},
        {"vendor/local_settings.py": "K = 1\n"},
    ),
    **_each(
        "a module in a folder further up the path",
        "import sys\nsys.path[:0] = ['first', 'second']\nimport helper\nK = helper.K",
        {"second/helper.py": "K = 2\n"},
        {"first/helper.py": "K = 1\n"},
        says="import helper now finds first/helper.py",
    ),
    **_each(
        "a module in the folder, not at the end of the path",
        "import sys\nsys.path.append('lib')\nimport helper\nK = helper.K",
        {"lib/helper.py": "K = 1\n"},
        {"helper.py": "K = 2\n"},
    ),
    **_each(
        "byte code without source",
        "import helper\nK = helper.K",
        {"helper.pyc": _compiled("K = 1")},
        {"helper.pyc": _compiled("K = 2")},
    ),
    **_each("byte code that appears", _OPTIONAL, {}, {"local_settings.pyc": _compiled("K = 1")}),
    **_each(
        "source beside byte code",
        "import helper\nK = helper.K",
        {"helper.pyc": _compiled("K = 1")},
        {"helper.py": "K = 2\n"},
    ),
    **_each(
        "an archive",
        "import sys\nsys.path.insert(0, 'lib.zip')\nimport helper\nK = helper.K",
        {"lib.zip": _zipped(helper="K = 1\n")},
        {"lib.zip": _zipped(helper="K = 2\n")},
    ),
    **_each(
        "a module in an archive",
        "import sys\nsys.path.insert(0, 'lib.zip')\n" + _OPTIONAL,
        {"lib.zip": _zipped(other="")},
        {"lib.zip": _zipped(local_settings="K = 1\n")},
    ),
    **_each(
        "an archive that appears",
        "import sys\nsys.path.insert(0, 'lib.zip')\n" + _OPTIONAL,
        {},
        {"lib.zip": _zipped(local_settings="K = 1\n")},
    ),
    **_each(
        "a module with a mistake that is mended",
        "try:\n    from helper import K\nexcept SyntaxError:\n    K = 0",
        {"helper.py": "K = = 1\n"},
        {"helper.py": "K = 1\n"},
    ),
    **_each(
        "a module that fails and is mended",
        "try:\n    from helper import K\nexcept ValueError:\n    K = 0",
        {"helper.py": "raise ValueError\n"},
        {"helper.py": "K = 1\n"},
    ),
    **_each(
        "a module that is hidden by one of an installed package's name",
        "import joblib\nK = joblib.__file__.endswith('joblib.py')",
        {},
        {"joblib.py": ""},
        says="import joblib now finds joblib.py",
    ),
    **_each(
        "a module that an installed package looks for",
        "import pandas, sys\nK = 'numexpr' in sys.modules",
        {},
        {
            "numexpr.py": "raise ImportError\n",
            "numexpr/__init__.py": "__version__ = '99'\ndef set_num_threads(n): pass\n",
        },
    ),
    "a module of the name of one of Python's, for a function": _task(
        "import colorsys\nK = getattr(colorsys, 'K', 0)",
        {},
        {"colorsys.py": "K = 1\n"},
        says="import colorsys now finds colorsys.py",
    ),
    "a module of the name of one of Python's, for a notebook": _notebook(
        "import colorsys\nK = getattr(colorsys, 'K', 0)", {}, {"colorsys.py": "K = 1\n"}, runs=()
    ),
}
_OTHER_WAYS = {
    **_each("a module by its path", _SPEC, {"lib/h.py": "K = 1\n"}, {"lib/h.py": "K = 2\n"}),
    **_each(
        "what a module by its path imports",
        _SPEC,
        {"lib/h.py": "from deep import K\n", "deep.py": "K = 1\n"},
        {"deep.py": "K = 2\n"},
    ),
    **_each(
        "a module by its loader",
        "from importlib.machinery import SourceFileLoader\nimport types\nh = types.ModuleType('h')\n"
        "SourceFileLoader('h', 'lib/h.py').exec_module(h)\nK = h.K",
        {"lib/h.py": "K = 1\n"},
        {"lib/h.py": "K = 2\n"},
    ),
    **_each(
        "a script that is run",
        "import runpy\nK = runpy.run_path('lib/h.py')['K']",
        {"lib/h.py": "K = 1\n"},
        {"lib/h.py": "K = 2\n"},
    ),
    **_each(
        "a module that is run",
        "import runpy\nK = runpy.run_module('lib.h')['K']",
        {"lib/h.py": "K = 1\n"},
        {"lib/h.py": "K = 2\n"},
    ),
    **_each(
        "a package that is run",
        "import runpy\nK = runpy.run_module('lib')['K']",
        {"lib/__init__.py": "", "lib/__main__.py": "K = 1\n"},
        {"lib/__main__.py": "K = 2\n"},
    ),
    **_each(
        "code that is read and run",
        "exec(open('lib/h.py').read(), names := {})\nK = names['K']",
        {"lib/h.py": "K = 1\n"},
        {"lib/h.py": "K = 2\n"},
    ),
    **_each(
        "code that is compiled and run",
        "exec(compile(open('lib/h.py').read(), 'lib/h.py', 'exec'), names := {})\nK = names['K']",
        {"lib/h.py": "K = 1\n"},
        {"lib/h.py": "K = 2\n"},
    ),
    **_each(
        "a module that is taken out again",
        "import helper, sys\nK = sys.modules.pop('helper').K",
        {"helper.py": "K = 1\n"},
        {"helper.py": "K = 2\n"},
    ),
    **_each(
        "a module that takes itself out",
        "import helper\nK = helper.K",
        {
            "helper.py": "import sys\nK = 1\ndel sys.modules[__name__]\n"
            "sys.modules[__name__] = type('H', (), {'K': K})\n"
        },
        {
            "helper.py": "import sys\nK = 2\ndel sys.modules[__name__]\n"
            "sys.modules[__name__] = type('H', (), {'K': K})\n"
        },
    ),
    **_each(
        "a module that is loaded again",
        "import helper, importlib\nK = importlib.reload(helper).K",
        {"helper.py": "K = 1\n"},
        {"helper.py": "K = 2\n"},
    ),
    **_each(
        "a module of a computed name",
        "import importlib\nK = importlib.import_module(open('which.txt').read().strip()).K",
        {"which.txt": "one", "one.py": "K = 1\n"},
        {"one.py": "K = 2\n"},
    ),
    **_each(
        "a module of no Python name",
        "import importlib\nK = importlib.import_module('01-first').K",
        {"01-first.py": "K = 1\n"},
        {"01-first.py": "K = 2\n"},
    ),
    **_each(
        "a module that is imported in a thread",
        "import threading\nseen = []\nthread = threading.Thread(target=lambda: seen.append(__import__('helper').K))\n"
        "thread.start()\nthread.join()\nK = seen",
        {"helper.py": "K = 1\n"},
        {"helper.py": "K = 2\n"},
    ),
    **_each(
        "a module that a child imports",
        _CHILD,
        {"local_settings.py": "K = 1\n"},
        {"local_settings.py": "K = 2\n"},
    ),
    **_each("a module that a child looks for", _CHILD, {}, {"local_settings.py": "K = 1\n"}),
    **_each(
        "a module that is imported late",
        "import importlib.util, sys\nspec = importlib.util.find_spec('helper')\n"
        "loader = importlib.util.LazyLoader(spec.loader)\nspec.loader = loader\n"
        "helper = importlib.util.module_from_spec(spec)\n"
        "loader.exec_module(helper)\nK = helper.K",
        {"helper.py": "K = 1\n"},
        {"helper.py": "K = 2\n"},
    ),
    **_each(
        "a name that is only looked for",
        "import importlib.util\nK = importlib.util.find_spec('local_settings') is not None",
        {},
        {"local_settings.py": ""},
    ),
    **_each(
        "a plugin that appears",
        _PLUGINS,
        {"plugins/__init__.py": "", "plugins/a.py": "K = 1\n"},
        {"plugins/b.py": "K = 2\n"},
    ),
    **_each(
        "a plugin that vanishes",
        _PLUGINS,
        {"plugins/__init__.py": "", "plugins/a.py": "K = 1\n", "plugins/b.py": "K = 2\n"},
        {"plugins/b.py": None},
    ),
    **_each(
        "a plugin in a package",
        _PLUGINS.replace("iter_modules(plugins.__path__)", "walk_packages(plugins.__path__)"),
        {"plugins/__init__.py": "", "plugins/a.py": "K = 1\n"},
        {"plugins/b/__init__.py": "K = 2\n"},
    ),
    **_each(
        "a resource of a package",
        "import importlib.resources\nK = importlib.resources.files('pkg').joinpath('a.txt').read_text()",
        {"pkg/__init__.py": "", "pkg/a.txt": "1"},
        {"pkg/a.txt": "2"},
    ),
    **_each(
        "the list of a package's resources",
        "import importlib.resources\n"
        "K = sorted(it.name for it in importlib.resources.files('pkg').iterdir() if it.name.endswith('.txt'))",
        {"pkg/__init__.py": "", "pkg/a.txt": "1"},
        {"pkg/b.txt": "2"},
    ),
    **_each(
        "data of a package",
        "import pkgutil\nK = pkgutil.get_data('pkg', 'a.txt')",
        {"pkg/__init__.py": "", "pkg/a.txt": "1"},
        {"pkg/a.txt": "2"},
    ),
    **_each(
        "a finder of the project's own",
        "import finder, sys\nsys.meta_path.insert(0, finder.Finder)\nimport strange\nK = strange.K",
        {
            "finder.py": "import importlib.machinery as m\n\n\nclass Finder:\n    @staticmethod\n"
            "    def find_spec(name, path, target=None):\n"
            "        if name == 'strange':\n"
            "            return m.ModuleSpec(name, m.SourceFileLoader(name, 'lib/strange.txt'))\n",
            "lib/strange.txt": "K = 1\n",
        },
        {"lib/strange.txt": "K = 2\n"},
    ),
    **_each(
        "a module that the task makes",
        "import importlib\nopen('made.py', 'w').write(f'K = {open(\"n.txt\").read()}')\n"
        "importlib.invalidate_caches()\nimport made, os\n"
        "K = made.K\nos.remove('made.py')",
        {"n.txt": "1"},
        {"n.txt": "2"},
    ),
    **_each(
        "a module that the task makes and leaves",
        "import importlib\ntry:\n    import made\nexcept ImportError:\n    pass\n"
        "open('made.py', 'w').write(f'K = {open(\"n.txt\").read()}')\nimportlib.invalidate_caches()\n"
        "import made\nK = importlib.reload(made).K",
        {"n.txt": "1"},
        {"n.txt": "22"},
    ),
    "%run": _notebook("%run lib/h.py", {"lib/h.py": "K = 1\n"}, {"lib/h.py": "K = 2\n"}),
    "%run -m": _notebook("%run -m lib.h", {"lib/h.py": "K = 1\n"}, {"lib/h.py": "K = 2\n"}),
    "%load_ext": _notebook(
        "%load_ext ext\nK = ext_K",
        {"ext.py": "def load_ipython_extension(it):\n    it.push({'ext_K': 1})\n"},
        {"ext.py": "def load_ipython_extension(it):\n    it.push({'ext_K': 2})\n"},
    ),
}
_HOOKED = "tasks:\n  - {source: steps.make, product: out/make.txt, on_finish: hooks.check}\n"
_HOOKS = (
    "import os\n\ntry:\n    from local_settings import K\nexcept ImportError:\n    K = 0\n\n\n"
    "def check(product):\n    product.write_text(str(K))\n"
)
_CALLED: dict[str, Scenario] = {
    "a module that a hook looks for": Scenario(
        {
            "pipeline.yaml": _HOOKED,
            "hooks.py": _HOOKS,
            "steps.py": "def make(product):\n    product.touch()\n",
        },
        {"local_settings.py": "K = 1\n"},
    ),
    "a package beside the module of a hook": Scenario(
        {
            "pipeline.yaml": _HOOKED,
            "hooks.py": _HOOKS,
            "steps.py": "def make(product):\n    product.touch()\n",
        },
        {"hooks/__init__.py": "def check(product):\n    product.write_text('other')\n"},
    ),
    "a package beside the module of a serializer": Scenario(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, serializer: saving.save}\n",
            "steps.py": "def make():\n    return 1\n",
            "saving.py": "def save(value, product):\n    product.write_text(str(value))\n",
        },
        {"saving/__init__.py": "def save(value, product):\n    product.write_text(str(-value))\n"},
    ),
    "a module that a serializer looks for": Scenario(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, serializer: saving.save}\n",
            "steps.py": "def make():\n    return 1\n",
            "saving.py": "def save(value, product):\n    "
            + _OPTIONAL.replace("\n", "\n    ")
            + "\n    product.write_text(str(K))\n",
        },
        {"local_settings.py": "K = 1\n"},
    ),
    "a module that an unserializer looks for": Scenario(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.first, product: out/first.txt}\n"
            "  - {source: steps.make, product: out/make.txt, upstream: first, unserializer: saving.load}\n",
            "steps.py": "def first(product):\n    product.touch()\n\n\ndef make(product, upstream):\n"
            "    product.write_text(upstream['first'])\n",
            "saving.py": "def load(product):\n    "
            + _OPTIONAL.replace("\n", "\n    ")
            + "\n    return str(K)\n",
        },
        {"local_settings.py": "K = 1\n"},
    ),
    "a module that a client looks for": Scenario(
        {
            "pipeline.yaml": "tasks:\n"
            "  - {source: make.sql, name: make, product: out/make.csv, client: db.get, class: SQLDump}\n",
            "make.sql": "select n from them",
            "db.py": "from octavo.clients import SQLAlchemyClient\n"
            + _OPTIONAL
            + "\n\n\ndef get():\n    return SQLAlchemyClient(f'sqlite:///{K}.db')\n",
            "0.db": _database(0),
            "1.db": _database(1),
        },
        {"local_settings.py": "K = 1\n"},
    ),
    "a package beside the task's own module": Scenario(
        {"steps.py": "def make(product):\n    product.write_text('1')\n"},
        {"steps/__init__.py": "def make(product):\n    product.write_text('2')\n"},
    ),
    "a module of the task's own name in the folder that comes first": Scenario(
        {"pyproject.toml": "", "src/steps.py": "def make(product):\n    product.write_text('1')\n"},
        {"steps.py": "def make(product):\n    product.write_text('2')\n"},
    ),
    "a package around the task's own module": Scenario(
        {
            "pipeline.yaml": "tasks:\n  - {source: pkg.steps.make, product: out/make.txt}\n",
            "pkg/steps.py": "def make(product):\n    product.write_text(str(N))\n\n\nimport pkg\n\n"
            "N = getattr(pkg, 'N', 0)\n",
        },
        {"pkg/__init__.py": "N = 1\n"},
    ),
    "a script's module": Scenario(
        {
            "pipeline.yaml": "tasks:\n  - {source: make.py, class: ScriptRunner, product: out/make.txt}\n",
            "make.py": _HEAD + _OPTIONAL + "\nopen(product, 'w').write(repr(K))\n",
        },
        {"local_settings.py": "K = 1\n"},
    ),
    "a module of another task": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.first, product: out/gen/made.py}\n"
            "  - {source: steps.second, product: out/second.txt, upstream: first}\n",
            "steps.py": "def first(product):\n    product.write_text('K = @@')\n\n\n"
            "def second(product, upstream):\n    import sys\n\n"
            "    sys.path.insert(0, 'out/gen')\n    import made\n\n    product.write_text(str(made.K))\n",
        },
        runs=("first", "second"),
    ),
}
_SQL = (
    "meta: {source_loader: {path: [first, second]}}\n"
    "tasks:\n  - {source: make.sql, name: make, product: out/make.csv, client: db.get, class: SQLDump}\n"
)
_CLIENT = "from octavo.clients import SQLAlchemyClient\n\n\ndef get():\n    return SQLAlchemyClient('sqlite:///it.db')\n"


def _template(text: str, files: Files, change: Change, **how: object) -> Scenario:
    """Return the scenario of a query that is a template; templates are looked for in ``first``, then in ``second``."""
    given: dict[str, str | bytes | None] = {
        "pipeline.yaml": _SQL,
        "db.py": _CLIENT,
        "it.db": _database(1),
        "second/make.sql": text,
    }
    return Scenario({**given, **files}, change, **how)  # type: ignore[arg-type]


_TEMPLATES = {
    "a template that another includes": _template(
        "select {% include 'n.sql' %} as n", {"second/n.sql": "1"}, {"second/n.sql": "2"}
    ),
    "a template that hides another": _template(
        "select {% include 'n.sql' %} as n", {"second/n.sql": "1"}, {"first/n.sql": "2"}
    ),
    "a template that is in the folder of the one that includes it": _template(
        "select {% include 'n.sql' %} as n", {"n.sql": "1"}, {"second/n.sql": "2"}
    ),
    "a template that may be missing": _template(
        "select 1{% include 'n.sql' ignore missing %} as n", {}, {"second/n.sql": "2"}
    ),
    "the first of several templates": _template(
        "select {% include ['a.sql', 'b.sql'] %} as n", {"second/b.sql": "1"}, {"second/a.sql": "2"}
    ),
    "a template that is extended": _template(
        "{% extends 'n.sql' %}{% block n %}2{% endblock %}",
        {"second/n.sql": "select {% block n %}1{% endblock %} as n"},
        {"second/n.sql": "select {% block n %}1{% endblock %} + 1 as n"},
    ),
    "a macro": _template(
        "{% from 'n.sql' import n %}select {{ n() }} as n",
        {"second/n.sql": "{% macro n() %}1{% endmacro %}"},
        {"second/n.sql": "{% macro n() %}2{% endmacro %}"},
    ),
    "a query that hides the task's own": _template("select 1 as n", {}, {"first/make.sql": "select 2 as n"}),
    "a template that nobody includes": _template("select 1 as n", {}, {"first/n.sql": "2"}, runs=()),
    "a package of templates that comes first": Scenario(
        {
            "pipeline.yaml": _SQL.replace("path: [first, second]", "module: pkg"),
            "pyproject.toml": "",
            "db.py": _CLIENT,
            "it.db": _database(1),
            "src/pkg/__init__.py": "",
            "src/pkg/make.sql": "select 1 as n",
        },
        {"pkg/__init__.py": "", "pkg/make.sql": "select 2 as n"},
    ),
}
_STILL = {
    **_each(
        "a module that nobody asks for",
        "import helper\nK = helper.K",
        {"helper.py": "K = 1\n"},
        {"other.py": "K = 2\n"},
        runs=(),
    ),
    **_each(
        "a module in a package that nobody asks for",
        "import pkg\nK = pkg.K",
        {"pkg/__init__.py": "K = 1\n"},
        {"pkg/other.py": "K = 2\n"},
        runs=(),
    ),
    **_each(
        "a comment",
        "import helper\nK = helper.K",
        {"helper.py": "K = 1\n"},
        {"helper.py": "K = 1  # one\n"},
        runs=(),
    ),
    **_each(
        "byte code that is removed",
        "import helper\nK = helper.K",
        {"helper.py": "K = 1\n"},
        _without_byte_code,
        runs=(),
    ),
    **_each(
        "a mere folder of the name of a package",
        "import joblib\nK = joblib.__name__",
        {},
        _folder("joblib"),
        runs=(),
    ),
    **_each(
        "a mere folder of the name of a module",
        "import helper\nK = helper.K",
        {"helper.py": "K = 1\n"},
        _folder("helper"),
        runs=(),
    ),
    **_each("a folder of data", _OPTIONAL, {}, {"settings/a.csv": "1", "data.csv": "2"}, runs=()),
    **_each(
        "a module behind the one that is found",
        "import sys\nsys.path.append('lib')\nimport helper\nK = helper.K",
        {"helper.py": "K = 1\n"},
        {"lib/helper.py": "K = 2\n"},
        runs=(),
    ),
    **_each(
        "a module that is listed and not imported",
        "import os\nK = len([it for it in sorted(os.listdir('pkg')) if it == 'a.txt'])",
        {"pkg/a.txt": ""},
        {"other/b.py": ""},
        runs=(),
    ),
}

SCENARIOS: dict[str, Scenario] = {**_FOUND, **_OTHER_WAYS, **_CALLED, **_TEMPLATES, **_STILL}
if _BINARY:
    SCENARIOS["an extension module beside a module"] = _task(
        "import _lsprof\nK = hasattr(_lsprof, 'Profiler')", {"_lsprof.py": ""}, {f"_lsprof{_SUFFIX}": _BINARY}
    )
