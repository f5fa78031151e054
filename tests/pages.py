"""A page of the documentation as a play: its blocks are files, commands with what they answer, and code.

What stands before a fenced block says what it is, as a reader sees it or as a comment that only the source shows:

    `clean.py`:  (at the end of a line)    the block is this file; ``<!-- file: clean.py -->`` says the same.
                                           Python that is called `clean.ipynb` becomes this notebook
    <!-- new project -->                   an empty folder for what follows
    <!-- part -->                          YAML that is not a pipeline of its own
    <!-- env -->                           YAML of an environment
    <!-- output -->                        what the Python before it prints
    <!-- tree: src/octavo -->               the files of a folder
    <!-- not run: reason -->               nothing is done with it
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jupytext

from octavo.spec.expand import environment, expand, surroundings
from octavo.spec.schema import parse, spec

_FENCE = re.compile(r"^```(\w*)$")
_MARK = re.compile(r"^<!-- ([a-z ]+?)(?:: (.+?))? -->$")
_FILE = re.compile(r"(?:^|\s)`([\w./-]+)`:$")
_MARKS = {"file", "new project", "part", "env", "output", "tree", "not run"}

#: What differs from run to run, and what it becomes before two outputs are compared.
_VARYING = (
    (re.compile(r" *\b(?:\d+ h )?(?:\d+ min )?\d+(?:\.\d+)? s\b"), " TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"), "WHEN"),
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{6}\b"), "RUN"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of its fence, and what was said before it."""

    language: str
    text: str
    line: int
    marks: dict[str, str] = field(default_factory=dict)


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    marks: dict[str, str] = {}
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if fence := _FENCE.match(line):
            inner: list[str] = []
            for _, code in lines:
                if code == "```":
                    break
                inner.append(code)
            yield Block(fence[1], "".join(f"{code}\n" for code in inner), number, marks)
            marks = {}
        elif mark := _MARK.match(line):
            assert mark[1] in _MARKS, f"line {number}: there is no mark {mark[1]!r}"
            marks[mark[1]] = mark[2] or ""
        elif line.strip():
            file = _FILE.search(line)
            # only what stands right before a block is about it; a new project may be announced earlier
            marks = {name: value for name, value in marks.items() if name == "new project"}
            marks |= {"file": file[1]} if file else {}


class Play:
    """Plays the blocks of one page, in order, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.printed = ""
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name, words in (("octavo", "-m octavo "), ("python", "")):
            shim = self.bin / name
            shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
            shim.chmod(0o755)
        self._pip()
        self._new()

    def _pip(self) -> None:
        """Let ``pip install`` install what a page makes, with what is installed here, for this page only."""
        self.site = self.folder / "site"
        shim = self.bin / "pip"
        how = f'--target "{self.site}" --upgrade --no-index --no-deps --no-build-isolation'
        shim.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" -m pip install {how} "$@"\n')
        shim.chmod(0o755)

    def _new(self) -> None:
        self.count += 1
        self.project = self.folder / f"project{self.count}"
        self.project.mkdir()

    def __call__(self, block: Block) -> None:
        """Play a block; raise AssertionError where the page is not true."""
        if "new project" in block.marks:
            self._new()
        if "not run" in block.marks or "tree" in block.marks:
            return
        path = block.marks.get("file")
        if "output" in block.marks:
            compare(block.text, self.printed, "the Python above")
            self.printed = ""
            return
        assert not self.printed, f"the page does not show what its Python prints:\n{self.printed}"
        match block.language:
            case "diff":
                self._edit(block.text)
                return
            case "console":
                self._type(block.text)
            case "python" if path is None:
                self.printed = self._run(["python", "-c", block.text])
            case "yaml":
                self._check_yaml(block.text, path, block.marks)
            case "json":
                json.loads(block.text)
            case _:
                assert path, "nothing tells what to do with this block"
        if path:
            file = self.project / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".ipynb" and block.language == "python":
                jupytext.write(jupytext.reads(block.text, "py:percent"), file)
            else:
                file.write_text(block.text, encoding="utf-8")

    def _environ(self) -> dict[str, str]:
        dropped = ("FORCE_COLOR", "PLOOMBER_ENV_FILENAME")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        kept |= {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        return kept | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": str(self.site)}

    def _run(self, words: list[str]) -> str:
        done = subprocess.run(
            words, cwd=self.project, env=self._environ(), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _type(self, text: str) -> None:
        """Type commands as in a terminal; one that fails must be followed by ``$ echo $?``."""
        typed = transcript(text)
        # each command's output ends with its exit code, which "$?" in the next command still stands for
        script = "".join(
            f"{{ {command}\n}} 2>&1; code=$?; printf '\\1%s\\1\\n' $code; (exit $code)\n"
            for command, _ in typed
        )
        said = subprocess.run(
            ["bash", "-c", script],
            cwd=self.project,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
        ).stdout
        parts = re.split("\1(\\d+)\1\n", said)
        outputs, codes = parts[:-1:2], parts[1::2]
        assert len(outputs) == len(typed), said
        for number, ((command, expected), output) in enumerate(zip(typed, outputs, strict=True)):
            compare(expected, output.replace(f"{self.project}", "/home/me/project"), command)
            asked = number + 1 < len(typed) and typed[number + 1][0] == "echo $?"
            assert codes[number] == "0" or asked, f"$ {command}: exit code {codes[number]}"

    def _edit(self, text: str) -> None:
        """Apply a diff whose first line names the file."""
        name, *lines = text.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in ("-", " "))
        new = "".join(f"{line[1:]}\n" for line in lines if line[:1] in ("+", " "))
        file = self.project / name
        before = file.read_text(encoding="utf-8")
        assert old and before.count(old) == 1, f"{name} holds this {before.count(old)} times:\n{old}"
        file.write_text(before.replace(old, new), encoding="utf-8")

    def _check_yaml(self, text: str, path: str | None, marks: dict[str, str]) -> None:
        if "env" in marks or (path is not None and not Path(path).name.startswith("pipeline")):
            parse(text, path or "env.yaml")
            return
        if self.site.exists():  # it may have keys of what was installed: a build shows whether they are right
            return
        env = self.project / "env.yaml"
        around = surroundings(str(self.project))
        declared = parse(env.read_text(encoding="utf-8"), "env.yaml") if env.exists() else None
        document = parse(("tasks: []\n" if "part" in marks else "") + text, path or "pipeline.yaml")
        spec(expand(document, environment(declared, {}, around), around))


def transcript(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what it answers."""
    typed: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            typed.append((line[2:], ""))
        else:
            assert typed, f"a console block begins with a command: {line}"
            command, output = typed[-1]
            typed[-1] = (command, f"{output}{line}\n")
    return typed


def compare(expected: str, output: str, what: str) -> None:
    """Compare what a page shows with what was printed; "…" stands for anything."""
    shown, said = settled(expected), settled(output)
    pattern = re.escape(shown).replace("…", "(?:.|\n)*?")
    assert re.fullmatch(pattern, said), f"$ {what}\n── the page shows\n{shown}\n── but it says\n{said}"


def settled(text: str) -> str:
    """Return an output without what differs from run to run."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
