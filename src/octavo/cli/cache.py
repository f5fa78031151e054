"""octavo cache: inspect the cache, free space, exchange results with a remote."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from ..errors import Error
from ..hints import did_you_mean
from ..lazy import lazy_imports
from ..model import Json
from ..show.screen import Screen, many, screen, seconds, several
from . import options

with lazy_imports():
    from ..cache import reuse, sweep
    from ..kinds import keys


if TYPE_CHECKING:
    from argparse import Namespace

    from ..cache.local import Cache
    from ..project import Project
    from .options import Parser

ACTIONS = ("show", "gc", "clear", "push", "pull", "verify")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo cache``."""
    add = parser.add_argument
    add(
        "action",
        nargs="?",
        metavar="ACTION",
        default="show",
        help="show (the default), gc, clear, push, pull, verify",
    )
    add("targets", nargs="*", metavar="TARGET", help="the tasks to push or pull (default: all)")
    options.file(parser)
    options.values(parser, "push or pull as with this parameter")
    add("--size", type=_size, metavar="SIZE", help="gc: keep at most this much, such as 5GB")
    add(
        "--older",
        type=_age,
        metavar="AGE",
        help="gc: remove results not used for this long, such as 30d, 12h",
    )
    add("--json", action="store_true", help="print one JSON object")
    parser.examples("""\
  show    how much is kept, and how much time it saved
  gc      free space: down to the size in pipeline.yaml, or --size; remove what is --older
  clear   remove everything
  push    upload the results of fresh tasks to the URL in pipeline.yaml
  pull    restore stale tasks from there, without running anything
  verify  check all files, and remove damaged ones

examples:
  octavo cache
  octavo cache gc --size 5GB --older 30d
  octavo cache pull +report""")


def main(args: Namespace) -> int:
    """Run an action on the cache and return the exit code: 1 if something is damaged."""
    out = screen(sys.stdout, os.environ)
    action = args.action
    if action not in ACTIONS:
        hint = did_you_mean(action, ACTIONS) or "there are: " + ", ".join(ACTIONS)
        raise Error(f'octavo cache has no action "{action}"', hint=hint)
    if action != "gc" and (args.size is not None or args.older is not None):
        raise Error(f"--size and --older are options of octavo cache gc, not of {action}")
    if args.targets and action not in ("push", "pull"):
        raise Error(f"octavo cache {action} takes no tasks: it applies to the whole cache")
    with options.project(args) as project:
        if action in ("push", "pull"):
            return _exchange(project, action, args, out)
        found, lines, code = _SHOWN[action](project.cache(), args)
    for line in [json.dumps(found)] if args.json else lines:
        out.say(line)
    return code


def _show(cache: Cache, args: Namespace) -> tuple[Json, list[str], int]:
    tally, entries = cache.tally(), sum(1 for _ in cache.entries())
    found = {
        "folder": str(cache.at),
        "results": entries,
        "size": tally.size,
        "limit": cache.size,
        "hits": tally.hits,
        "misses": tally.misses,
        "seconds": tally.seconds,
    }
    folder = os.path.relpath(cache.at)
    lines = [
        f"{many(entries, 'result')} in {_amount(tally.size)} of {_amount(cache.size)}, in {folder}",
        f"{many(tally.hits, 'hit')}, which saved {seconds(tally.seconds)}; "
        f"{tally.misses:,} {'miss' if tally.misses == 1 else 'misses'}",
    ]
    return found, lines, 0


def _gc(cache: Cache, args: Namespace) -> tuple[Json, list[str], int]:
    swept = sweep.gc(cache, args.size, args.older)
    found = {
        "removed": swept.entries,
        "freed": swept.size,
        "results": swept.left,
        "size": swept.left_size,
    }
    removed = f"removed {many(swept.entries, 'result')}, {_amount(swept.size)}"
    return found, [f"{removed}; {many(swept.left, 'result')} in {_amount(swept.left_size)} left"], 0


def _clear(cache: Cache, args: Namespace) -> tuple[Json, list[str], int]:
    swept = sweep.clear(cache)
    found = {"removed": swept.entries, "freed": swept.size, "results": 0, "size": 0}
    return found, [f"removed {many(swept.entries, 'result')}, {_amount(swept.size)}"], 0


def _verify(cache: Cache, args: Namespace) -> tuple[Json, list[str], int]:
    checked = sweep.verify(cache)
    found = {"blobs": checked.blobs, "damaged": checked.damaged, "removed": checked.dropped}
    if not checked.damaged and not checked.dropped:
        return found, [f"{many(checked.blobs, 'file')} verified: all are intact"], 0
    damaged = f"{len(checked.damaged)} of {many(checked.blobs, 'file')} damaged"
    return found, [f"{damaged}; removed them and {many(checked.dropped, 'result')} that use them"], 1


_SHOWN = {"show": _show, "gc": _gc, "clear": _clear, "verify": _verify}


def _exchange(project: Project, action: str, args: Namespace, out: Screen) -> int:
    done = (project.push if action == "push" else project.pull)(args.targets)
    if args.json:
        key = "sent" if action == "push" else "restored"
        out.say(json.dumps({key: done.moved, "fresh": done.fresh, "left": done.left}))
        return 0
    left: dict[str, list[str]] = {}
    for name, why in done.left.items():
        left.setdefault(why, []).append(name)
    parts = [f"{len(done.moved)} {'sent' if action == 'push' else 'restored'}"]
    parts += [f"{len(done.fresh)} fresh"] if done.fresh else []
    parts += [f"{len(names)} {why} ({several(names, 3)})" for why, names in left.items()]
    out.say(", ".join(parts))
    return 0


def _amount(size: int) -> str:
    text: str = reuse.amount(size)
    return text


def _size(text: str) -> int:
    size: int = 0 if text == "0" else keys.as_bytes(text)
    if size <= 0 and text != "0":
        raise argparse.ArgumentTypeError(f'"{text}" is not a size such as 5GB or 500MB')
    return size


def _age(text: str) -> float:
    """Return an age in seconds."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "?")
    try:
        return float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f'"{text}" is not an age such as 30d, 12h or 90m') from None
