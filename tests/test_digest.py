"""Digests of code: what runs alike has one, what may run otherwise has another."""

from __future__ import annotations

from pathlib import Path

import pytest

from books import cell, ipynb, of
from octavo.reading import digests_of_code
from octavo.reading.digest import module_digest


def test_what_runs_the_same_has_the_same_digest() -> None:
    base = ipynb(cell("x = f(1, 'a')"), cell("def g(a):\n    return a\ng(x)"))
    same = ipynb(
        cell("# Title", kind="markdown"),
        cell('# comment\nx = f( 1,\n  "a" )  # more', "hide-input") | {"execution_count": 5},
        cell(""),
        cell("# nothing but words"),
        cell('"""Words."""\ndef g(a):\n    """Docs."""\n    return (a)\n\ng(x)'),
        cell("n = 5", "injected-parameters"),
        kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"},
    )
    assert same.digest == base.digest


# Each differs from the first, and from all others.
DIFFERENT = [
    [cell("x = f(1, 'a')"), cell("y")],
    [cell("x = f(1, 'b')"), cell("y")],
    [cell("x = f(1.0, 'a')"), cell("y")],
    [cell("x = f(True, 'a')"), cell("y")],
    [cell("x = f('a', 1)"), cell("y")],
    [cell("x = g(1, 'a')"), cell("y")],
    [cell("x = f(1, 'a')"), cell("y;")],
    [cell("x = f(1, 'a')\ny")],
    [cell("y"), cell("x = f(1, 'a')")],
    [cell("x = f(1, 'a')", "parameters"), cell("y")],
    [cell("x = f(1, 'a')", "raises-exception"), cell("y")],
    [cell("x = f(1, 'a')"), cell("y", "skip-execution")],
    [cell("x = f(1, 'a')"), cell("y"), cell("%matplotlib inline")],
    [cell("x = f(1, 'a')"), cell("y"), cell("'shown'")],
    [cell("x = f(1, 'a')"), cell("y"), cell("%%bash\nls")],
    [cell("x = f(1, 'a')"), cell("y = = 1")],
    [cell("x = f(1, 'a')"), cell("{**y}")],
    [cell("x = f(1, 'a')"), cell("{None: y}")],
    [cell("x = f(1, 'a')"), cell("try: y\nexcept E: pass\nelse: z")],
    [cell("x = f(1, 'a')"), cell("try: y\nexcept E: pass\nfinally: z")],
    [cell("x = f(1, 'a')"), cell("from . import y")],
    [cell("x = f(1, 'a')"), cell("from .. import y")],
    [cell("x = f(1, 'a')"), cell("f'{y}'")],
    [cell("x = f(1, 'a')"), cell("f'{y!r}'")],
    [cell("x = f(1, 'a')"), cell("global y")],
    [cell("x = f(1, 'a')"), cell("global z")],
    [cell("x = f(1, 'a')"), cell("match y:\n case A(b=1): 1")],
    [cell("x = f(1, 'a')"), cell("match y:\n case A(c=1): 1")],
    [cell("x = f(1, 'a')"), cell("match y:\n case None: 1")],
    [cell("x = f(1, 'a')"), cell("match y:\n case True: 1")],
]


def test_what_may_run_otherwise_has_another_digest() -> None:
    digests = {ipynb(*cells).digest: cells for cells in DIFFERENT}
    assert list(digests.values()) == DIFFERENT


def test_language_and_magics_count() -> None:
    assert ipynb(cell("%%bash\nls")).digest == ipynb(cell("\n%%bash\nls  \n")).digest
    assert ipynb(cell("%%bash\nls")).digest != ipynb(cell("%%bash\nls -l")).digest
    assert ipynb(cell("%time f(x)")).digest == ipynb(cell("# c\n%time  f(x)  ")).digest
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    assert ipynb(cell("f(x)"), kernelspec=spec).digest != ipynb(cell("f(x)")).digest
    assert ipynb(cell("f(x)"), kernelspec=spec).digest == ipynb(cell("f(x)  \n"), kernelspec=spec).digest


def test_the_digest_does_not_depend_on_the_format() -> None:
    text = '# %% tags=["parameters"]\nn = 1\n\n# %%\n# %matplotlib inline\nprint(n)\n'
    assert of(text).digest == ipynb(cell("n = 1", "parameters"), cell("%matplotlib inline\nprint(n)")).digest


def test_a_semicolon_that_hides_a_value_counts_wherever_it_is_found() -> None:
    plain, hidden = ipynb(cell("f(x)")).digest, ipynb(cell("f(x);")).digest
    assert hidden == ipynb(cell("f(x) ; # it's\n# done\n")).digest != plain
    assert plain == ipynb(cell("f(x) # not; this\n\n# ;\n")).digest
    assert ipynb(cell("f(';')")).digest != ipynb(cell("f(';');")).digest
    assert ipynb(cell("x = 'é'; f('é')")).digest != ipynb(cell("x = 'é'; f('é');")).digest


def test_a_digest_has_32_hexadecimal_digits_and_never_changes() -> None:
    """The text of these cells is read alike by all versions of Python: a new digest would re-run everybody's work."""
    digest = ipynb(
        cell("import os\nx: int = [1, 2.5, 'é', None, 10**3]\ndef f(a, *, b=1): return a if b else -a")
    ).digest
    assert digest == "14e1f56bb1f48979c2041bcc5f384d08"


def test_a_module_has_the_digest_of_its_code(tmp_path: Path) -> None:
    base = module_digest("import a\ndef f(x):\n    return x\n")
    assert base == module_digest(
        '"""Doc."""\nimport a  # c\n\n\ndef f(x):\n    """Doc."""\n    return ( x )\n'
    )
    assert base != module_digest("import a\ndef f(x):\n    return y\n")
    assert module_digest("x = (") != module_digest("x = ((")
    path = tmp_path / "m.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    assert digests_of_code.module_digest(str(path)) == module_digest("x = 'é'")
    path.write_bytes("\ufeffx = 'é'\r\n".encode())
    assert (
        digests_of_code.module_digest(str(path)) == module_digest("x = 'é'") == module_digest("\ufeffx = 'é'")
    )


@pytest.mark.parametrize("declared", ["# -*- coding: latin-1 -*-\n", ""])
def test_letters_that_are_no_utf_8_count_as_they_are(declared: str, tmp_path: Path) -> None:
    path, found = tmp_path / "m.py", []
    for letter in ("é", "è", "é"):
        path.write_bytes(f"{declared}def f(product):\n    return '{letter}'\n".encode("latin-1"))
        found.append(
            (digests_of_code.module_digest(str(path)), digests_of_code.function_digest(str(path), "f"))
        )
    assert found[0] == found[2]
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]
