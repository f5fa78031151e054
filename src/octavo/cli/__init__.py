"""The command line: find the verb, import only that, print errors, and return the exit code.

Exit codes: 0 fine, 1 a task or a check failed, 2 the user must change something, 70 our bug, 130 interrupted,
141 nobody reads what we print.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from .. import __version__
from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..process.standard import ensure_streams
from ..show.mistakes import show as show_mistake
from ..show.screen import Screen, screen

with lazy_imports():
    from ..compat import option_aliases
    from . import (
        accept,
        add,
        backfill,
        build,
        cache,
        cancel,
        cat,
        cell,
        check,
        ci,
        clean,
        completion,
        convert,
        diff,
        doctor,
        env,
        export,
        fetch,
        git,
        history,
        init,
        inject,
        interact,
        lab,
        lineage,
        log,
        merge,
        meta,
        migrate,
        mlflow,
        new,
        options,
        pair,
        plot,
        publish,
        report,
        run,
        run_task,
        runs,
        sample,
        schedule,
        serve,
        status,
        strip,
        submit,
        sync,
        task,
        test,
        uninject,
        verify,
    )
    from . import compare as comparing
    from . import list as listing
    from . import show as showing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .options import Verb

#: Every verb, and its line, which stands here so that ``octavo --help`` imports none of them.
VERBS: Mapping[str, tuple[Verb, str]] = {
    "init": (init, "propose a pipeline.yaml for the notebooks of a folder"),
    "new": (new, "start a project: notebooks, package, tests, data, CI"),
    "add": (add, "add a task to the pipeline, or a package to the project"),
    "build": (build, "run stale tasks, in parallel"),
    "status": (status, "show which tasks are stale, and why"),
    "list": (listing, "list the tasks, with what they are made from and what they make"),
    "plot": (plot, "draw the graph: as text, svg, html, mermaid, dot, json"),
    "test": (test, "check, build on samples, run unit tests"),
    "sample": (sample, "take a sample of the raw inputs, for octavo test"),
    "report": (report, "write the state of the pipeline to an HTML page"),
    "task": (task, "run or inspect one task"),
    "interact": (interact, "open IPython with the pipeline"),
    "lab": (lab, "start JupyterLab in the folder of the project"),
    "schedule": (schedule, "build the pipeline at the times that it says, here or by systemd or cron"),
    "serve": (serve, "answer requests over HTTP, computed in memory by functions of the pipeline"),
    "ci": (ci, "write the file of a CI system: tests, reviews of branches, builds"),
    "backfill": (backfill, "build once for each value of a parameter, as for each day of a month"),
    "inject": (inject, "write the real values of tasks into their notebooks"),
    "uninject": (uninject, "remove these values from the notebooks again"),
    "run": (run, "run one notebook, without a pipeline"),
    "log": (log, "list the runs of the project, or show one again"),
    "history": (history, "list the runs of a task, and what changed between them"),
    "accept": (accept, "mark products as up to date"),
    "clean": (clean, "remove products"),
    "check": (check, "find what is wrong with notebooks, without running them"),
    "show": (showing, "show what a notebook is, when it ran, and whether its outputs can be trusted"),
    "meta": (meta, "give notebooks ids, keep what they import, write requirements"),
    "lineage": (lineage, "show what made a file, what depends on it, and which cell shows a number"),
    "verify": (verify, "run notebooks again, compare with the outputs they store"),
    "cat": (cat, "print notebooks as text, without outputs"),
    "cell": (cell, "print one cell, or replace its source"),
    "diff": (diff, "compare notebooks by their cells"),
    "merge": (merge, "merge notebooks by their cells"),
    "git": (git, "make git strip, compare and merge notebooks"),
    "strip": (strip, "remove outputs and machines' metadata from notebooks"),
    "convert": (convert, "write notebooks in another format"),
    "pair": (pair, "keep a notebook in two formats, as jupytext does"),
    "sync": (sync, "make the files of pairs say the same again"),
    "publish": (publish, "put an immutable copy of sound notebooks where a team finds them"),
    "submit": (submit, "run stale tasks elsewhere, by an engine and a store"),
    "export": (export, "write the pipeline as a file of Airflow, Argo or Kubernetes, or for AWS Lambda"),
    "runs": (runs, "list runs with what they reported, or those that were submitted"),
    "compare": (comparing, "show runs side by side: parameters, metrics, tables, plots"),
    "mlflow": (mlflow, "hand runs over to an MLflow server, or take its runs in"),
    "fetch": (fetch, "bring the products of a submitted run here"),
    "cancel": (cancel, "let nothing more of a submitted run start"),
    "run-task": (run_task, "run one task of a submitted run: what engines call"),
    "cache": (cache, "inspect the cache, free space, share results"),
    "env": (env, "lock what the tasks import, compare a machine with it, make images"),
    "doctor": (doctor, "say what this machine lacks for the pipeline"),
    "completion": (completion, "complete commands, options and tasks in bash, zsh, fish"),
    "migrate": (migrate, "list what depends on Ploomber, rewrite imports"),
}

_HELP = """\
Keep your notebooks; run only what changed.

