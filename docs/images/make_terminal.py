"""Draw terminal.svg: the example is built in a real terminal, and its screen is drawn as it stood at one moment.

    .venv/bin/python docs/images/make_terminal.py

Build, change a module, ask what is stale, build again; the picture is taken while that last build runs.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent.parent / "examples" / "wine"
COLUMNS, ROWS = 112, 30

#: The change between the two builds: file, old and new text, and how a person would say it.
EDIT = (
    "wine/colour.py",
    "assign(red=red,",
    "assign(red=red, share=red / table.intensity,",
    "# one more feature in wine/colour.py: the share of red",
)

_CHAR, _LINE, _MARGIN, _BAR = 7.83, 19, 18, 34
_INK, _SOFT, _GROUND = "#d6dbe3", "#8b949e", "#161a21"
_COLOURS = {31: "#ff7b72", 32: "#7ee787", 33: "#f2cc60", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}
_SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b\][^\x07]*\x07|(\r\n|\r|\n)|([^\x1b\r\n])")


@dataclass(slots=True)
class Terminal:
    """As much of a terminal as a build needs: text, colours, and a cursor that goes up and clears lines."""

    lines: list[list[tuple[str, str]]] = field(default_factory=lambda: [[]])
    row: int = 0
    column: int = 0
    style: str = ""

    def feed(self, text: str) -> None:
        for found in _SEQUENCE.finditer(text):
            arguments, command, end, char = found.groups()
            if char:
                line = self.lines[self.row]
                line += [(" ", "")] * (self.column + 1 - len(line))
                line[self.column] = (char, self.style)
                self.column += 1
            elif end:
                self.column = 0
                if end != "\r":
                    self.row += 1
                    if self.row == len(self.lines):
                        self.lines.append([])
            elif command:
                self._obey(command, arguments)

    def _obey(self, command: str, arguments: str) -> None:
        count = int(arguments) if arguments.isdigit() else 1
        match command:
            case "m":
                for code in map(int, filter(None, (arguments or "0").split(";"))):
                    if code == 0:
                        self.style = ""
                    elif code in (1, 2):
                        self.style += " bold" if code == 1 else " dim"
                    elif code in _COLOURS:
                        self.style += f" c{code}"
            case "A":
                self.row = max(0, self.row - count)
            case "G":
                self.column = count - 1
            case "K" if arguments == "2":
                self.lines[self.row] = []
            case "K":
                del self.lines[self.row][self.column :]
            case "h" | "l":
                pass  # the cursor is shown or hidden
            case _:
                raise ValueError(f"this terminal does not know {arguments}{command}")

    def screen(self) -> list[list[tuple[str, str]]]:
        """Return the lines, without empty ones at the end, each as runs of text in one style."""
        lines = [list(line) for line in self.lines]
        while lines and not any(char.strip() for char, _ in lines[-1]):
            lines.pop()
        return [
            [("".join(char for char, _ in run), style) for style, run in groupby(line, key=lambda it: it[1])]
            for line in lines
        ]


def session(project: Path) -> list[list[tuple[str, str]]]:
    """Return the screen at the moment that shows most: a notebook at work, others done, others to come."""
    terminal = Terminal()
    best: list[list[tuple[str, str]]] = []
    play(terminal, project, "build")
    file, old, new, said = EDIT
    path = project / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    terminal.feed(f"\n\x1b[2m{said}\x1b[0m\n")
    play(terminal, project, "status")
    terminal.feed("\n")
    for screen, line in play(terminal, project, "build"):
        if not best and re.match(r"running +fit +[1-9].* 4/6", line):
            best = screen
    assert best, "the moment did not come: is fit still the notebook whose fourth cell takes longest?"
    return best


def play(terminal: Terminal, project: Path, verb: str) -> list[tuple[list[list[tuple[str, str]]], str]]:
    """Type a command; return each screen that it led to, and the last line but one of that."""
    terminal.feed(f"\x1b[36m$\x1b[0m \x1b[1moctavo {verb}\x1b[0m\n")
    screens = []
    for text in typed([sys.executable, "-m", "octavo", verb], project):
        terminal.feed(text)
        line = "".join(char for char, _ in terminal.lines[max(0, terminal.row - 1)])
        screens.append((terminal.screen(), line))
    return screens


def typed(words: list[str], folder: Path) -> list[str]:
    """Run a command in a terminal and return what it wrote, in the pieces that arrived."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environ = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
    environ |= {"TERM": "xterm-256color", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(words, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    pieces: list[str] = []
    rest = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # nobody has the other end any more
            break
        if not data:
            break
        # a letter of several bytes may arrive in two pieces
        text = (rest + data).decode("utf-8", "ignore")
        rest = (rest + data)[len(text.encode()) :]
        pieces.append(text)
        time.sleep(0.01)
    os.close(ours)
    assert process.wait() == 0, "".join(pieces)
    return pieces


def svg(screen: list[list[tuple[str, str]]], title: str) -> str:
    """Return lines of styled text as a picture of a terminal that fetches nothing."""
    width = round(2 * _MARGIN + COLUMNS * _CHAR)
    height = _BAR + 2 * _MARGIN + _LINE * len(screen) - 6
    styles = "".join(f".c{code}{{fill:{colour}}}" for code, colour in _COLOURS.items())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        f"fill:{_INK};white-space:pre}}.bold{{font-weight:600}}.dim{{fill:{_SOFT}}}{styles}</style>",
        f'<rect width="{width}" height="{height}" rx="9" fill="{_GROUND}"/>',
        *(f'<circle cx="{22 + 18 * n}" cy="19" r="5.5" fill="#3a414d"/>' for n in range(3)),
        f'<text x="{width / 2:g}" y="23" text-anchor="middle" class="dim">{escape(title)}</text>',
    ]
    for number, runs in enumerate(screen):
        y = _BAR + _MARGIN + 10 + _LINE * number
        x = 0
        for text, style in runs:
            # each run has its own place and length, so that the columns stand whatever font there is
            if text.strip():
                length = f'textLength="{len(text) * _CHAR:g}" lengthAdjust="spacingAndGlyphs"'
                kind = f' class="{style.strip()}"' if style.strip() else ""
                parts.append(
                    f'<text x="{_MARGIN + x * _CHAR:g}" y="{y}" {length}{kind}>{escape(text)}</text>'
                )
            x += len(text)
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ignored = shutil.ignore_patterns("output", ".octavo", "__pycache__", ".pytest_cache")
        project = Path(shutil.copytree(EXAMPLE, Path(folder) / "wine", ignore=ignored))
        screen = session(project)
    (HERE / "terminal.svg").write_text(svg(screen, "wine"), encoding="utf-8")


if __name__ == "__main__":
    main()
