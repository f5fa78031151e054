"""Functions as tasks: what of their module counts besides what they name."""

from __future__ import annotations

from . import Scenario, versions


def _steps(text: str, **more: str) -> Scenario:
    """Return the scenario of a module ``steps`` with a function ``make``; ``@@`` is 1, then 2."""
    files = {name.replace("__", "/") + ".py": it for name, it in more.items()}
    return versions({"steps.py": text, **files})


def _still(text: str) -> Scenario:
    return versions({"steps.py": text}, runs=())


_HELPER = "def helper():\n    return @@\n\n\n"


def _helper(body: str, head: str = "", **more: str) -> Scenario:
    """Return the scenario of a function that gets at ``helper`` without naming it."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return _steps(
        f"{head}\n\n{_HELPER}def make(product):\n{lines}    product.write_text(repr(value))\n", **more
    )


_TWO = """
tasks:
  - {source: ml.train, product: out/model.pkl}
  - {source: ml.predict, product: out/make.txt, upstream: train}
"""
_ML = """
import pickle


class Model:
    def predict(self):
        return @@


def train(product):
    product.write_bytes(pickle.dumps(Model()))


def predict(product, upstream):
    product.write_text(str(pickle.loads(upstream["train"].read_bytes()).predict()))
"""
_PICKLED = """
import pickle


class Model:
    def predict(self):
        return @@


def make(product):
    with open("model.pkl", "rb") as file:
        product.write_text(str(pickle.load(file).predict()))
