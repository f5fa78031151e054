"""A failure as text: tracebacks of Python and IPython, outputs as a terminal would have left them."""

from __future__ import annotations

import io
import traceback
from pathlib import Path

from octavo.events import TaskFinished
from octavo.kernels.frames import Frame, calls, line_in, raised
from octavo.model import Failure, Outcome
from octavo.show.failures import failed, last
from octavo.show.screen import Screen
from octavo.tracebacks import plain

IPYTHON = (
    "\x1b[31m---------------------------------------------------------------------------\x1b[39m",
    "\x1b[31mKeyError\x1b[39m                                  Traceback (most recent call last)",
    "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[4]\x1b[39m\x1b[32m, line 2\x1b[39m\n"
    "\x1b[32m      1\x1b[39m x = \x1b[32m1\x1b[39m\n\x1b[32m----> \x1b[39m\x1b[32m2\x1b[39m look({})",
    "\x1b[36mFile \x1b[39m\x1b[32m/home/me/p/helper.py:3\x1b[39m, in \x1b[36mlook\x1b[39m\x1b[34m(table)\x1b[39m\n"
    "\x1b[32m      1\x1b[39m def look(table):\n\x1b[32m----> \x1b[39m\x1b[32m3\x1b[39m     return table['a']",
    "\x1b[31mKeyError\x1b[39m: 'a'",
)


def said(failure: Failure, output: str = "", root: str = "/nowhere") -> str:
    """Return what a person sees of a failure."""
    event = TaskFinished("fit", Outcome.FAILED, 1.0, failure)
    return "\n".join(failed(event, output, Screen(io.StringIO()), root))


def test_the_calls_of_ipythons_traceback_are_found() -> None:
    found = calls(IPYTHON)
    assert found == [
        Frame(4, "", 2, "", "look({})"),
        Frame(None, "/home/me/p/helper.py", 3, "look", "return table['a']"),
    ]
    assert (line_in(found, 4), raised(found, 4)) == (2, "/home/me/p/helper.py:3")


def test_a_call_into_an_earlier_cell_counts_in_the_cell_that_made_it() -> None:
    found = calls(
        [
            "ZeroDivisionError                         Traceback (most recent call last)",
            "Cell In[3], line 4\n      3 # so\n----> 4 each([0])",
            "Cell In[1], line 7, in each(numbers)\n      6 for number in numbers:\n----> 7     half(number)",
            "File /usr/lib/python3.11/statistics.py:99, in mean(data)\n---> 99     return 1 / 0",
        ]
    )
    assert line_in(found, 3) == 4
    assert raised(found, 3) == "cell 1, line 7"
    assert line_in(found, 2) is None


def test_the_calls_of_older_ipythons_have_their_lines_at_the_arrow() -> None:
    (found,) = calls(["Input In [2], in <cell line: 3>()\n      2 x = 1\n----> 3 1 / 0"])
    assert (found.number, found.line, found.name) == (2, 3, "")


def test_the_calls_of_pythons_traceback_are_found() -> None:
    def fall() -> None:
        raise ValueError("x")

    try:
        fall()
    except ValueError as error:
        lines = traceback.format_exception(error)
    outer, inner = calls(lines)
    assert (outer.name, outer.code) == ("test_the_calls_of_pythons_traceback_are_found", "fall()")
    assert (inner.name, inner.code) == ("fall", 'raise ValueError("x")')
    assert inner.path == __file__


def test_of_two_exceptions_the_calls_of_the_last_are_found() -> None:
    try:
        try:
            int("x")
        except ValueError as error:
            raise KeyError("y") from error
    except KeyError as error:
        lines = traceback.format_exception(error)
    assert [call.code for call in calls(lines)] == ['raise KeyError("y") from error']


def test_a_progress_bar_is_one_line_and_colours_are_gone() -> None:
    assert last("\x1b[32mone\x1b[0m\n 10%\r 50%\r100%\r\n\n") == ["one", "100%"]
    assert last("".join(f"{n}\n" for n in range(30))) == [str(n) for n in range(20, 30)]
    assert plain("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1b[2K") == "link "


def test_the_source_stands_around_the_failing_line(tmp_path: Path) -> None:
    code = "\n".join(f"line{n}" for n in range(1, 20))
    (tmp_path / "tasks.py").write_text(code)
    text = said(Failure("KeyError", "'a'", line=10, path="tasks.py", code=code), root=str(tmp_path))
    shown = [line for line in text.splitlines() if " | " in line]
    assert [line[2:] for line in shown] == [
        *[f"  {n:>2} | line{n}" for n in range(7, 10)],
        "> 10 | line10",
        *[f"  {n:>2} | line{n}" for n in range(11, 14)],
    ]
    assert "  KeyError: 'a'" in text.splitlines()


def test_a_cell_that_stands_twice_in_its_file_is_told_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "nb.py").write_text("# %%\nx / 0\n\n# %%\nx / 0\n")
    failure = Failure("NameError", "x", cell=1, number=2, line=1, path="nb.py", code="x / 0")
    assert said(failure, root=str(tmp_path)).startswith("failed fit: cell 2, line 1 of ")
    (tmp_path / "nb.py").write_text("# %%\ny = 1\n\n# %%\nx / 0\n")
    assert "nb.py:5 (cell 2, line 1)" in said(failure, root=str(tmp_path))


def test_a_process_that_died_has_no_source_but_a_hint() -> None:
    text = said(Failure("WorkerDied", "signal 11", hint="it crashed in C code"), "last words")
    assert text.splitlines() == [
        "failed fit",
        "  WorkerDied: signal 11",
        "  hint: it crashed in C code",
        "  last output:",
        "  | last words",
    ]


def test_a_long_message_and_a_deep_recursion_are_cut() -> None:
    def down(n: int) -> None:
        further(n - 1)

    def further(n: int) -> None:
        if n < 0:
            raise ValueError("\n".join(map(str, range(100))))
        down(n - 1)

    try:
        down(30)
    except ValueError as error:
        lines = tuple(traceback.format_exception(error))
        text = said(Failure("ValueError", str(error), lines))
    assert "    … 79 more lines" in text
    assert text.count(" in down: ") + text.count(" in further: ") < 8
    assert "more calls" in text
