"""What a task does with files, as it does it: opened, made, listed, asked for; nothing is judged here.

Paths are kept as the task said them, made absolute; only at the end they are walked.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from threading import get_ident
from urllib.parse import unquote

from ...asked import Listing, there
from ...kinds.named import READS
from ...model import ABSENT
from ...reading.importable import SUFFIXES
from .asks import FilePath, narrowed
from .attributes import Attributes, takes
from .frames import STANDARD, Asker, of_packages, reads_text
from .hook import Arguments, Hear, Quiet
from .listed import METADATA, Listed, about_packages, asks_sizes, pattern_of
from .paths import Ground
from .stamps import Use, is_link, now_of_files, stamp, stands, use

#: Where nobody keeps what a result depends on.
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/lib/", "/usr/share/", STANDARD)
#: What may be code that counts as such, unless the task reads it as it reads any other file.
_CODE = (".py", ".ipynb", ".md", ".Rmd", ".qmd", ".R", ".r", ".sql", ".sh")
COMPILED = re.compile(r"(.*/)__pycache__/([^/]+?)\.[^/.]+(?:\.opt-\d)?\.pyc$")
#: What becomes of a path, told to whoever shows it to a person: "read" or "wrote".
Touch = Callable[[str, str], None]


class Activity:
    """Collects what the audit hook, and the functions that ask, tell of a task."""

    def __init__(self, ground: Ground, quiet: Quiet, scope: str, touch: Touch) -> None:
        self.ground = ground
        self.quiet = quiet
        self.began = now_of_files()
        #: Processes that were started so far.
        self.epoch = 0
        self.opened: dict[str, Use] = {}
        #: Files opened to be changed in place.
        self.updated: set[str] = set()
        #: Files that the task wrote into, and when that was first.
        self.written: dict[str, int] = {}
        #: Paths at which it put something else, or nothing, and when that was first.
        self.placed: dict[str, int] = {}
        #: Those that it tried to remove: what is still there as it was, it could not.
        self.removed: set[str] = set()
        #: Folders that it wanted to be there, and that were.
        self.assured: set[str] = set()
        #: Files of which it changed permissions or times, say, and how much of their stamps that leaves.
        self.restamped: dict[str, int] = {}
        self.listed: dict[tuple[str, str, bool, bool], Listed] = {}
        #: Commands that it started, and the folders they run in.
        self.commands: dict[str, str] = {}
        #: Questions, by what kind they are and a path, with the last answers.
        self.questions: dict[tuple[str, str], str] = {}
        #: Files of which its own code asked when they were modified.
        self.timed: set[str] = set()
        self._attributes = Attributes(self.questions, self.timed, quiet, self._full)
        #: Files of code that the task's own code opened, not to run them.
        self.as_text: set[str] = set()
        #: Paths of which Python told, counted or not.
        self.heard: set[str] = set()
        #: The thread that lists all folders before the task begins: this is not what Python told of them.
        self.marking = 0
        #: What it made links to, in whose products that shows.
        self.shown: set[str] = set()
        #: Folders that it went into: links on the way are not seen in the paths that come then.
        self.entered: set[str] = set()
        #: Called when a command is started: what it says must be read before it is gone.
        self.started: Callable[[], None] | None = None
        #: Is told of folders in which the task looks for all modules that there are, or for one.
        self.searched: Callable[[str], None] = lambda folder: None
        self.sought: Callable[[str, str], None] = lambda folder, name: None
        #: Called when something was asked; audited events have their own end.
        self.after: Callable[[], None] | None = None
        self._touch = touch
        # the project may be spelled in another way than by its real path
        paths = {ground.scope, os.path.abspath(scope), os.environ.get("PWD", "")}
        self._below = tuple(f"{path}/" for path in paths if path and ground.holds(os.path.realpath(path)))

    def hears(self) -> dict[str, Hear]:
        """Return what is to be told of which audited events."""
        one: dict[str, Hear] = {
            "open": self._open,
            READS: lambda args: self._open((args[0], "r", 0)),
            "os.listdir": self._list,
            "os.scandir": self._list,
            "os.mkdir": self._mkdir,
            "os.truncate": lambda args: self._place(args[0]),
            "os.remove": self._remove,
            "os.rmdir": self._remove,
            "os.listxattr": self._attributes_of,
            "os.getxattr": self._attributes_of,
            "os.rename": self._rename,
            "os.link": self._link,
            "os.symlink": self._symlink,
            "os.chdir": lambda args: self._enter(args[0]),
            "sqlite3.connect": self._database,
        }
        for event in ("os.chmod", "os.chown", "os.setxattr", "os.removexattr"):
            one[event] = lambda args: self._restamp(args[0], 4)
        one["os.utime"] = lambda args: self._restamp(args[0], 3)
        started = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty")
        for event in started:
            one[event] = self._start
        return one

    # ── opened

    def _open(self, arguments: Arguments) -> None:
        path, mode, flags = arguments
        if path.__class__ is not str:
            if isinstance(path, int):
                return
            path = os.fsdecode(path)
        if path[:1] != "/":
            path = f"{os.getcwd()}/{path}"
        if path.startswith(self._below):
            if self.quiet or (of_packages(path) and (path.endswith(SUFFIXES) or not Asker().is_own())):
                self.heard.add(path)
                return
            if path.endswith(".pyc") and (compiled := COMPILED.match(path)):
                self.heard.add(path)
                path = f"{compiled[1]}{compiled[2]}.py"
        elif path.endswith(".pyc") or path.startswith(_SYSTEM) or self.quiet or of_packages(path):
            return
        if mode.__class__ is str:
            if "x" in mode and self._stands(path):
                return
            update = "+" in mode and "r" in mode
            reading, writing = "r" in mode, update or "r" not in mode
        else:
            if flags & os.O_EXCL and self._stands(path):
                return
            reading, writing, update = _intent(flags)
        self.opens(path, reading, writing, update)

    def _stands(self, path: str) -> bool:
        """Return whether something stands at a path where a file is to be made only if nothing does."""
        found = stands(path)
        if "_mkstemp_inner" not in Asker().names():  # whose names are random
            self.question("exists", path, None, "")
        return found

    def opens(self, path: str, reading: bool, writing: bool, update: bool) -> None:
        """Note that a file is about to be opened, by its absolute path."""
        if reading:
            before = self.opened.get(path)
            if before is None:
                now = use(path, time.monotonic_ns(), self.epoch, self.began, self.quiet, update)
                self.opened[path] = now
                if now.linked or not self.ground.is_plain(path):
                    with self.quiet:
                        if self.ground.tools_keep(path, now.linked) and Asker().is_own():
                            self.ground.meant.add(self.ground.way(path).real)
            elif before.epoch != self.epoch:
                # a process that the task started may have made it anew: what counts is what is seen now
                before.epoch, before.stamp = self.epoch, stamp(path)
            if path.endswith(_CODE) and path not in self.as_text and reads_text():
                self.as_text.add(path)
        if update:
            self.updated.add(path)
        elif writing:
            self.written.setdefault(path, time.monotonic_ns())
        self._touch("wrote" if writing else "read", path)

    def _database(self, arguments: Arguments) -> None:
        """Note a database that is connected to: SQLite opens it below Python, maybe to write."""
        path = os.fsdecode(arguments[0])
        query = ""
        if path.startswith("file:"):
            path, _, query = path[5:].partition("?")
            path = unquote(path.removeprefix("//"))
        if self.quiet or not path or path.startswith(":memory:"):
            return
        path = self._full(path)
        if path.startswith(self._below):
            if stamp(path):
                self.opens(path, reading=True, writing=True, update=True)
            elif "mode=ro" in query or "mode=rw" in query.replace("mode=rwc", ""):
                self.questions.setdefault(("exists", path), ABSENT)
            else:
                self.placed.setdefault(path, time.monotonic_ns())

    def opens_below(self, arguments: Arguments, folder: int) -> None:
        """Note that a file is about to be opened by its path from an open folder."""
        path, flags, *_ = arguments
        if isinstance(path, int) or self.quiet:
            return
        full = self._full(path, folder)
        if full.startswith(self._below) and not of_packages(full):
            self.opens(full, *_intent(flags))

    # ── made

    def _misses(self, path: FilePath, folder: int | None = None) -> bool:
        """Return whether what it does something to is not there, which an error tells it, and note what is there."""
        full = self._full(path, folder)
        if not full.startswith(self._below) or self.quiet or of_packages(full):
            return False
        missing = not stands(full)
        if ("size", full) not in self.questions:
            with self.quiet:
                self.questions.setdefault(("exists", full), ABSENT if missing else there(full))
        return missing

    def _place(self, path: FilePath, folder: int | None = None) -> None:
        if not self.quiet:
            full = self._full(path, folder)
            self.placed.setdefault(full, time.monotonic_ns())
            self.removed.discard(full)

    def _attributes_of(self, arguments: Arguments) -> None:
        self._misses(arguments[0])

    def _remove(self, arguments: Arguments) -> None:
        path, folder = arguments
        if self.quiet or self._misses(path, folder):
            return
        self._place(path, folder)
        self.removed.add(full := self._full(path, folder))
        with self.quiet:
            if os.path.isdir(full) and not is_link(full) and os.listdir(full):
                self.lists(full)  # an error tells that there is something

    def _mkdir(self, arguments: Arguments) -> None:
        if self.quiet:
            return
        full = self._full(arguments[0], arguments[2])
        asker, found = Asker(), there(full)
        makes = (it for it in asker.via if it.f_code.co_name in ("makedirs", "mkdir"))
        may_be = any(frame.f_locals.get("exist_ok") for frame in makes) or not asker.is_own()
        if found != ABSENT and may_be:
            self.assured.add(full)
            return
        if not may_be and full.startswith(self._below):  # else it is an error, which tells the task
            self.questions.setdefault(("exists", full), found)
        if found == ABSENT:
            self.placed.setdefault(full, time.monotonic_ns())

    def _rename(self, arguments: Arguments) -> None:
        source, target, source_folder, target_folder = arguments
        if self._misses(source, source_folder):
            return
        self._place(source, source_folder)
        self._place(target, target_folder)
        if not self.quiet:
            self._touch("wrote", self._full(target, target_folder))

    def _link(self, arguments: Arguments) -> None:
        source, target, source_folder, target_folder = arguments
        if self._misses(source, source_folder):
            return
        self._place(target, target_folder)
        if not self.quiet:
            full = self._full(source, source_folder)
            self._restamp(full, 4)
            self.opens(full, reading=True, writing=False, update=False)

    def _symlink(self, arguments: Arguments) -> None:
        source, target, folder = arguments
        self._place(target, folder)
        if not self.quiet:
            shown = os.path.join(os.path.dirname(self._full(target, folder)), os.fsdecode(source))
            self.shown.add(shown)
            self.opens(shown, reading=True, writing=False, update=False)

    def _restamp(self, path: FilePath, left: int) -> None:
        if not self.quiet and not self._misses(path):
            full = self._full(path)
            self.restamped[full] = min(left, self.restamped.get(full, left))

    def _enter(self, folder: FilePath | None) -> None:
        if not self.quiet and folder is not None and not self._misses(folder):
            self.entered.add(self._full(folder))

    def _start(self, arguments: Arguments) -> None:
        if self.quiet:
            return
        self.epoch += 1
        folder = os.getcwd()
        if len(arguments) == 4 and arguments[2] is not None:  # of subprocess: with a folder to run in
            self._enter(arguments[2])
            folder = self._full(arguments[2])
        words = [_words(argument) for argument in arguments[:2]]
        if any(words):
            self.commands.setdefault("\n".join(filter(None, words)), folder)
            if self.started is not None:
                with self.quiet:
                    self.started()

    # ── listed

    def _list(self, arguments: Arguments) -> None:
        """Note what is in a folder that is listed: a new file there would have been found, too."""
        full = self._full("." if arguments[0] is None else arguments[0])
        if not f"{full}/".startswith(self._below) and full.startswith(_SYSTEM):
            return
        if self.marking != get_ident():  # another thread of octavo may look at a folder at the same time
            self.heard.add(full)
        if self.quiet:
            return
        asker = Asker()
        if asker.about_code:
            if "site" in asker.seeks():  # addsitedir
                self.lists(full, "*.pth", True)
            elif asker.seeks():
                self.searched(full)
            return
        if about_packages(asker) and not asker.is_own():
            return
        pattern, hidden = pattern_of(asker)
        sized = not asker.via and asker.frame is not None and asks_sizes(asker.frame.f_code)
        self.lists(full, pattern, hidden, sized)
        if sized and asker.frame is not None and (what := takes(asker.frame.f_code, inner=True)):
            for entry in self.listed[full, pattern, hidden, sized].names or ():
                self._attributes.note(f"{full}/{entry[1:].rpartition('/')[0]}", what)

    def lists(self, full: str, pattern: str = "", hidden: bool = False, sized: bool = False) -> None:
        """Note the names that are in a folder now, as far as they fit a pattern."""
        key = (full, pattern, hidden, sized)
        if key not in self.listed:
            listing = Listing(full, pattern, hidden)
            with self.quiet:  # listing it is heard, too
                names = listing.names("/", sized)
                if names is None and (found := there(full)) not in ("folder", ABSENT):
                    # "**" looks into all that a folder has, whose listing says already what that is
                    if not any(folder == os.path.dirname(full) for folder, *_ in self.listed):
                        self.questions.setdefault(("exists", full), found)
                    return
                self.listed[key] = Listed(listing, stamp(full), names, sized)

    # ── asked

    def question(self, word: str, path: FilePath, folder: int | None, answer: str) -> None:
        """Note a question to the file system."""
        if isinstance(path, int):
            return
        full = self._full(path, folder)
        if not full.startswith(self._below) or of_packages(full) or self.quiet:
            return
        if answer and self.questions.get((word, full)) == answer:
            return
        asker = Asker()
        if about_packages(asker):
            if asker.is_own() and word == "exists":  # what is there is not listed twice
                self.lists(full, METADATA, True)
            return
        if asker.frame is not None and asker.seeks() == "extend_path":
            self.sought(str(asker.frame.f_locals["dir"]), str(asker.frame.f_locals["final_name"]))
        question = narrowed(asker, word, answer)
        if question is None:
            return
        word, answer = question
        if word == "time":
            self.timed.add(full)
            word = "exists"
        elif word in ("size", "exists") and answer != ABSENT:
            self._attributes.taken(asker, full)
        with self.quiet:
            answer = answer or there(full)
        # the last answer is the one that counts, as a task may wait for a file; its size says that it is there
        if word == "exists" and answer == "file" and ("size", full) in self.questions:
            return
        if word in ("exists", "size"):
            self.questions.pop(("size" if word == "exists" else "exists", full), None)
        self.questions[word, full] = answer
        if self.after is not None:
            self.after()

    def _full(self, path: FilePath, folder: int | None = None) -> str:
        """Return a path as an absolute one; ``folder`` is the descriptor of what it is relative to."""
        if isinstance(path, int):
            return os.readlink(f"/proc/self/fd/{path}")
        name = os.fsdecode(path)
        if name[:1] == "/":
            return name
        known = folder if isinstance(folder, int) and folder >= 0 else None
        base = os.getcwd() if known is None else os.readlink(f"/proc/self/fd/{known}")
        return base if name == "." else f"{base}/{name}"


def _words(argument: object) -> str:
    """Return a command, or its arguments, a line each."""
    words = argument if isinstance(argument, list | tuple) else [argument]
    return "\n".join(os.fsdecode(word) for word in words if isinstance(word, str | bytes | os.PathLike))


def _intent(flags: int) -> tuple[bool, bool, bool]:
    """Return whether a file is opened to be read, to be written, and to be changed in place."""
    access = flags & (os.O_WRONLY | os.O_RDWR)
    update = access == os.O_RDWR and not flags & os.O_TRUNC
    return update or not access, bool(access), update
