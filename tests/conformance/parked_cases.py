"""Notebooks that tell whether something was imported ahead: cells by name, in groups that are built together.

A cell prints what a process sees; a fresh kernel, ``octavo run`` and ``octavo build`` must print the same.
"""

from __future__ import annotations

#: Modules that are installed for these cases only, by file name.
INSTALLED = {
    "noisy_thing.py": "print('hello from noisy_thing')\n",
    "warning_thing.py": "import warnings\nwarnings.warn('thing is old', UserWarning, stacklevel=1)\n",
    "quiet_thing.py": "import warnings\nwarnings.warn('thing is old', DeprecationWarning, stacklevel=1)\n",
    "filter_thing.py": "import warnings\nwarnings.filterwarnings('ignore', message='old')\n",
    "scoped_thing.py": (
        "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
        "    import filter_thing\n    warnings.warn('unheard')\n"
    ),
    "logging_thing.py": (
        "import logging\nlog = logging.getLogger(__name__)\nlog.addHandler(logging.NullHandler())\n"
        "log.debug('made')\nlog.setLevel(logging.ERROR)\n"
    ),
    "talking_thing.py": "import logging\nlogging.getLogger(__name__).warning('made')\n",
    "stream_thing.py": "import sys\nOUT = sys.stdout\ndef say(it):\n    OUT.write(it + '\\n')\n",
    "handler_thing.py": (
        "import logging, sys\nlog = logging.getLogger('handler_thing')\n"
        "log.addHandler(logging.StreamHandler(sys.stdout))\nlog.propagate = False\n"
    ),
    "number_thing.py": "import os\nPID = os.getpid()\n",
    "where_thing.py": "import os\nHERE = os.getcwd()\n",
    "unique_thing.py": "import uuid\nID = uuid.uuid4().hex\n",
    "secret_thing.py": "import secrets\nID = secrets.token_hex(8)\n",
    "random_thing.py": "import random\nOWN = random.Random()\nFIXED = random.Random(7)\n",
    "drawing_thing.py": "import random\nFIRST = random.random()\n",
    "seeding_thing.py": "import random\nrandom.seed(5)\n",
    "numpy_thing.py": "import numpy as np\nOWN = np.random.default_rng()\nFIXED = np.random.default_rng(7)\n",
    "numpy_seeding_thing.py": "import numpy as np\nnp.random.seed(5)\n",
    "variable_thing.py": "import os\nLEVEL = os.environ.get('THING_LEVEL', 'none')\n",
    "setting_thing.py": "import os\nos.environ.setdefault('THING_SET', 'by thing')\nos.environ['THING_TOO'] = '1'\n",
    "every_thing.py": "import os\nFOUND = sorted(k for k in os.environ if k.startswith('EVERY_'))\n",
    "optional_thing.py": "try:\n    import absent_thing\nexcept ImportError:\n    absent_thing = None\nHAS = absent_thing is not None\n",
    "patching_thing.py": "import string\nstring.capwords = lambda *a: 'patched'\n",
    "adding_thing.py": "import string\nstring.shout = lambda it: it.upper()\n",
    "registry_thing/__init__.py": "KINDS = {}\ndef register(name):\n    KINDS[name] = True\n",
    "plugin_thing.py": "import registry_thing\nregistry_thing.register('plugin')\n",
    "accessor_thing.py": (
        "import pandas as pd\n@pd.api.extensions.register_dataframe_accessor('thing')\n"
        "class Thing:\n    def __init__(self, frame):\n        self.frame = frame\n    def twice(self):\n        return 2\n"
    ),
    "subclass_thing.py": "import registry_thing.base\nclass Made(registry_thing.base.Base):\n    pass\n",
    "registry_thing/base.py": (
        "class Base:\n    made = []\n    def __init_subclass__(cls):\n        Base.made.append(cls.__name__)\n"
    ),
    "configured_thing.py": (
        "import os\nMODE = open('thing.cfg').read().strip() if os.path.exists('thing.cfg') else 'default'\n"
    ),
    "argument_thing.py": "import sys\nNAME = sys.argv[0].rpartition('/')[2].partition('.')[0] and 'named'\n",
    "loaded_thing.py": "import sys\nPANDAS = 'pandas' in sys.modules\n",
    "ending_thing.py": "import atexit\natexit.register(print, 'ending_thing ends')\n",
    "reducing_thing.py": (
        "import copyreg\nclass Odd:\n    pass\ncopyreg.pickle(Odd, lambda it: (Odd, ()))\n"
    ),
    "level_thing.py": "import logging\nlogging.addLevelName(35, 'LOUD')\n",
    "hooking_thing.py": "import sys\nsys.excepthook = lambda *a: None\n",
    "limit_thing.py": "import sys\nsys.setrecursionlimit(5000)\n",
    "path_thing.py": "import os, sys\nsys.path.append(os.path.dirname(__file__) + '/more')\n",
    "more/deep_thing.py": "DEEP = 1\n",
    "context_thing.py": "import decimal\ndecimal.getcontext().prec = 7\n",
    "lazy_thing/__init__.py": (
        "import importlib\ndef __getattr__(name):\n    if name == 'part':\n"
        "        return importlib.import_module('lazy_thing.part')\n"
        "    if name == 'VALUE':\n        from .part import VALUE\n        globals()['VALUE'] = VALUE\n        return VALUE\n"
        "    raise AttributeError(name)\n"
    ),
    "lazy_thing/part.py": "VALUE = 3\n",
    "using_lazy_thing.py": "from lazy_thing import VALUE\nimport lazy_thing\nGOT = lazy_thing.part.VALUE\n",
    "same_thing/__init__.py": "def same(): return 'function'\n",
    "same_thing/same.py": "x = 1\n",
    "front_thing.py": (
        "import sys\nIP = sys.modules.get('IPython')\nSHELL = IP.get_ipython() if IP else None\n"
        "FRONT = type(SHELL).__name__, SHELL is not None and getattr(SHELL, 'kernel', None) is not None\n"
        "try:\n    get_ipython\n    FRONT += (True,)\nexcept NameError:\n    FRONT += (False,)\n"
    ),
    "event_thing.py": (
        "from IPython import get_ipython\n\ndef said(*_):\n    print('event')\n"
        "if get_ipython() is not None:\n    get_ipython().events.register('pre_run_cell', said)\n"
    ),
    "input_thing.py": "from getpass import getpass\nNAME = type(getpass).__name__\n",
    "importing_main_thing.py": "import __main__\nHAS = hasattr(__main__, '__file__')\n",
    "leaving_thing.py": (
        "import builtins, codecs, os\nos.umask(0o077)\nbuiltins.left = True\n"
        "codecs.register(lambda name: codecs.lookup('utf-8') if name == 'left' else None)\n"
        "os.register_at_fork(after_in_parent=lambda: print('forked'))\n"
    ),
    "default_thing.py": "import decimal\ndecimal.DefaultContext.prec = 7\ndecimal.setcontext(decimal.Context())\n",
    "searching_thing.py": (
        "import codecs\ncodecs.register(lambda name: codecs.lookup('utf-8') if name == 'sought' else None)\n"
    ),
    "forking_thing.py": "import os\nos.register_at_fork(after_in_parent=lambda: print('forked'))\n",
    "counted_thing.py": "import gc\nOWN = [o for o in gc.callbacks]\n",
}

