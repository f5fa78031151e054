"""Run shell scripts, rendered from templates, in the project's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..calls import invoke
from ..clients import ShellClient
from ..errors import Error, Place
from ..failing import failure_of
from ..hints import did_you_mean
from ..model import Facts, Failure, Source, Task
from ..products import not_made
from ..products.scratch import Scratch
from ..reading.templates import facts, render
from ..secrets.hiding import discreet
from ..tables.databases import Database
from . import Tell
from .command import Ended, absent, follow, same_lines, text_of
from .named import touch

_PRODUCT = re.compile(r"\{[{%][^}]*\bproduct\b", re.DOTALL)
#: What bash says of an error of its own: "script.sh: line 3: foo: command not found".
_SAID = re.compile(r"^.*?: line (\d+): ", re.MULTILINE)
#: What bash reads before the script. It notes where a command failed last, and is gone for whatever the script starts.
_WATCH = """\
{before}
trap 'printf "%s %s\\n" "$?" "$LINENO" > {lines}' ERR
"""


class ShellKind:
    """The kind of ``source: scripts/get.sh``."""

    def facts(self, source: Source, data: bytes) -> Facts:
        """Return what the script says, read as a template."""
        text = data.decode("utf-8-sig", "surrogateescape")
        found = facts(text, source.path, "sh")
        if found.mistakes or _PRODUCT.search(text):
            return found
        message, where = _without_product(text, source.path)
        return Facts(
            found.digest,
            language=found.language,
            upstream=found.upstream,
            params=found.params,
            mistakes=((message, where),),
        )

    def preload(self, task: Task) -> tuple[str, ...]:
        return (__name__,)

    def run(self, task: Task, tell: Tell) -> Failure | None:
        """Render the script and run it; a non-zero exit code is a failure."""
        try:
            code = render(task, os.getcwd())
            client = invoke(task.calls.client) if task.calls.client else ShellClient()
        except Error as error:
            return _mistake(error, task)
        except Exception as error:  # of the user's function that makes the client
            return failure_of(error, task)
        named = touch(discreet(code, task.hidden.words))  # a secret is no file to look for
        try:
            # a client that runs code in its own way is left to it
            if isinstance(client, ShellClient) and type(client).execute is ShellClient.execute:
                with Scratch() as scratch:
                    return _ours(task, code, client, Path(scratch.path))
            return _foreign(task, code, client)
        finally:
            named.seen()

    def refresh(self, task: Task, root: str) -> str | None:
        """Do nothing: a script has no executed notebook."""
        return None


def _ours(task: Task, code: str, client: ShellClient, folder: Path) -> Failure | None:
    """Run a script by a command of this machine."""
    script = folder / Path(task.source.path).name
    script.write_text(code, encoding="utf-8")
    settings = client.subprocess_run_kwargs
    env = dict(settings.get("env") or os.environ)
    prelude = folder / "prelude"
    before = "".join(_restored(env.get("BASH_ENV")))
    prelude.write_text(_WATCH.format(before=before, lines=f"'{folder}/lines'"), encoding="utf-8")
    env["BASH_ENV"] = str(prelude)

    def shown(text: str) -> str:
        return text.replace(str(script), task.source.path)

    try:
        command = client.command(str(script))
        ended = follow(command, env=env, cwd=settings.get("cwd"), shown=shown)
    except Error as error:
        return _mistake(error, task)
    except OSError as error:
        return absent(command, error, "it is named in the run_template of the task's client")
    if ended.code == 0:
        absent_ = [product.path for product in task.products if not os.path.lexists(product.path)]
        hint = _unquoted(task, code)
        return replace(not_made(absent_), path=task.source.path, hint=hint) if absent_ and hint else None
    line = _line(ended, text_of(folder / "lines"))
    text = task.source.text or text_of(Path(task.source.path))
    plain = same_lines(text, code)
    where = f", at line {line} of the rendered script" if line and not plain else ""
    return Failure(
        "ShellError",
        "\n".join(filter(None, [f"the script ended with {ended.words}{where}", ended.last])),
        line=line if plain else None,
        path=task.source.path,
        code=code if plain else "",
        hint=_HINTS.get(ended.code) or _unquoted(task, code),
    )


def _without_product(text: str, path: str) -> tuple[str, Place]:
    """Return what to say of a script that writes no product, and where: it may be misspelt."""
    for line, words in enumerate(text.splitlines(), start=1):
        for name in re.findall(r"\{\{\s*(\w+)", words):
            if did_you_mean(name, ["product"]):
                return f"{{{{{name}}}}} is unknown — did you mean {{{{product}}}}?", Place(path, line)
    return "the script does not use {{product}} — write its product to {{product}}", Place(path)


def _unquoted(task: Task, code: str) -> str:
    """Return a hint if a path with a space stands in a script outside of quotes, where it is two words."""
    given = [value if isinstance(value, Mapping) else {"": value} for value in task.inputs.values()]
    paths = [path.path for path in task.products] + [str(path) for one in given for path in one.values()]
    for path in map(os.path.abspath, paths):
        if " " in path and any(not before.endswith(("'", '"')) for before in code.split(path)[:-1]):
            return f'"{path}" contains a space: quote the placeholder, as in "{{{{product}}}}"'
    return ""


#: What some exit codes mean to every shell.
_HINTS = {
    126: "a command in it is not executable",
    127: "a command in it is not installed, or not on the PATH",
}


def _foreign(task: Task, code: str, client: Database) -> Failure | None:
    """Run a script by whatever client the project has."""
    try:
        client.execute(code)
    except Exception as error:
        return failure_of(error, task)
    finally:
        close = getattr(client, "close", None)
        if close is not None:
            close()
    return None


def _restored(before: str | None) -> Iterator[str]:
    """Yield what gives BASH_ENV back the value that it had."""
    if before is None:
        yield "unset BASH_ENV"
    else:
        quoted = "'" + before.replace("'", "'\\''") + "'"
        yield f'export BASH_ENV={quoted}\n[ -r "$BASH_ENV" ] && . "$BASH_ENV"'


def _line(ended: Ended, noted: str) -> int | None:
    """Return the line that failed: where bash noted a command that ended with the script's code, or as it says."""
    code, _, line = noted.strip().partition(" ")
    if line.isdigit() and code == str(ended.code):
        return int(line)
    found = _SAID.findall(ended.stderr)
    return int(found[-1]) if found else None


def _mistake(error: Error, task: Task) -> Failure:
    where = error.where
    line = where.line if where and where.path == task.source.path else None
    code = task.source.text or "" if line else ""
    return Failure(
        type(error).__name__,
        error.message if line or not where else f"{where}: {error.message}",
        line=line or None,
        path=task.source.path,
        code=code,
        hint=error.hint or "",
    )


KIND: ShellKind = ShellKind()