usage: octavo COMMAND [OPTION …]

commands:
{commands}

options:
  -h, --help     show this help, or that of a command
  -V, --version  show the version

examples:
  octavo build                     run stale tasks, in parallel
  octavo build fit+                the task fit and everything after it
  octavo build --param sample=true
  octavo status                    what would run, and why
  octavo plot -o graph.html        draw the graph as a page
  octavo run in.py out.ipynb -p n 3

Commands look for pipeline.yaml in this folder and its parents."""


def entry() -> NoReturn:
    """Run the command line and leave the process with its exit code: what the command ``octavo`` calls."""
    ensure_streams()
    out, err = sys.stdout, sys.stderr
    for stream in (out, err):
        # a terminal that cannot show an arrow gets a question mark, never a traceback
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    # a graph of thousands of tasks is made of objects that all stay: looking for garbage among them is in vain
    gc.set_threshold(100_000)
    code = _guarded(sys.argv[1:], screen(err, os.environ))
    if "threading" not in sys.modules:
        # Nothing is loaded that wants a goodbye (logging, thread pools and coverage all import threading), and
        # taking the interpreter apart costs as long as starting it.
        err.flush()
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; mistakes of the user are raised as ``Error``."""
    verb, *rest = argv or ("",)
    if verb == "help":
        verb, rest = (rest[0], ["--help"]) if rest else ("--help", [])
    if verb in ("-V", "--version"):
        print(f"octavo {__version__}")
        return 0
    if verb in ("-h", "--help", ""):
        text = _HELP.format(commands="\n".join(f"  {name:<13}  {line}" for name, (_, line) in VERBS.items()))
        print(text, file=sys.stdout if verb else sys.stderr)
        return 0 if verb else 2
    if verb not in VERBS:
        what = "option" if verb.startswith("-") else "command"
        hint = option_aliases.COMMANDS.get(verb)
        hint = hint or did_you_mean(verb, [*VERBS, "--help", "--version"]) or "commands: " + ", ".join(VERBS)
        raise Error(f'there is no {what} "{verb}"', hint=hint)
    if verb == "completion" and rest[:1] == ["--line"]:  # a shell asks, while a person waits for it
        return completion.answer(rest[1:], VERBS)
    module, line = VERBS[verb]
    parser = options.Parser(verb, line)
    parser.set_defaults(verbs=VERBS)  # for the one that tells which of Ploomber's commands there are
    module.arguments(parser)
    return module.main(parser.read(rest))


def _guarded(argv: Sequence[str], err: Screen) -> int:
    """Run ``main`` and turn everything that can come out of it into an exit code."""
    try:
        try:
            return main(argv)
        finally:
            sys.stdout.flush()
    except Error as error:
        show_mistake(error, err)
        return 2
    except BrokenPipeError:
        # the interpreter flushes once more while it ends; that must not fail as well
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        err.say("interrupted")
        return 130
    except OSError as error:
        path = _typed(error, argv)
        if error.errno not in _SYSTEMS and path is None:
            return _bug(error, err)
        hint = (
            f"mkdir -p {os.path.dirname(path)}"
            if path and error.errno == errno.ENOENT and os.sep in path
            else None
        )
        where = path or str(error.filename or "the output")
        show_mistake(Error(error.strerror or str(error), where, hint), err)
        return 2
    except Exception as error:
        if isinstance(error, ExceptionGroup):
            mine, other = error.split(Error)
            if mine is not None and other is None:
                show_mistake(mine, err)
                return 2
        return _bug(error, err)


def _typed(error: OSError, argv: Sequence[str]) -> str | None:
    """Return the word of a command line that an error of the system is about: a path that was typed, or one in it."""
    if not isinstance(error.filename, str | bytes):
        return None
    full = os.path.abspath(os.fsdecode(error.filename))
    for word in argv:
        path = word.partition("=")[2] if word.startswith("-") else word
        name = os.path.abspath(path) if path else ""
        beside = os.sep in path and os.path.dirname(full) == os.path.dirname(
            name
        )  # where it is written first
        if name and (full == name or full.startswith(f"{name}{os.sep}") or beside):
            return path
    return None


# what the system may refuse anybody: full disks, folders of others
_SYSTEMS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def _bug(error: Exception, err: Screen) -> int:
    """Print the traceback of a bug, and how to report it."""
    sys.excepthook(type(error), error, error.__traceback__)
    version = sys.version.partition(" ")[0]
    err.say(
        f"{err.paint('This is a bug in octavo.', 'red')} Please report it with the lines above,\n"
        f"what you typed, and: octavo {__version__}, Python {version}, {sys.platform}."
    )
    return 70