#: What the task imports that stands beside them: all of this is imported ahead.
BESIDE = [
    "numpy",
    "pandas",
    "scipy.stats",
    "sklearn.linear_model",
    "matplotlib.pyplot",
    "matplotlib.dates",
    "PIL.Image",
    "networkx",
    "tqdm.auto",
    "plotly.express",
    "requests",
    "sqlalchemy",
    "joblib",
    "ipywidgets",
    "pyarrow.parquet",
    "sympy",
    "rich.console",
    "bs4",
    "jinja2",
    "yaml",
    "idna",
    "xml.etree.ElementTree",
    "xml.dom.minidom",
    "concurrent.futures",
    "sqlite3",
    "fractions",
    "unittest.mock",
    "registry_thing.base",
    "lazy_thing.part",
    "same_thing.same",
    *sorted({name.partition("/")[0].removesuffix(".py") for name in INSTALLED} - {"more"}),
]

Cells = tuple[str, ...]

#: Prints what an import may leave in a process.
LEFT = """
import builtins, os

mask = os.umask(0o022)
os.umask(mask)
print(oct(mask), hasattr(builtins, "left"))
if (pid := os.fork()) == 0:
    os._exit(0)
print(os.waitpid(pid, 0)[1])
import decimal

print(decimal.getcontext().prec)
try:
    print("é".encode("left"))
except LookupError as error:
    print(error)
"""

GROUPS: dict[str, dict[str, Cells]] = {}

