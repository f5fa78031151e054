"""What notebooks do to their kernels: small groups of cells, and what must be seen of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """Cells of Python, and the outputs of the last of them as short tuples; None: as nbclient has them.

    ``raises``: the last cell is tagged raises-exception. ``ordered``: stdout and stderr come in this order, which
    nobody can tell of what a child process writes to two descriptors. ``oracle``: nbclient gives the very same.
    """

    cells: tuple[str, ...]
    seen: tuple[tuple[Any, ...], ...] | None = None
    raises: bool = False
    oracle: bool = True
    ordered: bool = True


def out(text: str) -> tuple[str, ...]:
    return ("stream", "stdout", text)


def err(text: str) -> tuple[str, ...]:
    return ("stream", "stderr", text)


def shown(text: str) -> tuple[str, ...]:
    return ("display_data", text)


def result(text: str) -> tuple[str, ...]:
    return ("execute_result", text)


def error(name: str, value: str) -> tuple[str, ...]:
    return ("error", name, value)


CASES: Mapping[str, Case] = {
    "streams are kept apart": Case(
        ("import sys\nprint('out')\nsys.stdout.flush()\nprint('err', file=sys.stderr)",),
        (out("out\n"), err("err\n")),
    ),
    "neighbouring pieces of a stream are one output": Case(
        (
            "import sys\nprint('a', end='')\nsys.stdout.flush()\nsys.stdout.write('b\\n'); print('c', flush=True)",
        ),
        (out("ab\nc\n"),),
    ),
    "streams and displays keep their order": Case(
        (
            "from IPython.display import display\nprint('a')\ndisplay(1)\nprint('b')\ndisplay(2)\nprint('c')\n3",
        ),
        (out("a\n"), shown("1"), out("b\n"), shown("2"), out("c\n"), result("3")),
    ),
    "a message of the cell's own, and what sending it returns": Case(
        (
            "kernel = get_ipython().kernel\n"
            "sent = kernel.send_response(kernel.iopub_socket, 'stream', {'name': 'other', 'text': 'hello'})\n"
            "sent['msg_type'], sent['content']",
        ),
        (("stream", "other", "hello"), result("('stream', {'name': 'other', 'text': 'hello'})")),
    ),
    "the last expression is the result": Case(("1\n'two'",), (result("'two'"),)),
    "a semicolon hides the result": Case(("1;",), ()),
    "None is no result": Case(("None",), ()),
    "results are remembered": Case(("41", "_ + 1", "(_, __, Out[max(Out)])"), (result("(42, 41, 42)"),)),
    "a display is updated from another cell": Case(
        (
            "handle = display('one', display_id='d1')",
            "handle.update('two')",
            "display('three', display_id='d1');",
        ),
        (shown("'three'"),),
    ),
    "a display is updated by its name": Case(
        ("display('x', display_id='d2'); display('y', display_id='d2', update=True); display('end')",),
        (shown("'y'"), shown("'end'")),
    ),
    "an update of nothing shows nothing": Case(("display('x', display_id='none', update=True);",), ()),
    "outputs are cleared": Case(
        (
            "from IPython.display import clear_output\nprint('gone')\ndisplay('gone')\nclear_output()\nprint('new')",
        ),
        (out("new\n"),),
    ),
    "outputs are cleared when the next one comes": Case(
        ("print('gone')\nclear_output(wait=True)\nprint('new')\nclear_output(wait=True)",), (out("new\n"),)
    ),
    "clearing in a loop leaves the last": Case(
        ("for i in range(5):\n    clear_output(wait=True)\n    display(i)",), (shown("4"),)
    ),
    "a cleared display is no longer updated": Case(
        ("handle = display('one', display_id='d3')\nclear_output()\nhandle.update('two')\nprint('end')",),
        (out("end\n"),),
    ),
    "an error has its traceback": Case(
        ("def inner(n):\n    return 1 / n\n\nprint('before')\ninner(0)",),
        (out("before\n"), error("ZeroDivisionError", "division by zero")),
        raises=True,
    ),
    "a chain of errors": Case(
        ("try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('why') from e",),
        (error("ValueError", "why"),),
        raises=True,
    ),
    "notes and groups of errors": Case(
        ("e = ExceptionGroup('g', [ValueError('v')])\ne.add_note('note')\nraise e",), raises=True
    ),
    "a syntax error": Case(("1 +",), raises=True),
    "an interrupt from within": Case(("raise KeyboardInterrupt",), raises=True),
    "an error that cannot be shown": Case(
        ("class Bad(Exception):\n    def __str__(self): raise ValueError('no')\nraise Bad",), raises=True
    ),
    "an error that shows itself": Case(
        ("class Own(Exception):\n    def _render_traceback_(self): return ['my own words']\nraise Own('x')",),
        raises=True,
    ),
    "input is refused": Case(
        ("input('name? ')",),
        (
            error(
                "StdinNotImplementedError",
                "raw_input was called, but this frontend does not support input requests.",
            ),
        ),
        raises=True,
    ),
    "a password is refused": Case(("import getpass\ngetpass.getpass()",), raises=True),
    "a shell command": Case(("!echo hello; echo again",), (out("hello\r\nagain\r\n"),)),
    "what a shell command prints is a value": Case(
        ("lines = !printf 'a\\nb\\n'\nlist(lines)",), (result("['a', 'b']"),)
    ),
    "a shell command's variables and status": Case(
        ("word = 'hi'\n!echo {word} $word; exit 3\n_exit_code",), (out("hi hi\r\n"), result("3"))
    ),
    "a cell of bash": Case(("%%bash\necho out\necho err >&2",), (out("out\n"), err("err\n")), ordered=False),
    "a cell of bash that fails": Case(("%%bash\necho out\nexit 3",), raises=True),
    "a timed cell": Case(("%%time\nprint('timed')\n7",)),
    "a captured cell": Case(
        ("%%capture kept\nprint('in'); display(1)", "kept.show(); kept.stdout"),
    ),
    "a captured cell shows nothing": Case(("%%capture\nprint('in'); display(1)\n2",), ()),
    "cell magics for the web": Case(("%%html\n<b>x</b>",), (shown("<IPython.core.display.HTML object>"),)),
    "a file is written and run": Case(
        ("%%writefile made.py\nvalue = 6\nprint('ran', __name__)", "%run made.py\nvalue * 7"),
        (out("ran __main__\n"), result("42")),
    ),
    "help goes to a pager that is not there": Case(("len?",)),
    "variables of the environment": Case(
        ("%env OCTAVO_TEST=1\n!echo $OCTAVO_TEST",),
    ),
    "an unknown magic": Case(("%nothing_like_this",), raises=True),
    "a debugger is refused": Case(("import pdb\npdb.set_trace()\nprint('after')",), raises=True),
    "await at the top": Case(
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0.001)\n    return 5\nawait f()",),
        (result("5"),),
    ),
    "a task lives on into the next cell": Case(
        (
            "import asyncio\nasync def tick():\n    await asyncio.sleep(0.001)\n    return 'ticked'\n"
            "task = asyncio.create_task(tick())",
            "await task",
        ),
        (result("'ticked'"),),
    ),
    "a loop is running": Case(
        ("import asyncio\nasync def f(): pass\nc = f()\ntry:\n    asyncio.run(c)\nfinally:\n    c.close()",),
        raises=True,
    ),
    "rich representations": Case(
        (
            "class Rich:\n    def _repr_html_(self): return '<i>r</i>'\n    def _repr_latex_(self): return '$x$'\n"
            "    def _repr_png_(self): return b'\\x89PNG'\n    def __repr__(self): return 'Rich'\nRich()",
        ),
        (result("Rich"),),
    ),
    "a bundle of representations": Case(
        (
            "class Bundle:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
            "        data = {'text/plain': 'b', 'application/json': {'a': [1]}}\n"
            "        return data, {'application/json': {'expanded': True}}\n"
            "display(Bundle(), metadata={'k': 'v'})",
        ),
    ),
    "a representation that fails": Case(
        ("class Broken:\n    def _repr_html_(self): raise ValueError('no html')\nBroken()\n",), raises=True
    ),
    "several at once": Case(
        ("from IPython.display import HTML, Markdown\ndisplay(HTML('<p>'), Markdown('# m'), {'a': 1})",)
    ),
    # a Jupyter kernel passes these on from a thread, where nobody waits after the cell: so the cells do
    "output of the descriptor": Case(
        ("import os, time\nx = os.write(1, b'raw\\n'); time.sleep(1)",), (out("raw\n"),), oracle=False
    ),
    "output of system calls": Case(
        ("x = os.system('echo sys; echo bad >&2'); time.sleep(1)",),
        (out("sys\n"), err("bad\n")),
        ordered=False,
    ),
    "output of child processes": Case(
        ("import subprocess\nx = subprocess.run(['echo', 'child']); time.sleep(1)",), (out("child\n"),)
    ),
    "a thread prints": Case(
        ("import threading\nt = threading.Thread(target=print, args=('thread',))\nt.start(); t.join()",),
        (out("thread\n"),),
    ),
    "a thread that fails": Case(
        (
            "def bad(): raise ValueError('in thread')\nt = threading.Thread(target=bad, name='T')\nt.start(); t.join()",
        )
    ),
    "warnings": Case(
        (
            "import warnings\ndef old(): warnings.warn('old', DeprecationWarning)\nold()\nwarnings.warn('careful')",
        )
    ),
    "logging": Case(("import logging\nlogging.warning('w'); logging.info('i')",), (err("WARNING:root:w\n"),)),
    "letters of the world": Case(("print('żółć 漢字 🎉')\n'é'",), (out("żółć 漢字 🎉\n"), result("'é'"))),
    "half of a letter": Case(("print('a\\udc80b')\n'\\ud83d'",)),
    "carriage returns are kept": Case(
        ("print('1%\\r2%\\r', end='')\nprint('done\\x08')",), (out("1%\r2%\rdone\x08\n"),)
    ),
    "colours are kept": Case(("print('\\x1b[31mred\\x1b[0m')",), (out("\x1b[31mred\x1b[0m\n"),)),
    "a class of the notebook is pickled": Case(
        (
            "import pickle\nclass Point:\n    def __init__(self, x): self.x = x\n"
            "pickle.loads(pickle.dumps(Point(3))).x, Point.__module__",
        ),
        (result("(3, '__main__')"),),
    ),
    "processes are forked from a cell": Case(
        (
            "import multiprocessing\ndef square(n): return Point(n * n)\n"
            "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
            "    r = [p.x for p in pool.map(square, range(4))]\nr",
        ),
        (result("[0, 1, 4, 9]"),),
    ),
    "a forked process prints": Case(
        (
            "def child(): print('from a child', flush=True)\n"
            "p = multiprocessing.get_context('fork').Process(target=child)\n"
            "p.start(); p.join()\nprint(p.exitcode)",
        ),
    ),
    "five megabytes": Case(
        ("for i in range(5000): print(str(i).rjust(1023, '.'))",),
    ),
    "streams are replaced": Case(
        (
            "import contextlib, io, sys\nwith contextlib.redirect_stdout(io.StringIO()) as kept:\n    print('hidden')\n"
            "print(repr(kept.getvalue()))\nprint(sys.stdout.isatty())",
        ),
        (out("'hidden\\n'\nFalse\n"),),
    ),
    "what a notebook knows of itself": Case(
        (
            "(__name__, '__file__' in globals(), type(get_ipython()).__name__, get_ipython().kernel is not None)",
        ),
        (result("('__main__', False, 'ZMQInteractiveShell', True)"),),
    ),
    "a context variable is seen in the next cell": Case(
        ("import contextvars\ncv = contextvars.ContextVar('cv')\ncv.set(1)\n1", "cv.get()"), (result("1"),)
    ),
    "the standard library comes before the current directory": Case(
        (
            "import sys\nn = sys.path.index('')\n"
            "'python3' in sys.path[n - 1], 'site-packages' in sys.path[n + 1]",
        ),
        (result("(True, True)"),),
    ),
    "modules of the current directory": Case(
        (
            "%%writefile random.py\nprint('not me')",
            "import random, os\nos.path.dirname(random.__file__) == os.getcwd()",
        ),
        (result("False"),),
    ),
    "the request that is being answered": Case(
        ("it = get_ipython().kernel.get_parent()\nit['msg_type'], it['content']['allow_stdin']",),
        (result("('execute_request', False)"),),
    ),
    "what a callback is told of a cell": Case(
        (
            "ip = get_ipython()\n"
            "def tell(result): print(result.info.cell_id, result.info.cell_meta, result.info.raw_cell)\n"
            "ip.events.register('post_run_cell', tell)",
            "1;",
            "ip.events.unregister('post_run_cell', tell)",
        ),
    ),
    "values are stored between notebooks": Case(("%store -z\n%store",)),
    "numbers that JSON has not": Case(
        (
            "import warnings\nfrom IPython.display import JSON\n"
            "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
            "    display(JSON({'a': float('nan')}))",
        ),
    ),
    "what cannot be sent": Case(
        (
            "from IPython.display import publish_display_data\n"
            "class Odd:\n    def __repr__(self): return 'odd'\n"
            "publish_display_data({'text/plain': Odd()})",
        ),
        (error("ValueError", "Can't clean for JSON: odd"),),
        raises=True,
        oracle=False,
    ),
    "a breakpoint does not stop it": Case(("x = 1\nbreakpoint()\nprint('after', x)",), (out("after 1\n"),)),
    "prints do not follow descriptor 1": Case(
        (
            "import os, sys\nnull, kept = os.open(os.devnull, os.O_WRONLY), os.dup(1)\nos.dup2(null, 1)\n"
            "os.system('echo never')\nprint('inside')\nprint('err', file=sys.stderr);",
        ),
        (out("inside\n"), err("err\n")),
    ),
    "prints after a descriptor that was never put back": Case(
        (
            "import os\nos.dup2(os.open(os.devnull, os.O_WRONLY), 1)\nprint('lost?');",
            "print('still here')",
        ),
        (out("still here\n"),),
    ),
    "what C libraries print is captured by wurlitzer": Case(
        (
            "import os\nfrom wurlitzer import pipes\nwith pipes() as (captured, _):\n    os.system('echo c')",
            "print(captured.read())",
        ),
        (out("c\n\n"),),
    ),
    "wurlitzer as an extension": Case(
        ("%load_ext wurlitzer\nimport os", "os.system('echo c');", "print('python')"),
        (out("python\n"),),
        oracle=False,  # which shows "c" wherever its thread happens to be
    ),
    "history is kept in memory": Case(("get_ipython().history_manager.hist_file",), (result("':memory:'"),)),
    "history": Case(("In[-1]",), (result("'In[-1]'"),)),
    "sys.exit is an error and a warning": Case(("import sys\nsys.exit(3)",), raises=True),
    "an exit hook of the cell": Case(
        (
            "ip = get_ipython()\nip.events.register('post_run_cell', lambda r: print('ran'))",
            "5",
            "ip.events.callbacks['post_run_cell'].clear()",
        ),
    ),
}
