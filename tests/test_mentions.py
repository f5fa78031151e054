"""What texts of other programs ask of the file system, as far as they say so."""

from __future__ import annotations

import pytest

from octavo.reading.mentions import inquiries, lists_here


@pytest.mark.parametrize(
    ("text", "asked", "measured"),
    [
        ("ls x", {"x"}, set()),
        ("test -f ./x && echo yes", {"x"}, set()),
        ("if [ -e x ]; then cat 'data/y'; fi", {"x", "data/y"}, set()),
        ("all:\n\t@test -d flag || mkdir flag\n", {"flag"}, set()),
        ("if (file.exists('x')) 1", {"x"}, set()),
        ("print -e 'x' ? 1 : 0;", {"x"}, set()),
        ("isfile(\"x\") || os.path.exists('y') or Path('z').is_dir()", {"x", "y", "z"}, set()),
        ("stat -c %s x", {"x"}, {"x"}),
        ("ls -l x; du -s y", {"x", "y"}, {"x", "y"}),
        ("git commit -m 'ls x' --amend", {"x"}, set()),
        ("echo tools x", set(), set()),
    ],
)
def test_what_a_program_looks_for_is_read_from_its_text(
    text: str, asked: set[str], measured: set[str]
) -> None:
    assert inquiries(text) == (asked, measured)


@pytest.mark.parametrize(
    ("text", "here"),
    [
        *((text, True) for text in ("ls", "ls -la | wc", "find . -name x", "find -name x", "$(ls)", "du .")),
        *((text, True) for text in ("os.listdir('.')", "list.files()", "glob('*.x')", "list.files('.')")),
        *((text, False) for text in ("ls data", "find data -name x", "tools", "list.files('data')", "als")),
    ],
)
def test_whether_a_program_lists_the_folder_it_runs_in_is_read_from_its_text(text: str, here: bool) -> None:
    assert lists_here(text) is here