GROUPS["environment"] = {
    "env-omp-before-numpy": (
        "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
        "import numpy, threadpoolctl\nprint([p['num_threads'] for p in threadpoolctl.threadpool_info()])",
    ),
    "env-openblas-hidden": (
        "import os\nname = 'OPENBLAS_' + 'NUM_THREADS'\nos.environ[name] = '1'",
        "import numpy, threadpoolctl\nprint([p['num_threads'] for p in threadpoolctl.threadpool_info()])",
    ),
    "env-mplbackend": (
        "import os\nos.environ['MPLBACKEND'] = 'svg'",
        "import matplotlib\nprint(matplotlib.get_backend(), matplotlib.rcParams['backend'])",
    ),
    "env-mplbackend-deleted": (
        "import os\ndel os.environ['MPLBACKEND']",
        "import matplotlib\nprint(matplotlib.rcParams._get('backend'))",
    ),
    "env-scipy-array-api": (
        "import os\nfor name in ['SCIPY_ARRAY_API']:\n    os.environ[name] = '1'",
        "import scipy._lib._array_api_override as it\nprint(it.SCIPY_ARRAY_API)",
    ),
    "env-pandas-copy-on-write": (
        "import os\nos.environ.update({'PANDAS_' + 'FUTURE_INFER_STRING': '0'})",
        "import pandas as pd\nprint(pd.Series(['a']).dtype)",
    ),
    "env-tqdm-prefix": (
        "import os\nos.environ['TQDM_' + 'NCOLS'] = '33'",
        "from tqdm import tqdm\nprint(tqdm(disable=True).__class__.__name__)\n"
        "import io\nout = io.StringIO()\nfor _ in tqdm(range(2), file=out): pass\nprint(len(out.getvalue().split('\\r')[-1].rstrip()) <= 33)",
    ),
    "env-unrelated": (
        "import os\nos.environ['MY_API_KEY'] = 'x'",
        "import numpy, pandas\nprint(pandas.DataFrame({'a': [1]}).shape)",
    ),
    "env-read-at-import": (
        "import os\nos.environ['THING_LEVEL'] = 'high'",
        "import variable_thing\nprint(variable_thing.LEVEL)",
    ),
    "env-read-of-every": (
        "import os\nos.environ['EVERY_ONE'] = '1'",
        "import every_thing\nprint(every_thing.FOUND)",
    ),
    "env-magic": ("%env THING_LEVEL=low", "import variable_thing\nprint(variable_thing.LEVEL)"),
    "env-from-function": (
        "import os\ndef settle(**values):\n    os.environ.update(values)\nsettle(THING_LEVEL='mid')",
        "import variable_thing\nprint(variable_thing.LEVEL)",
    ),
    "environ-set-by-import": (
        "import os\nprint(os.environ.get('THING_SET'), os.environ.get('THING_TOO'))",
        "import setting_thing\nprint(os.environ.get('THING_SET'), os.environ.get('THING_TOO'))",
    ),
    "environ-set-before-import": (
        "import os\nos.environ['THING_SET'] = 'by me'",
        "import setting_thing\nprint(os.environ.get('THING_SET'), os.environ.get('THING_TOO'))",
    ),
    "environ-before": (
        "import os\nprint(sorted(k for k in os.environ if k.startswith(('KMP', '_RJEM', 'THING'))))",
    ),
    "environ-after-joblib": (
        "import os, joblib\nprint(sorted(k for k in os.environ if k.startswith(('KMP', '_RJEM', 'THING'))))",
    ),
    "environ-in-child": (
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', \"import os; print(sorted(k for k in os.environ if k[:3] in ('KMP', 'THI')))\"],"
        " capture_output=True, text=True).stdout)",
    ),
    "env-tz": (
        "import os, time\nos.environ['TZ'] = 'Asia/Tokyo'\ntime.tzset()",
        "import pandas as pd\nprint(time.tzname, pd.Timestamp(0, unit='s'))",
    ),
    "locale-change": (
        "import locale\nprint(locale.setlocale(locale.LC_ALL, 'C'))",
        "import pandas\nprint(locale.setlocale(locale.LC_ALL))",
    ),
}