"""

SCENARIOS: dict[str, Scenario] = {
    # pickles
    "a class that a pickle names": versions(
        {"steps.py": _PICKLED, "model.pkl": b"csteps\nModel\n)\x81."}, says="module steps changed (Model)"
    ),
    "a function that a pickle names": _helper(
        "import pickle\nvalue = pickle.loads(b'csteps\\nhelper\\n.')()",
    ),
    "a class that a pickle of joblib names": versions(
        {
            "steps.py": _PICKLED.replace("import pickle", "import joblib").replace(
                "pickle.load(file)", "joblib.load(file)"
            ),
            "model.pkl": b"csteps\nModel\n)\x81.",
        }
    ),
    "a class that a pickle from upstream names": versions(
        {"ml.py": _ML, "pipeline.yaml": _TWO}, runs=("train", "predict"), says="module ml changed (Model)"
    ),
    "a class in a dictionary of names": _helper(
        "import json\nvalue = KINDS[json.loads('\"one\"')]()",
        "KINDS = {'one': lambda: globals()['hel' + 'per']()}",
    ),
    # names that are looked up
    "globals()": _helper("value = globals()['helper']()"),
    "globals() with a name that is made": _helper("value = globals()['hel' + 'per']()"),
    "eval": _helper("value = eval('helper()')"),
    "eval of a text that is made": _helper("value = eval('hel' + 'per()')"),
    "exec": _helper("names = {}\nexec('value = hel' 'per()', globals(), names)\nvalue = names['value']"),
    "eval under another name": _helper("value = run('hel' 'per()')", "run = eval"),
    "eval from builtins": _helper("import builtins\nvalue = builtins.eval('hel' 'per()')"),
    "compile": _helper("value = eval(compile('hel' 'per()', '', 'eval'))"),
    "getattr of sys.modules": _helper("import sys\nvalue = getattr(sys.modules[__name__], 'helper')()"),
    "sys.modules under another name": _helper("from sys import modules as m\nvalue = m['steps'].helper()"),
    "sys.modules by getattr": _helper("import sys\nvalue = getattr(sys, 'mod' 'ules')['steps'].helper()"),
    "an import of itself": _helper("import steps\nvalue = steps.helper()"),
    "an import of a name of itself": _helper("from steps import helper as it\nvalue = it()"),
    "import_module": _helper("import importlib\nvalue = importlib.import_module(__name__).helper()"),
    "import_module of another name": _helper(
        "from importlib import import_module as get\nvalue = getattr(get('ste' 'ps'), 'hel' 'per')()"
    ),
    "__import__": _helper("value = __import__('steps').helper()"),
    "attrgetter": _helper(
        "import operator, sys\nvalue = operator.attrgetter('steps')(M).helper()",
        "class M: pass\nimport sys\nM.steps = sys.modules[__name__]",
    ),
    "pkgutil.resolve_name": _helper("import pkgutil\nvalue = pkgutil.resolve_name('steps:hel' 'per')()"),
    "__globals__": _helper("value = make.__globals__['hel' 'per']()"),
    "a frame": _helper("import sys\nvalue = sys._getframe().f_globals['hel' 'per']()"),
    "a frame by inspect": _helper("import inspect\nvalue = inspect.currentframe().f_globals['hel' 'per']()"),
    "inspect.getmembers": _helper(
        "import inspect, sys\nvalue = dict(inspect.getmembers(sys.modules['steps'], inspect.isfunction))['hel' 'per']()"
    ),
    "vars of the module": _helper("import sys\nvalue = vars(sys.modules['steps'])['hel' 'per']()"),
    "locals() at the top": _steps(
        _HELPER + "HERE = locals()\n\n\ndef make(product):\n    product.write_text(str(HERE['helper']()))\n"
    ),
    "dir() at the top": _steps(
        _HELPER + "NAMES = [eval(it) for it in dir() if it == 'hel' 'per']"
        "\n\n\ndef make(product):\n    product.write_text(str(NAMES[0]()))\n"
    ),
    "a query of a frame of data": _helper(
        "value = pd.DataFrame({'a': [1, 2]}).query('a == @hel' 'per()').a.tolist()", "import pandas as pd"
    ),
    "timeit": _helper(
        "import timeit\nseen = []\ntimeit.timeit('seen.append(hel' 'per())', "
        "number=1, globals={**globals(), 'seen': seen})\nvalue = seen"
    ),
    "the garbage collector": _helper(
        "import gc\nfound = [it for it in gc.get_objects() if getattr(it, '__name__', '') == 'hel' 'per' "
        "and it.__module__ == 'steps']\n"
        "value = found[0]()"
    ),
    "a text of a mapping by format": _helper("value = '{helper.__code__.co_consts}'.format(**globals())"),
    # registries
    "a decorator that registers": _steps(
        "KINDS = {}\n\n\ndef kind(f):\n    KINDS[f.__name__] = f\n    return f\n\n\n@kind\ndef one():\n"
        "    return @@\n\n\n"
        "def make(product):\n    product.write_text(str(KINDS['one']()))\n"
    ),
    "a decorator of another module": _steps(
        "from registry import KINDS, kind\n\n\n@kind\ndef one():\n    return @@\n\n\n"
        "def make(product):\n    product.write_text(str(KINDS['one']()))\n",
        registry="KINDS = {}\n\n\ndef kind(f):\n    KINDS[f.__name__] = f\n    return f\n",
    ),
    "a class that registers itself": _steps(
        "class Base:\n    kinds = []\n\n    def __init_subclass__(cls):\n        Base.kinds.append(cls)\n\n\n"
        "class One(Base):\n    n = @@\n\n\ndef make(product):\n    product.write_text(str(Base.kinds[0].n))\n"
    ),
    "a class that a base elsewhere registers": _steps(
        "import registry\n\n\nclass One(registry.Base):\n    n = @@\n\n\n"
        "def make(product):\n    product.write_text(str(registry.Base.kinds[0].n))\n",
        registry="class Base:\n    kinds = []\n\n    def __init_subclass__(cls):\n        Base.kinds.append(cls)\n",
    ),
    "a metaclass": _steps(
        "class Meta(type):\n    kinds = []\n\n    def __init__(cls, *them):\n"
        "        Meta.kinds.append(cls)\n\n\n"
        "class One(metaclass=Meta):\n    n = @@\n\n\ndef make(product):\n"
        "    product.write_text(str(Meta.kinds[0].n))\n"
    ),
    "subclasses": _steps(
        "class Base:\n    pass\n\n\nclass One(Base):\n    n = @@\n\n\n"
        "def make(product):\n    product.write_text(str(Base.__subclasses__()[0].n))\n"
    ),
    "subclasses of exceptions": _steps(
        "class One(KeyError):\n    n = @@\n\n\ndef make(product):\n"
        "    product.write_text(str([it.n for it in KeyError.__subclasses__() if it.__module__ == 'steps']))\n"
    ),
    "singledispatch": _steps(
        "import functools\n\n\n@functools.singledispatch\ndef say(it):\n    return 0\n\n\n"
        "@say.register\ndef _(it: int):\n    return @@\n\n\n"
        "def make(product):\n    product.write_text(str(say(1)))\n"
    ),
    "an implementation for an abstract class": _steps(
        "import collections.abc\n\n\n@collections.abc.Sized.register\nclass One:\n    n = @@\n\n\n"
        "def make(product):\n"
        "    product.write_text(str([it.n for it in KINDS]))\n\n\nKINDS = [it for it in [One]]\n"
    ),
    "what a class does while it is defined": _steps(
        "SEEN = []\n\n\nclass One:\n    SEEN.append(@@)\n\n\ndef make(product):\n"
        "    product.write_text(str(SEEN))\n"
    ),
    "a descriptor that is told its name": _steps(
        "SEEN = []\n\n\nclass Field:\n    def __init__(self, n):\n        self.n = n\n\n"
        "    def __set_name__(self, owner, name):\n"
        "        SEEN.append((name, self.n))\n\n\nclass One:\n    field = Field(@@)\n\n\n"
        "def make(product):\n    product.write_text(str(SEEN))\n"
    ),
    "a default that does something": _steps(
        "SEEN = []\n\n\ndef one(n=SEEN.append(@@)):\n    pass\n\n\ndef make(product):\n"
        "    product.write_text(str(SEEN))\n"
    ),
    "an annotation that does something": _steps(
        "SEEN = []\n\n\ndef one(n: SEEN.append(@@)):\n    pass\n\n\ndef make(product):\n"
        "    product.write_text(str(SEEN))\n"
    ),
    "a name in the text of an annotation": _steps(
        "import typing\n\n\nclass One:\n    n = @@\n\n\ndef typed(it: 'One'):\n    pass\n\n\n"
        "def make(product):\n    product.write_text(str(typing.get_type_hints(typed)['it'].n))\n"
    ),
    # from elsewhere
    "an import from another module": _helper(
        "import other\nvalue = other.get()", other="import steps\n\n\ndef get():\n    return steps.helper()\n"
    ),
    "an import in a function of another module": _helper(
        "import other\nvalue = other.get()",
        other="def get():\n    from steps import helper\n\n    return helper()\n",
    ),
    "an import of all names": _helper(
        "import other\nvalue = other.get()",
        other="def get():\n    names = {}\n    exec('from steps import *', names)\n    return names['helper']()\n",
    ),
    "a name that another module makes": _helper(
        "import other\nvalue = other.get('hel', 'per')",
        other="import importlib\n\n\ndef get(*parts):\n"
        "    return getattr(importlib.import_module('steps'), ''.join(parts))()\n",
    ),
    "a module that other modules hand on": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: pkg.steps.make, product: out/make.txt}\n",
            "pkg/__init__.py": "from .steps import helper\n",
            "pkg/steps.py": _HELPER
            + "def make(product):\n    import pkg as it\n\n    product.write_text(str(it.helper()))\n",
        }
    ),
    "a module that is given away": _helper(
        "import other\nvalue = other.get(ME)",
        "import sys\nME = sys.modules[__name__]",
        other="def get(it):\n    return it.helper()\n",
    ),
    "a name that the module gives when it is asked": _steps(
        "def __getattr__(name):\n    return @@\n\n\ndef make(product):\n    import other\n\n"
        "    product.write_text(str(other.get()))\n",
        other="def get():\n    import steps\n\n    return steps.anything\n",
    ),
    "a module that is run as a program": _steps(
        "import runpy\n\n\nif __name__ == '__main__':\n    N = @@\n\n\n"
        "def make(product):\n    product.write_text(str(runpy.run_path(__file__, run_name='__main__')['N']))\n"
    ),
    "a module that is run under another name": _steps(
        "import runpy\n\n\nif __name__ == 'other':\n    N = @@\n\n\n"
        "def make(product):\n    product.write_text(str(runpy.run_module('steps', run_name='other')['N']))\n"
    ),
    "a serializer of the same module": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, serializer: steps.save}\n",
            "steps.py": _HELPER
            + "def save(value, product):\n    product.write_text(str(globals()['helper']()))"
            "\n\n\ndef make():\n    return 1\n",
        }
    ),
    "a hook of the same module": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, on_finish: steps.check}\n",
            "steps.py": "DONE = []\n\n\n"
            + _HELPER
            + "def check(product):\n    product.write_text(str(helper()))\n\n\n"
            "def make(product):\n    product.touch()\n",
        }
    ),
    "a hook of another module": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.make, product: out/make.txt, on_finish: checks.check}\n",
            "steps.py": "def make(product):\n    product.touch()\n",
            "checks.py": "KINDS = []\n\n\n@KINDS.append\ndef one():\n    return @@\n\n\n"
            "def check(product):\n    product.write_text(str(KINDS[0]()))\n",
        }
    ),
    # words about code that code reads
    "a docstring that is read": _steps(
        'def helper():\n    """Version @@."""\n\n\ndef make(product):\n    product.write_text(helper.__doc__)\n'
    ),
    "a docstring of the module that is read": _steps(
        '"""Version @@."""\n\n\ndef make(product):\n    product.write_text(__doc__)\n'
    ),
    "a docstring of another module that it reads": _steps(
        "import other\n\n\ndef make(product):\n    product.write_text(other.say())\n",
        other='def say():\n    """Version @@."""\n    return say.__doc__\n',
    ),
    "source that is read": _steps(
        "import inspect\n\n\ndef helper():\n    return 1  # version @@\n\n\ndef make(product):\n"
        "    product.write_text(inspect.getsource(helper))\n"
    ),
    "the number of a line that is read": Scenario(
        {
            "steps.py": "import sys\n\n\ndef make(product):\n"
            "    product.write_text(str(sys._getframe().f_lineno))\n"
        },
        {
            "steps.py": "# a comment\nimport sys\n\n\ndef make(product):\n"
            "    product.write_text(str(sys._getframe().f_lineno))\n"
        },
    ),
    "a letter of a module that is not in UTF-8": Scenario(
        {
            "steps.py": "# coding: latin-1\ndef make(product):\n    product.write_text('\u00e9')\n".encode(
                "latin-1"
            )
        },
        {
            "steps.py": "# coding: latin-1\ndef make(product):\n    product.write_text('\u00e8')\n".encode(
                "latin-1"
            )
        },
    ),
    "a letter of another module that is not in UTF-8": Scenario(
        {
            "steps.py": "import other\n\n\ndef make(product):\n    product.write_text(other.N)\n",
            "other.py": "# coding: latin-1\nN = '\u00e9'\n".encode("latin-1"),
        },
        {"other.py": "# coding: latin-1\nN = '\u00e8'\n".encode("latin-1")},
    ),
    "the encoding of a module": Scenario(
        {"steps.py": "# coding: latin-1\ndef make(product):\n    product.write_text('\u00e9')\n".encode()},
        {"steps.py": "# coding: utf-8\ndef make(product):\n    product.write_text('\u00e9')\n".encode()},
    ),
    # what does not count
    "a function that nobody calls": _still(_HELPER + "def make(product):\n    product.write_text('1')\n"),
    "a class that nobody makes": _still(
        "class One:\n    n = @@\n\n\ndef make(product):\n    product.write_text('1')\n"
    ),
    "a docstring": _still('def make(product):\n    """Version @@."""\n    product.write_text("1")\n'),
    "what the module does as a program": _still(
        "def make(product):\n    product.write_text('1')\n\n\nif __name__ == '__main__':\n    print(@@)\n"
    ),
    "a method of a network that is called modules": _still(
        _HELPER + "class Net:\n    def modules(self):\n        return [1]\n\n\n"
        "def make(product):\n    product.write_text(str(Net().modules()))\n"
    ),
    "another task of the same module": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.one, product: out/one.txt}\n"
            "  - {source: steps.two, product: out/two.txt}\n",
            "steps.py": "def one(product):\n    product.write_text('@@')\n\n\ndef two(product):\n"
            "    product.write_text('2')\n",
        },
        runs=("one",),
    ),
    "another task whose name is a key": versions(
        {
            "pipeline.yaml": "tasks:\n  - {source: steps.get, product: out/get.txt}\n"
            "  - {source: steps.use, product: out/use.txt, upstream: get}\n",
            "steps.py": "def get(product):\n    product.write_text(str(@@ * 0))\n\n\n"
            "def use(product, upstream):\n"
            "    product.write_text(upstream['get'].read_text() + str({}.get('get')))\n",
        },
        runs=("get",),
        alike=True,
    ),
}
