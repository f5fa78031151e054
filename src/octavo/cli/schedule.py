"""octavo schedule: build the pipeline when its schedule says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .. import notify
from ..errors import Error
from ..schedule import Schedule, command, install, loop, wanted
from ..show.screen import flat, screen
from ..state import runlog
from . import options

if TYPE_CHECKING:
    from argparse import Namespace

    from ..model import Json
    from ..project import Project
    from ..show.screen import Screen
    from .options import Parser

_ACTIONS = ("show", "install", "uninstall", "run", "once")
#: As many logs of builds are kept.
_LOGS = 200
#: Seconds that a build has to end after it was interrupted.
_PATIENCE = 60


def arguments(parser: Parser) -> None:
    """Add the arguments of ``octavo schedule``."""
    add = parser.add_argument
    add(
        "action",
        metavar="ACTION",
        nargs="?",
        default="show",
        choices=_ACTIONS,
        help="show (the default), install, uninstall, run or once",
    )
    options.file(parser)
    way = parser.add_mutually_exclusive_group()
    for name, words in install.WAYS.items():
        way.add_argument(f"--{name}", dest="way", action="store_const", const=name, help=words)
    add(
        "--print",
        dest="printed",
        action="store_true",
        help="print what install would write, and write nothing",
    )
    add(
        "--next",
        dest="count",
        type=options.positive,
        default=5,
        metavar="N",
        help="show so many times (default: 5)",
    )
    parser.examples("""\
The key schedule of pipeline.yaml says when. run stays and builds each time; install lets systemd or cron do it;
once is what these call: it builds now, unless today is a day to skip.
Each build has a log of its own in .octavo/schedule/.

examples:
  octavo schedule                      when it is due next
  octavo schedule run                  in a container, or under a supervisor
  octavo schedule install              systemd's timers of this user, else a line in the crontab
  octavo schedule install --launchd --print > ~/Library/LaunchAgents/octavo.plist

exit code of once: that of the build; 0 on days to skip""")


def main(args: Namespace) -> int:
    """Show, install, or build."""
    out, err = screen(sys.stdout, os.environ), screen(sys.stderr, os.environ)
    if args.action != "install" and (args.printed or (args.way and args.action != "uninstall")):
        raise Error(f"octavo schedule {args.action} takes no --print, --systemd …", hint="install does")
    if args.action in ("run", "once"):
        options.interruptible()
        scheduled = _Scheduled(args.file, out, err)
        return scheduled.forever() if args.action == "run" else scheduled.once()
    with options.opened(args.file) as project:
        path = Path(project.path)
        if args.action == "uninstall":
            found = install.uninstall(path, args.way)
            out.say(
                "\n".join(f"removed {flat(it)}" for it in found) or "nothing is installed for this pipeline"
            )
            return 0
        schedule = Schedule.of(wanted(project.around, path), project.root)
        if args.action == "install":
            return _install(schedule, path, args, out)
    out.say(schedule.said())
    for due in islice(schedule.times(datetime.now(UTC)), args.count):
        out.say(f"  {loop.local(due, schedule)}")
    return 0


def _install(schedule: Schedule, path: Path, args: Namespace, out: Screen) -> int:
    words = command(sys.executable, path)
    way = args.way or install.usual(schedule)
    files = install.rendered(way, schedule, path, words)
    if args.printed or way in ("launchd", "windows"):
        for name, text in files.items():
            out.say(f"# {name}\n{text}" if len(files) > 1 else text.rstrip("\n"))
        return 0
    for line in install.install(way, files, path):
        out.say(flat(line))
    return 0


class _Scheduled:
    """A pipeline that is built by its schedule, whatever state it is in at the moment."""

    def __init__(self, file: str | None, out: Screen, err: Screen) -> None:
        self.file, self.out, self.err = file, out, err
        with options.opened(file) as project:
            self.path, self.root = Path(project.path), project.root
            self.folder = project.store.folder / "schedule"
            self.lock = project.store.folder / "lock"
            self.schedule, self.entries = self._read(project)

    def _read(self, project: Project) -> tuple[Schedule, list[Json]]:
        schedule = Schedule.of(wanted(project.around, self.path), self.root)
        schedule.skipped()  # a file that is missing is told now
        for path in schedule.changed:
            for task in project.graph:
                for product in task.products:
                    if f"{product.path}/".startswith(f"{path.rstrip('/')}/"):
                        message = f'the task "{task.name}" makes {product.path}: it would build for ever'
                        raise Error(message, str(schedule.where), "name files that no task makes")
        return schedule, project.around.get("notify", [])

    def load(self) -> Schedule:
        """Return the schedule as the pipeline says it now."""
        with options.opened(str(self.path)) as project:
            self.schedule, self.entries = self._read(project)
        return self.schedule

    def forever(self) -> int:
        """Build each time that it is due, until a signal ends it."""
        world = loop.World(loop.utc_now, time.sleep, self.say, self.build, self.load)
        try:
            loop.forever(world, self.folder / "state.json")
        except KeyboardInterrupt:
            self.say("stopped")
        return 0

    def once(self) -> int:
        """Build now, but on days to skip."""
        if day := self.schedule.skips(loop.utc_now()):
            self.say(f"skipped: {day} is a day without a build")
            return 0
        return self.build(self.schedule)

    def say(self, text: str) -> None:
        self.out.say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {flat(text)}")

    def build(self, schedule: Schedule) -> int:
        """Build in a process of its own, with a log of its own; return its exit code."""
        if schedule.overlap == "skip" and runlog.held(self.lock):
            self.say("skipped: a build is running")
            return 0
        log = self._log()
        words = [sys.executable, "-P", "-m", "octavo", "build", "--file", str(self.path), *schedule.build]
        words += ["--no-wait"] if schedule.overlap == "skip" else []
        self.say(f"building; its log is {os.path.relpath(log)}")
        with log.open("wb") as file:
            # a group of its own: Ctrl-C at a terminal is passed on once, and not twice
            child = subprocess.Popen(words, stdout=file, stderr=file, cwd=self.path.parent, process_group=0)
            try:
                code = child.wait()
            except KeyboardInterrupt:
                child.send_signal(signal.SIGINT)
                try:
                    child.wait(_PATIENCE)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                raise
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        self.say(f"exit code {code}: {lines[-1] if lines else 'nothing was printed'}")
        if code not in (0, 1, 130):  # of these the build itself tells
            self._tell("\n".join(lines[-20:]))
        return code

    def _tell(self, text: str) -> None:
        """Tell that a build could not begin: it has told nobody."""
        try:
            with options.opened(str(self.path)) as project:
                errors = notify.stopped(self.entries, str(self.root), str(self.path), project.store, text)
        except* Error:  # the pipeline is broken: so what was told before is not known
            errors = notify.stopped(self.entries, str(self.root), str(self.path), None, text)
        for error in errors:
            self.err.say(f"{self.err.paint('note:', 'cyan')} {flat(error)}")

    def _log(self) -> Path:
        """Return where the next build is logged; remove the oldest logs."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(self.folder.glob("*.log"))[:-_LOGS]:
            old.unlink(missing_ok=True)
        now = time.time_ns() // 1_000_000
        stem = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now // 1000))
        return self.folder / f"{stem}-{now % 1000:03}.log"