GROUPS["paths"] = {
    "vendored-shadow": (
        "import os, sys\nos.makedirs('vendor1/idna')\nopen('vendor1/idna/__init__.py', 'w').write('V = \"vendored\"')\n"
        "sys.path.insert(0, 'vendor1')",
        "import idna\nprint(idna.V)",
        "import requests\nprint(requests.__name__)",
    ),
    "vendored-appended": (
        "import os, sys\nos.makedirs('vendor2/idna')\nopen('vendor2/idna/__init__.py', 'w').write('V = \"vendored\"')\n"
        "sys.path.append('vendor2')",
        "import idna\nprint(hasattr(idna, 'V'))",
    ),
    "vendored-of-a-dependency": (
        "import os, sys\nos.makedirs('vendor3')\nopen('vendor3/six.py', 'w').write('V = \"vendored\"\\nraise ImportError(\"mine\")')\n"
        "sys.path.insert(0, 'vendor3')",
        "try:\n    import dateutil.rrule\nexcept ImportError as error:\n    print(error)",
        "try:\n    import pandas\nexcept ImportError as error:\n    print(type(error).__name__)",
    ),
    "vendored-numpy": (
        "import os, sys\nos.makedirs('vendor4/numpy')\nopen('vendor4/numpy/__init__.py', 'w').write('V = \"mine\"')\n"
        "sys.path.insert(0, os.path.abspath('vendor4'))",
        "import numpy\nprint(numpy.V)",
    ),
    "upgraded-in-place": (
        "import quiet_thing, os, pathlib\nimport registry_thing\nhome = pathlib.Path(registry_thing.__file__).parent.parent\n"
        "old = home / 'changed_thing.py'\nold.write_text('V = 2')",
        "import changed_thing\nprint(changed_thing.V)",
    ),
    "installed-meanwhile": (
        "import registry_thing, pathlib\nhome = pathlib.Path(registry_thing.__file__).parent.parent\n"
        "(home / 'new_thing.py').write_text('V = 1')\nimport importlib\nimportlib.invalidate_caches()",
        "import new_thing\nprint(new_thing.V)",
    ),
    "optional-dependency-appears": (
        "import os, sys\nos.makedirs('vendor5')\nopen('vendor5/absent_thing.py', 'w').write('')\nsys.path.insert(0, 'vendor5')",
        "import optional_thing\nprint(optional_thing.HAS)",
    ),
    "local-file-shadows-dependency": (
        "open('certifi.py', 'w').write('V = \"mine\"\\nwhere = lambda: \"nowhere\"')",
        "import sys\nsys.path.insert(0, '.')\nimport certifi\nprint(certifi.V)",
    ),
    "local-file-shadows-stdlib": (
        "import os, sys\nos.makedirs('mine1')\nopen('mine1/fractions.py', 'w').write('V = \"mine\"')\nsys.path.insert(0, 'mine1')",
        "import fractions\nprint(fractions.V)",
    ),
    "local-file-made-by-cell": (
        "open('made_here.py', 'w').write('V = 4')",
        "import made_here\nprint(made_here.V)",
    ),
    "chdir-then-import": (
        "import os\nos.makedirs('below1', exist_ok=True)\nos.chdir('below1')",
        "import where_thing, pandas, matplotlib.pyplot\nprint(where_thing.HERE.endswith('below1'))",
    ),
    "matplotlibrc-in-another-folder": (
        "import os\nos.makedirs('below2', exist_ok=True)\nopen('below2/matplotlibrc', 'w').write('lines.linewidth: 9')\nos.chdir('below2')",
        "import matplotlib\nprint(matplotlib.rcParams['lines.linewidth'])",
    ),
    "config-made-before-import": (
        "import os\nos.makedirs('below3', exist_ok=True)\nos.chdir('below3')\nopen('thing.cfg', 'w').write('mine')",
        "import configured_thing\nprint(configured_thing.MODE)",
    ),
    "namespace-package": (
        "import os, sys\nos.makedirs('spaces/spaced/one', exist_ok=True)\nopen('spaces/spaced/one/__init__.py', 'w').write('V = 1')\n"
        "sys.path.insert(0, 'spaces')",
        "import spaced.one\nprint(spaced.one.V)",
    ),
    "namespace-extends-installed": (
        "import os, sys\nos.makedirs('spaces2/registry_thing', exist_ok=True)\n"
        "open('spaces2/registry_thing/extra.py', 'w').write('V = 1')\nimport registry_thing\n"
        "registry_thing.__path__.append('spaces2/registry_thing')",
        "import registry_thing.extra, registry_thing.base\nprint(registry_thing.extra.V, registry_thing.base.Base.made)",
    ),
    "sys-path-after": (
        "import numpy, pandas, path_thing, sys\nprint([p for p in sys.path if p.endswith('more')])",
        "import deep_thing\nprint(deep_thing.DEEP)",
    ),
    "path-not-extended": (
        "import sys\nprint([p for p in sys.path if p.endswith('more')])\n"
        "try:\n    import deep_thing\nexcept ImportError as error:\n    print(error)",
    ),
}

GROUPS["modules"] = {
    **{
        f"new-names-{name}": (
            f"import sys\nbefore = set(sys.modules)\nimport {name}\n"
            "print(*sorted(n for n in set(sys.modules) - before if 'cython_' not in n and '_cyutility' not in n"
            " and n.partition('.')[0] not in {*sys.stdlib_module_names, '__mp_main__', 'psutil'} and '_sysconfigdata' not in n))",
        )
        for name in (
            "numpy",
            "pandas",
            "matplotlib",
            "requests",
            "networkx",
            "PIL.Image",
            "sqlalchemy",
            "joblib",
            "tqdm.auto",
            "bs4",
        )
    },
    "unimported-names": (
        "import sys\nprint([n for n in ('pandas', 'numpy', 'matplotlib', 'requests', 'sqlite3', 'fractions', 'unittest') if n in sys.modules])",
        LEFT,
    ),
    "if-loaded-branches": ("import loaded_thing\nprint(loaded_thing.PANDAS)",),
    "if-loaded-branches-loaded": ("import pandas, loaded_thing\nprint(loaded_thing.PANDAS)",),
    "implicit-pyplot": (
        "import matplotlib\ntry:\n    matplotlib.pyplot\nexcept AttributeError as error:\n    print(error)",
    ),
    "implicit-submodules": (
        "import PIL, sklearn, xml, concurrent, scipy, unittest, importlib, os\n"
        "print(hasattr(PIL, 'Image'), 'linear_model' in vars(sklearn), hasattr(xml, 'dom'), hasattr(xml, 'etree'), hasattr(unittest, 'mock'))",
    ),
    "implicit-of-another": (
        "import registry_thing, same_thing\nprint(hasattr(registry_thing, 'base'), same_thing.same())",
    ),
    "child-named-like-function": (
        "import same_thing\nprint(same_thing.same())\nimport same_thing.same\nprint(same_thing.same.x)",
    ),
    "lazy-attributes": (
        "import sys, lazy_thing\nprint('lazy_thing.part' in sys.modules, 'VALUE' in vars(lazy_thing), 'part' in vars(lazy_thing))\n"
        "print(lazy_thing.VALUE, 'lazy_thing.part' in sys.modules)",
    ),
    "lazy-attributes-of-an-import": (
        "import sys, using_lazy_thing, lazy_thing\nprint('lazy_thing.part' in sys.modules, 'VALUE' in vars(lazy_thing), 'part' in vars(lazy_thing))",
    ),
    "lazy-scipy": (
        "import scipy, sys\nprint('scipy.stats' in sys.modules, 'stats' in vars(scipy))\nprint(scipy.stats.norm.cdf(0), 'scipy.stats' in sys.modules)",
    ),
    "lazy-numpy": (
        "import numpy, sys\nprint('polynomial' in vars(numpy), 'numpy.polynomial' in sys.modules)\nprint(numpy.polynomial.__name__)",
    ),
    "lazy-futures": (
        "import concurrent.futures as it\nprint('ThreadPoolExecutor' in vars(it))\nprint(it.ThreadPoolExecutor.__name__)",
    ),
    "partial-only-numpy": (
        "import numpy, sys\nprint('pandas' in sys.modules, 'numpy.testing' in sys.modules)",
    ),
    "orders": (
        "import sklearn.linear_model, matplotlib.pyplot as plt, numpy, pandas, sys\n"
        "print(sklearn.linear_model.LinearRegression().fit([[1], [2]], [1, 2]).coef_, len([n for n in sys.modules if n.startswith('pandas')]))",
    ),
    "deep-submodule-direct": (
        "import pandas.core.dtypes.common as it, sys\nprint(it.is_integer(1), 'pandas' in sys.modules)",
    ),
    "alias-modules": (
        "import requests.packages.urllib3 as it, urllib3, sys\nprint(it is urllib3, 'requests' in sys.modules)",
    ),
    "block-with-none": (
        "import sys\nsys.modules['numexpr'] = None\nsys.modules['dateutil'] = None",
        "try:\n    import pandas\n    print('imported')\nexcept ImportError as error:\n    print(type(error).__name__)",
    ),
    "fake-module": (
        "import sys, types\nfake = types.ModuleType('idna')\nfake.V = 'fake'\nsys.modules['idna'] = fake",
        "import idna, requests\nprint(idna.V, requests.compat.__name__)",
    ),
    "fake-standard-module": (
        "import sys, types\nreal = sys.modules.pop('fractions', None)\nfake = types.ModuleType('fractions')\nfake.Fraction = int\nsys.modules['fractions'] = fake",
        "import statistics\nprint(statistics.Fraction)",
    ),
    "del-and-reimport-pure": (
        "import idna, sys\nfirst = idna\nfor n in [n for n in sys.modules if n.startswith('idna')]:\n    del sys.modules[n]\nimport idna\nprint(idna is first)",
    ),
    "del-and-reimport-numpy": (
        "import numpy, sys\nfor n in [n for n in sys.modules if n.partition('.')[0] == 'numpy']:\n    del sys.modules[n]\n"
        "try:\n    import numpy\n    print('again')\nexcept ImportError as error:\n    print(str(error)[:40])",
    ),
    "attributes-of-standard-modules": (
        "import string, xml, os, logging\nprint(hasattr(string, 'shout'), hasattr(xml, 'dom'), string.capwords('a'))",
    ),
    "not-there": (
        "try:\n    import not_there_at_all\nexcept ModuleNotFoundError as error:\n    print(error, error.name)\nimport pandas\ntry:\n    import pandas.nothing\nexcept ModuleNotFoundError as error:\n    print(error)",
    ),
    "from-import-of-submodule": (
        "from matplotlib import pyplot\nfrom sklearn import linear_model\nprint(pyplot.__name__, linear_model.__name__)",
    ),
    "import-as": ("import matplotlib.pyplot as plt, sys\nprint(plt is sys.modules['matplotlib.pyplot'])",),
}

GROUPS["importing"] = {
    "reload-pure": ("import importlib, idna\nprint(importlib.reload(idna) is idna)",),
    "reload-submodule": ("import importlib, pandas.io.common as it\nprint(importlib.reload(it) is it)",),
    "find-spec-before-import": (
        "import importlib.util, sys\nspec = importlib.util.find_spec('pandas')\nprint(spec.name, type(spec.loader).__name__, 'pandas' in sys.modules)\n"
        "spec = importlib.util.find_spec('matplotlib.pyplot')\nprint(spec.name, 'matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)",
    ),
    "module-from-spec": (
        "import importlib.util\nspec = importlib.util.find_spec('idna')\nmodule = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\nimport idna\nprint(module is idna, module.__name__)",
    ),
    "spec-after-import": (
        "import numpy, pandas\nprint(numpy.__spec__.name, type(pandas.__loader__).__name__, pandas.__spec__.loader is pandas.__loader__, pandas.__spec__._initializing)",
    ),
    "pkgutil-iter": (
        "import pkgutil, sklearn\nprint(sorted(m.name for m in pkgutil.iter_modules(sklearn.__path__))[:9])",
    ),
    "metadata-version": (
        "from importlib.metadata import version\nimport pandas\nprint(version('pandas') == pandas.__version__)",
    ),
    "entry-points": (
        "from importlib.metadata import entry_points\nprint(len(entry_points(group='console_scripts')) > 0)",
    ),
    "resources": (
        "from importlib.resources import files\nprint(files('matplotlib').joinpath('mpl-data/matplotlibrc').is_file())",
    ),
    "inspect-source": ("import inspect, pandas\nprint(inspect.getsource(pandas.concat).splitlines()[0])",),
    "star-import": ("from numpy import *\nprint(array([1]).shape)",),
    "pylab": ("%pylab inline", "print(plot.__name__, array([1]).shape)"),
    "user-finder-first": (
        "import sys, importlib.abc, importlib.machinery\nseen = []\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
        "        seen.append(name)\nsys.meta_path.insert(0, Finder())",
        "import idna, variable_thing\nprint('idna' in seen, 'variable_thing' in seen)",
    ),
    "user-finder-takes-over": (
        "import sys, importlib.machinery, types\nclass Loader:\n    def create_module(self, spec): return None\n"
        "    def exec_module(self, module): module.V = 'taken over'\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('idna', 'registry_thing.base'):\n            return importlib.machinery.ModuleSpec(name, Loader())\nsys.meta_path.insert(0, Finder())",
        "import idna, registry_thing.base\nprint(idna.V, registry_thing.base.V)",
    ),
    "replaced-import": (
        "import builtins\nown, seen = builtins.__import__, []\ndef __import__(name, *a, **k):\n    seen.append(name)\n    return own(name, *a, **k)\nbuiltins.__import__ = __import__",
        "import scoped_thing\nprint('filter_thing' in seen)",
    ),
    "meta-path-and-hooks": (
        "import sys, numpy, pandas\nprint([type(f).__name__ for f in sys.meta_path if type(f).__module__ == 'six'], len(sys.path_hooks))",
    ),
    "import-in-thread": (
        "import threading\nfound = []\ndef load():\n    import pandas\n    found.append(pandas.DataFrame({'a': [1]}).shape)\nit = threading.Thread(target=load)\nit.start(); it.join()\nprint(found)",
    ),
    "two-threads-import-same": (
        "import threading\nfound = []\ndef load():\n    import sklearn.linear_model as it\n    found.append(hasattr(it, 'Ridge'))\n"
        "them = [threading.Thread(target=load) for _ in range(8)]\n[t.start() for t in them]; [t.join() for t in them]\nprint(found)",
    ),
    "traceback-of-a-library": ("import pandas as pd\npd.DataFrame({'a': [1]}).loc[5]",),
    "import-time-error": ("open('broken_thing.py', 'w').write('import pandas\\n1/0')", "import broken_thing"),
    "traced-import": (
        "import sys\nnames = set()\ndef trace(frame, event, arg):\n    names.add(frame.f_globals.get('__name__'))\nsys.settrace(trace)\nimport registry_thing\nsys.settrace(None)\nprint('registry_thing' in names)",
    ),
    "dunder-import": ("print(__import__('pandas').__name__, __import__('registry_thing.base').__name__)",),
    "import-module": (
        "import importlib\nprint(importlib.import_module('.base', 'registry_thing').__name__)",
    ),
    "run-module": (
        "import runpy\nprint(sorted(k for k in runpy.run_module('variable_thing') if k.isupper()))",
    ),
}

GROUPS["state"] = {
    "warnings-filters": (
        "import warnings\nprint(len(warnings.filters))\nimport numpy, pandas, scipy.stats, sklearn, filter_thing\nprint(*warnings.filters, sep='\\n')",
    ),
    "warnings-filters-scoped": ("import warnings\nimport scoped_thing\nprint(*warnings.filters, sep='\\n')",),
    "warnings-filters-scoped-after": (
        "import warnings, filter_thing, scoped_thing\nprint(*warnings.filters, sep='\\n')",
    ),
    "polyfit-rankwarning": ("import numpy as np\nfor i in range(3):\n    np.polyfit([1, 1], [1, 1], 1)",),
    "warnings-error-before-import": (
        "import warnings\nwarnings.simplefilter('error')",
        "try:\n    import quiet_thing\n    print('imported')\nexcept DeprecationWarning as error:\n    print('raised', error)",
    ),
    "warns-at-import": ("import warning_thing\nprint('after')",),
    "warns-when-asked": (
        "import warnings\nwarnings.simplefilter('always')\nimport quiet_thing\nprint('after')",
    ),
    "warns-not": ("import quiet_thing\nprint('after')",),
    "prints-at-import": ("import noisy_thing\nprint('after')",),
    "loggers-before": (
        "import logging\nprint(sorted(n for n in logging.root.manager.loggerDict if n.partition('.')[0] in ('matplotlib', 'urllib3', 'PIL', 'logging_thing', 'sqlalchemy')))",
    ),
    "loggers-after": (
        "import matplotlib.pyplot, logging_thing, logging\nprint(sorted(n for n in logging.root.manager.loggerDict if n.partition('.')[0] in ('matplotlib', 'urllib3', 'PIL', 'logging_thing')))\nit = logging.getLogger('logging_thing')\nprint(it.level, it.handlers, it.propagate, it.parent.name)",
    ),
    "logger-set-before-import": (
        "import logging\nmine = logging.getLogger('matplotlib')\nmine.setLevel(logging.CRITICAL)\nchild = logging.getLogger('logging_thing.child')",
        "import matplotlib, logging_thing\nprint(matplotlib._log is mine, matplotlib._log.level, logging_thing.log.handlers, child.parent.name)",
    ),
    "logging-debug-at-import": (
        "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format='%(name)s %(message)s', force=True)",
        "import logging_thing",
    ),
    "logs-at-import": ("import talking_thing",),
    "level-names": (
        "import logging\nprint(logging.getLevelName(35))\nimport level_thing\nprint(logging.getLevelName(35))",
    ),
    "stream-kept-at-import": ("import stream_thing\nstream_thing.say('here')", "stream_thing.say('there')"),
    "handler-kept-at-import": (
        "import handler_thing\nhandler_thing.log.warning('here')",
        "handler_thing.log.warning('there')",
    ),
    "number-of-the-process": ("import os, number_thing\nprint(number_thing.PID == os.getpid())",),
    "copyreg": (
        "import copyreg, re\nprint(len([k for k in copyreg.dispatch_table if k.__module__ in ('reducing_thing', 'numpy')]))\nimport reducing_thing, pickle\nprint(type(pickle.loads(pickle.dumps(reducing_thing.Odd()))).__name__)",
    ),
    "signal-handlers": (
        "import signal, numpy, pandas, matplotlib.pyplot\nprint(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD), signal.getsignal(signal.SIGUSR1))",
    ),
    "threads": (
        "import threading, numpy, pandas\nprint([t.name for t in threading.enumerate() if t is threading.main_thread()])",
    ),
    "recursion-limit": (
        "import sys\nbefore = sys.getrecursionlimit()\nimport limit_thing\nprint(before, sys.getrecursionlimit())",
    ),
    "excepthook": ("import sys, hooking_thing\nprint(sys.excepthook.__name__)",),
    "excepthook-untouched": ("import sys\nprint(sys.excepthook.__module__)",),
    "decimal-context": (
        "import decimal\nprint(decimal.getcontext().prec)\nimport context_thing\nprint(decimal.getcontext().prec)",
    ),
    "decimal-default": (
        "import decimal\nprint(decimal.getcontext().prec, decimal.DefaultContext.prec)\n"
        "import default_thing\nprint(decimal.getcontext().prec, decimal.DefaultContext.prec)",
    ),
    "left-by-itself": ("import leaving_thing", LEFT),
    "searching": ("import searching_thing\nprint('é'.encode('sought'))",),
    "not-searching": ("try:\n    ''.encode('sought')\nexcept LookupError as error:\n    print(error)",),
    "calls-at-fork": ("import forking_thing", LEFT),
    "monkeypatched-standard": (
        "import string\nprint(string.capwords('a'))\nimport patching_thing\nprint(string.capwords('a'))",
    ),
    "added-to-standard": (
        "import string\nprint(hasattr(string, 'shout'))\nimport adding_thing\nprint(string.shout('a'))",
    ),
    "from-import-of-patched-stdlib": (
        "import collections\nclass Mine(collections.OrderedDict):\n    pass\ncollections.OrderedDict = Mine",
        "import requests.structures as it\nprint(it.OrderedDict.__name__)",
    ),
    "attribute-of-patched-stdlib": (
        "import uuid\nuuid.uuid4 = lambda: type('U', (), {'hex': 'mine'})",
        "import unique_thing\nprint(unique_thing.ID)",
    ),
    "registry-of-a-library": (
        "import registry_thing\nprint(registry_thing.KINDS)\nimport plugin_thing\nprint(registry_thing.KINDS)",
    ),
    "registry-of-classes": (
        "import registry_thing.base as it\nprint(it.Base.made)\nimport subclass_thing\nprint(it.Base.made)",
    ),
    "accessor-not-registered": (
        "import pandas as pd\nprint(hasattr(pd.DataFrame, 'thing'), 'thing' in pd.DataFrame._accessors)",
    ),
    "accessor-registered": (
        "import pandas as pd, accessor_thing\nprint(pd.DataFrame({'a': [1]}).thing.twice(), 'thing' in pd.DataFrame._accessors)",
    ),
    "units-registry": (
        "import matplotlib.units as it\nprint(sorted(k.__name__ for k in it.registry))\nimport matplotlib.dates\nprint(sorted(k.__name__ for k in it.registry))",
    ),
    "mpl-use-before-pyplot": (
        "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nprint(plt.get_backend(), plt.plot([1])[0].get_linewidth())",
    ),
    "sklearn-set-config": (
        "import sklearn\nsklearn.set_config(assume_finite=True)\nimport sklearn.linear_model\nprint(sklearn.get_config()['assume_finite'])",
    ),
    "pandas-mpl-convert": (
        "import pandas as pd, matplotlib.pyplot as plt\nax = pd.Series([1, 2], pd.date_range('2020', periods=2)).plot()\nprint(type(ax).__name__)\nplt.close()",
    ),
    "pandas-wide-frame": (
        "import pandas as pd\nprint(pd.get_option('display.max_columns'), pd.get_option('display.width'), pd.get_option('display.max_rows'))\npd.DataFrame([range(40)])",
    ),
    "front-end-at-import": ("import front_thing\nprint(front_thing.FRONT)",),
    "event-at-import": ("import event_thing", "1 + 1"),
    "event-not-registered": ("1 + 1", "2 + 2"),
    "getpass-at-import": ("import input_thing\nprint(input_thing.NAME)",),
    "main-at-import": ("import importing_main_thing\nprint(importing_main_thing.HAS)",),
    "tqdm-auto": ("import tqdm.auto, tqdm\nprint(tqdm.auto.tqdm.__module__)",),
    "plotly-renderer": ("import plotly.io as pio\nprint(pio.renderers.default)",),
    "rich-console": (
        "from rich.console import Console\nit = Console()\nprint(it.is_jupyter, it.width > 0)\nit.print('[bold]a[/bold]')",
    ),
    "sympy-shows": ("import sympy\nx = sympy.Symbol('x')\nx**2",),
    "interactive-pyplot": (
        "import matplotlib.pyplot as plt\nprint(plt.isinteractive(), plt.get_backend())\nplt.plot([1, 2]);",
    ),
    "widgets": (
        "import ipywidgets\nprint(type(ipywidgets.IntSlider()).__name__, sorted(get_ipython().kernel.comm_manager.targets))",
    ),
    "widget-targets-before": ("print(sorted(get_ipython().kernel.comm_manager.targets))",),
    "display-formatters": (
        "import pandas, matplotlib.figure, PIL.Image\nprint(len(get_ipython().display_formatter.formatters['image/png'].type_printers))",
    ),
}

GROUPS["random"] = {
    "rng-fixed-seed-at-import-stays": (
        "import random_thing, numpy_thing\nprint(random_thing.FIXED.random(), numpy_thing.FIXED.random())",
    ),
    "rng-seeded-by-import": ("import seeding_thing, random\nprint(random.random())",),
    "rng-numpy-seeded-by-import": ("import numpy_seeding_thing, numpy as np\nprint(np.random.rand())",),
    "rng-not-seeded-by-other": (
        "import random, numpy as np\nprint(random.random() != 0.6229016948897019, np.random.rand() != 0.22199317108973948)",
    ),
    "rng-seeded-before-import": (
        "import random\nrandom.seed(3)\nimport drawing_thing\nprint(random.random())",
    ),
    "rng-seeded-before-rich": ("import random\nrandom.seed(3)\nimport rich.console\nprint(random.random())",),
    "rng-numpy-seeded": (
        "import numpy as np\nnp.random.seed(1)\nimport pandas, sklearn.linear_model\nprint(np.random.rand(), np.random.default_rng(3).random())",
    ),
    "rng-sklearn": (
        "import numpy as np\nfrom sklearn.linear_model import SGDRegressor\nprint(SGDRegressor(random_state=1).fit([[1.], [2.]], [1, 2]).coef_)",
    ),
}

GROUPS["forks"] = {
    "pickle-roundtrip": (
        "import pickle, pandas as pd\nprint(pickle.loads(pickle.dumps(pd.DataFrame({'a': [1]}))).a.sum())",
    ),
    "isinstance-identity": (
        "import numpy as np, numbers\nprint(isinstance(np.int64(1), numbers.Integral), np.float64.__mro__[1].__name__)",
    ),
    "multiprocessing-fork": (
        "import multiprocessing as mp, pandas as pd\ndef f(x):\n    import sklearn.linear_model\n    return x * 2\nwith mp.get_context('fork').Pool(2) as it:\n    print(it.map(f, [1, 2]))",
    ),
    "joblib-loky": (
        "from joblib import Parallel, delayed\nimport math\nprint(Parallel(2)(delayed(math.sqrt)(n) for n in (4, 9)))",
    ),
    "subprocess-import": (
        "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import pandas, sys; print(len(sys.modules) > 100)'], capture_output=True, text=True).stdout)",
    ),
    "openblas-work": ("import numpy as np\na = np.ones((400, 400))\nprint((a @ a).sum())",),
    "pyarrow-threads": (
        "import pyarrow as pa, pyarrow.compute as pc\nprint(pc.sum(pa.array(range(1000))).as_py())",
    ),
    "exit-handlers": ("import atexit\natexit.register(print, 'mine')\nimport ending_thing",),
    "authkey": ("import multiprocessing as mp\nprint(len(mp.current_process().authkey))",),
}

#: The cases that are looked at each time, of all groups; and what is imported ahead of them.
CORE = frozenset(
    {
        "env-mplbackend",
        "environ-before",
        "vendored-shadow",
        "vendored-numpy",
        "unimported-names",
        "implicit-pyplot",
        "polyfit-rankwarning",
        "loggers-before",
        "registry-of-a-library",
        "pandas-wide-frame",
        "tqdm-auto",
        "rng-seeded-by-import",
    }
)
CORE_BESIDE = [
    "matplotlib.pyplot",
    "pandas",
    "tqdm.auto",
    "requests",
    "idna",
    "joblib",
    "fractions",
    "plugin_thing",
    "seeding_thing",
    "setting_thing",
    "leaving_thing",
    "default_thing",
]
