"""Rules for notebooks: what each finds, what it leaves alone, and how findings are excused and printed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from check_corpus import NEWER, defects, marked
from check_kinds import kinds
from check_sound import SOUND as SOUND_STYLES
from octavo.checks import Finding
from octavo.checks.fixing import add_noqa, fix
from octavo.checks.members import RULES, rules
from octavo.checks.run import check, files
from octavo.checks.settings import Selection, settings
from octavo.errors import Error
from octavo.notebook import dumps, loads
from octavo.show import findings as show_findings
from octavo.show.rules import page as rules_page
from projects import Folder

TITLE = "# %% [markdown]\n# # A title\n"
PARAMETERS = '# %% tags=["parameters"]\n'

#: What a notebook in the percent format holds, and the codes with the lines where they are found.
DEFECTS: list[tuple[str, list[tuple[str, int]]]] = [
    ("# %%\nprint(x)\n", [("NB101", 4)]),
    ("# %%\nprint(x)\n# %%\nx = 1\n", [("NB101", 4)]),
    ("# %%\ndef f():\n    return missing\n", [("NB101", 5)]),
    ("# %%\nx += 1\n", [("NB101", 4)]),
    ("# %%\nprint([y for z in range(3)])\n", [("NB101", 4)]),
    ("# %%\nclass A(Base):\n    pass\n", [("NB101", 4)]),
    ("# %%\nx = 1\n# %%\nx += 1\n", [("NB111", 6)]),
    (
        "# %%\nimport pandas as pd\ndf = pd.read_csv('a.csv')\n# %%\ndf = df.drop(columns='a')\n",
        [("NB111", 7)],
    ),
    ("# %%\nopen('/home/anna/a.csv')\n", [("NB121", 4)]),
    ("# %%\npath = 'C:\\\\data\\\\a.csv'\n", [("NB121", 4)]),
    ("# %%\n!pip install pandas\n", [("NB122", 4)]),
    ("# %%\n%pip install pandas\n", [("NB122", 4)]),
    ("# %%\nimport sys\n!{sys.executable} -m pip install x\n", [("NB122", 5)]),
    ("# %%\n%cd data\n", [("NB123", 4)]),
    ("# %%\nimport os\nos.chdir('data')\n", [("NB123", 5)]),
    ("# %%\nimport random\nprint(random.random())\n", [("NB124", 5)]),
    ("# %%\nimport numpy as np\nnp.random.rand(3)\n", [("NB124", 5)]),
    ("# %%\nimport numpy as np\nrng = np.random.default_rng()\n", [("NB124", 5)]),
    ("# %%\nbreakpoint()\n", [("NB132", 4)]),
    ("# %%\n%debug\n", [("NB132", 4)]),
    ("# %%\nimport pdb; pdb.set_trace()\n", [("NB132", 4)]),
    ("# %%\nkey = 'AKIAIOSFODNN7EXAMPLE'\n", [("NB141", 4)]),
    ("# %%\nurl = 'postgresql://anna:hunter2@db/x'\n", [("NB141", 4)]),
    (f"# %%\nt = 'ghp_{'a1' * 18}'\n", [("NB141", 4)]),
    ("# %%\nk = '-----BEGIN RSA PRIVATE KEY-----'\n", [("NB141", 4)]),
    (PARAMETERS + "n = 1\nunused = 2\n# %%\nprint(n)\n", [("NB142", 5)]),
]
#: Sound cells, in which nothing may be found.
SOUND = [
    "# %%\nx = 1\n# %%\nprint(x)\n",
    "# %%\ndef f():\n    return g()\n# %%\ndef g():\n    return 1\n# %%\nf()\n",
    "# %%\nfrom math import *\nprint(sqrt(2))\n",
    "# %%\nfor i in range(3):\n    total = i\nprint(i, total)\n",
    "# %%\ntry:\n    import json5 as json\nexcept ImportError:\n    import json\nprint(json)\n",
    "# %%\nprint(_, __, In, Out, get_ipython(), display)\n",
    "# %%\n%run other.py\n# %%\nprint(from_other)\n",
    "# %%\n%load_ext sql\n# %%\nprint(result)\n",
    "# %%\nexec('a = 1')\n# %%\nprint(a)\n",
    "# %%\nfiles = !ls\nprint(files)\n",
    "# %%\n%%capture out\nprint(1)\n# %%\nprint(out)\n",
    "# %%\nwith open('a') as file:\n    text = file.read()\nprint(text)\n",
    "# %%\nif (n := 10) > 5:\n    print(n)\n",
    "# %%\nmatch [1, 2]:\n    case [a, *rest]:\n        print(a, rest)\n",
    "# %%\nasync def f():\n    return 1\nawait f()\n",
    "# %%\nclass A:\n    n = 1\n    def m(self):\n        return A.n + __class__.n\n",
    "# %%\ntotal = 0\nfor n in range(3):\n    total += n\n",
    "# %%\ndf = [1]\ndf = df.copy()\n",
    "# %%\ncount = 1\n# %%\ncount = 0\ncount += 1\n",
    "# %%\nimport random\nrandom.seed(0)\nprint(random.random())\n",
    "# %%\nimport numpy as np\nrng = np.random.default_rng(0)\nprint(rng.normal())\n",
    "# %%\nurl = 'postgresql://anna:password@db/x'\n",
    "# %%\nurl = f'postgresql://{1}:{2}@db/x'\n",
    "# %%\nurl = 'https://example.com/a:b@c'\n",
    "# %%\npath = 'data/home/a.csv'\n",
    "# %%\nprint('pip install pandas')\n",
    PARAMETERS + "upstream = None\nproduct = None\nn = 1\n# %%\nprint(n, product)\n",
    PARAMETERS + "name = 'a'\n# %%\n!echo {name}\n",
    "# %%\ndef outer():\n    def inner():\n        return value\n    value = 1\n    return inner\n",
    "# %%\nsquares = {k: v for k, v in {}.items() if k}\n",
    "# %%\nlambda a, *b, c=1, **d: (a, b, c, d)\n",
]


def found(path: Path, text: str, **more: Any) -> list[Finding]:
    path.write_text(text)
    checked = check(str(path), RULES, Selection(**more))
    assert not checked.broken
    return checked.findings


@pytest.mark.parametrize(("text", "expected"), DEFECTS)
def test_a_defect_is_found_at_its_line(tmp_path: Path, text: str, expected: list[tuple[str, int]]) -> None:
    findings = found(tmp_path / "a.py", TITLE + text)
    assert [(one.code, one.row) for one in findings] == expected


@pytest.mark.parametrize("text", SOUND)
def test_nothing_is_found_in_a_sound_notebook(tmp_path: Path, text: str) -> None:
    assert [one.message for one in found(tmp_path / "a.py", TITLE + text)] == []


def stored(*cells: dict[str, Any], metadata: dict[str, Any] | None = None) -> str:
    title = {"cell_type": "markdown", "metadata": {}, "source": "# Title"}
    code = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, **cell}
        for cell in cells
    ]
    data = {"cells": [title, *code], "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(data)


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
HUGE = {"output_type": "stream", "name": "stdout", "text": "x" * 3_000_000}
LEAK = {"output_type": "stream", "name": "stdout", "text": "token AKIAIOSFODNN7EXAMPLE"}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([{"source": "1", "execution_count": 1}, {"source": "2", "execution_count": 3}], ["NB102"]),
        ([{"source": "1", "execution_count": 2}, {"source": "2", "execution_count": 1}], ["NB102"]),
        ([{"source": "1", "execution_count": 1, "outputs": [ERROR]}], ["NB103"]),
        ([{"source": "1"}, {"source": "2", "execution_count": 1}, {"source": "3"}], ["NB104"]),
        ([{"source": "1", "execution_count": 1, "outputs": [HUGE]}], ["NB133"]),
        ([{"source": "1", "execution_count": 1, "outputs": [LEAK]}], ["NB141"]),
        ([{"source": "1", "execution_count": 1}, {"source": "2", "execution_count": 2}, {"source": "3"}], []),
        ([{"source": "1"}, {"source": "2"}], []),
        (
            [
                {
                    "source": "1/0",
                    "execution_count": 1,
                    "outputs": [ERROR],
                    "metadata": {"tags": ["raises-exception"]},
                }
            ],
            [],
        ),
    ],
)
def test_what_is_stored_is_looked_at(
    tmp_path: Path, cells: list[dict[str, Any]], expected: list[str]
) -> None:
    assert [one.code for one in found(tmp_path / "a.ipynb", stored(*cells))] == expected


def test_a_secret_in_the_metadata_is_found(tmp_path: Path) -> None:
    text = stored({"source": "1"}, metadata={"params": {"key": "AKIAIOSFODNN7EXAMPLE"}})
    (one,) = found(tmp_path / "a.ipynb", text)
    assert one.code == "NB141" and one.cell is None


def test_a_notebook_without_a_title_is_told(tmp_path: Path) -> None:
    assert [one.code for one in found(tmp_path / "a.py", "# %%\nx = 1\n# %%\nprint(x)\n")] == ["NB131"]


def test_places_are_those_of_the_file_or_of_the_cell(tmp_path: Path) -> None:
    (text,) = found(tmp_path / "a.py", TITLE + "# %%\nok = 1\nprint(x)\n")
    assert text.place == f"{tmp_path}/a.py:5:7"
    (one,) = found(tmp_path / "a.ipynb", stored({"source": "ok = 1\nprint(x)"}))
    assert one.place == f"{tmp_path}/a.ipynb:cell 1:2:7"


@pytest.mark.parametrize("excuse", ["  # noqa", "  # noqa: NB101", "  # NOQA: NB121, NB101"])
def test_a_line_can_be_excused(tmp_path: Path, excuse: str) -> None:
    left = found(tmp_path / "a.py", f"{TITLE}# %%\nprint(x){excuse}\n")
    assert [one.code for one in left] == (["NB191"] if "NB121" in excuse else [])
    codes = [one.code for one in found(tmp_path / "b.py", f"{TITLE}# %%\nprint(x)  # noqa: NB121\n")]
    assert codes == ["NB101", "NB191"]


def test_a_cell_can_be_excused_by_a_tag(tmp_path: Path) -> None:
    assert found(tmp_path / "a.py", f'{TITLE}# %% tags=["noqa-NB101"]\nprint(x)\n') == []
    left = found(tmp_path / "b.py", f'{TITLE}# %% tags=["noqa-NB121"]\nprint(x)\n')
    assert {one.code for one in left} == {"NB101", "NB191"}


def test_the_more_precise_of_select_and_ignore_wins() -> None:
    chosen = Selection(("NB1",), ("NB12",), {"old/*": ("NB1",)})
    assert chosen.wants("NB101", "a.ipynb") and not chosen.wants("NB121", "a.ipynb")
    assert not chosen.wants("NB101", "old/a.ipynb") and not chosen.wants("XY1", "a.ipynb")
    assert Selection(("NB121",), ("NB",)).wants("NB121", "a")


def test_settings_come_from_the_nearest_pyproject(tmp_path: Path) -> None:
    table = (
        '[tool.octavo.check]\nselect = ["NB1"]\nignore = "NB131"\nper-file-ignores = {"old/*" = ["NB101"]}\n'
    )
    (tmp_path / "pyproject.toml").write_text(table)
    (tmp_path / "deep").mkdir()
    codes = [rule.code for rule in RULES]
    chosen = settings(tmp_path / "deep", [], ["NB122"], codes)
    assert chosen == Selection(("NB1",), ("NB131", "NB122"), {"old/*": ("NB101",)})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("selct = []", 'no key "selct"'),
        ("select = 3", "must be a list of codes"),
        ('select = ["NB999"]', 'no rule "NB999"'),
        ("per-file-ignores = 3", "must be a table"),
        ("select = [", "cannot be read"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, table: str, words: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.octavo.check]\n{table}\n")
    with pytest.raises(Error, match=words):
        settings(tmp_path, [], [], [rule.code for rule in RULES])


def test_codes_and_names_are_used_once_and_documented() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)
    page = (Path(__file__).parents[1] / "docs" / "checks.md").read_text()
    assert [
        rule.code for rule in RULES if f"| {rule.code} | `{rule.name}` | {rule.severity} |" not in page
    ] == []


def test_notebooks_of_a_folder_are_found(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path)
    folder.write("a.ipynb", stored({"source": "1"}))
    folder.write("sub/b.py", "# %%\nx = 1\n")
    folder.write("sub/module.py", "x = 1\n")
    folder.write(".venv/c.ipynb", stored({"source": "1"}))
    folder.write("README.md", "# Words\n")
    assert list(files(["."])) == ["a.ipynb", "sub/b.py"]
    with pytest.raises(Error, match="no such file or folder"):
        list(files(["nowhere"]))


def test_a_rule_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    class Failing:
        code, name, severity = "XY1", "failing", "error"

        def check(self, subject: object) -> Any:
            raise KeyError("oops")

    (tmp_path / "a.py").write_text(f"{TITLE}# %%\nprint(x)\n")
    done = check(str(tmp_path / "a.py"), [Failing(), *RULES], Selection(("NB", "XY")))  # type: ignore[list-item]
    assert [one.code for one in done.findings] == ["NB101"]
    assert done.broken == [f"{tmp_path}/a.py: the rule XY1 failed: KeyError: 'oops'"]


def test_rules_are_ours_without_other_packages() -> None:
    assert rules()[: len(RULES)] == RULES


# ── the command


@pytest.fixture
def project(folder: Folder) -> Folder:
    folder.write("a.py", f"{TITLE}# %%\nprint(x)\nopen('/home/anna/a')\n")
    folder.write("fine.py", f"{TITLE}# %%\nprint(1)\n")
    return folder


def test_findings_are_lines_with_their_places(project: Folder) -> None:
    done = project.octavo("check")
    assert done.returncode == 1
    assert done.stdout.startswith(
        'a.py:4:7: NB101 "x" is read, and no cell defines it\n'
        "  4 | print(x)\n"
        "    |       ^\n"
        "  hint: was the cell that defined it removed?\n"
    )
    assert done.stderr == "2 findings, 1 error in 2 notebooks\n"
    assert project.octavo("check", "fine.py").returncode == 0
    assert project.octavo("check", "--exit-zero").returncode == 0
    assert project.octavo("check", "--ignore", "NB101,NB12").returncode == 0


def test_findings_are_json_sarif_and_annotations(project: Folder) -> None:
    plain = json.loads(project.octavo("check", "--output-format", "json").stdout)
    assert [(one["code"], one["row"], one["severity"]) for one in plain] == [
        ("NB101", 4, "error"),
        ("NB121", 5, "warning"),
    ]
    log = json.loads(project.octavo("check", "--output-format", "sarif").stdout)
    result = log["runs"][0]["results"][0]
    assert result["ruleId"] == "NB101" and result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "startColumn": 7}
    told = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert told["NB101"]["shortDescription"]["text"].startswith("A cell reads a name that no cell before")
    lines = project.octavo("check", "--output-format", "github").stdout.splitlines()
    assert lines[0].startswith("::error file=a.py,line=4,col=7,title=NB101 undefined-name::")


def test_a_file_that_cannot_be_read_does_not_keep_others_from_being_checked(project: Folder) -> None:
    project.write("cut.ipynb", "{")
    done = project.octavo("check")
    assert done.returncode == 2
    assert "cut.ipynb" in done.stderr and "NB101" in done.stdout


def test_rules_are_listed_and_counted(project: Folder) -> None:
    assert "NB101  error    undefined-name" in project.octavo("check", "--list").stdout
    assert "    1  NB101  undefined-name" in project.octavo("check", "--statistics").stdout


# ── the corpus


def test_every_seeded_defect_is_found_at_its_place_and_nothing_else(tmp_path: Path) -> None:
    corpus = [*defects(), *kinds()]
    assert len(corpus) >= 350
    wrong = {}
    for number, (text, expected) in enumerate(corpus):
        findings = found(tmp_path / f"{number}.py", text)
        if sorted((one.code, one.row) for one in findings) != sorted(expected):
            wrong[text] = (expected, [(one.code, one.row, one.message) for one in findings])
    assert wrong == {}


def test_nothing_is_found_in_sound_notebooks_of_many_styles(tmp_path: Path) -> None:
    corpus = SOUND_STYLES.strip("\n").split("\n===\n")
    assert len(corpus) >= 60
    wrong = {}
    for number, cells in enumerate(corpus):
        text = marked(cells)[0]
        if findings := found(tmp_path / f"{number}.py", text):
            wrong[text] = [(one.code, one.row, one.message) for one in findings]
    assert wrong == {}


@pytest.mark.parametrize(("needs", "code"), NEWER)
def test_syntax_that_the_project_does_not_allow_is_found(
    tmp_path: Path, needs: tuple[int, int], code: str
) -> None:
    text = f"{TITLE}# %%\n{code}\n"
    for minor, expected in ((needs[1] - 1, ["NB151"]), (needs[1], [])):
        folder = tmp_path / str(minor)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(f'[project]\nname = "a"\nrequires-python = ">=3.{minor},<4"\n')
        assert [one.code for one in found(folder / "a.py", text)] == expected


def test_syntax_of_a_python_that_octavo_does_not_run_with_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\nrequires-python = ">=3.60"\n')
    assert found(tmp_path / "a.py", f"{TITLE}# %%\nlet x be 1\n") == []


def test_a_variable_that_the_project_names_is_declared(tmp_path: Path) -> None:
    text = f'{TITLE}# %%\nimport os\nos.environ["WEATHER_KEY"]\n'
    assert [one.code for one in found(tmp_path / "a.py", text)] == ["NB127"]
    (tmp_path / ".env.example").write_text("WEATHER_KEY=\n")
    assert found(tmp_path / "a.py", text) == []


def test_the_page_of_rules_is_what_explain_prints(project: Folder) -> None:
    page = Path(__file__).parents[1] / "docs" / "rules.md"
    assert page.read_text("utf-8") == rules_page(RULES), "write show.rules.page(RULES) there"
    said = project.octavo("check", "--explain", "nb101").stdout
    assert said.startswith("NB101 undefined-name (error)\n\nA cell reads a name")
    assert "octavo check --list names them" in project.octavo("check", "--explain", "XY").stderr


# ── mending


def notebook(*sources: str | list[str], indent: int = 1, tags: list[str] | None = None, **dumps: Any) -> str:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"c{n}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for n, source in enumerate(sources)
    ]
    if tags:
        cells[0]["metadata"] = {"tags": tags}
    head = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": ["# Title"]}
    data = {"cells": [head, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(data, indent=indent, **dumps) + "\n"


#: A notebook's file, and what --fix makes of it: every other byte stays.
MENDED = [
    ("a.py", f"{TITLE}# %%\nx = 1  # noqa: NB121\n", f"{TITLE}# %%\nx = 1\n"),
    ("a.py", f"{TITLE}# %%\nx = 1  # noqa: NB121, E501\n", f"{TITLE}# %%\nx = 1  # noqa: E501\n"),
    ("a.py", f'{TITLE}# %% tags=["noqa-NB121", "keep"]\nx = 1\n', f'{TITLE}# %% tags=["keep"]\nx = 1\n'),
    ("a.py", f"{TITLE}# %%\nopen('/home/anna/a')  # noqa: NB121\n", None),
    ("a.py", f"{TITLE}# %%\nx = 1  # noqa\ny = 2  # noqa: E501, XY1\n", None),
    ("a.py", f"{TITLE}# %%\nx = 1  # noqa: NB121 for the old machine\n", None),
    ("a.ipynb", notebook(["x = 1  # noqa: NB121\n", "'ü'"]), notebook(["x = 1\n", "'ü'"])),
    ("a.ipynb", notebook("x = 1  # noqa: NB121\n'ü'", indent=3), notebook("x = 1\n'ü'", indent=3)),
    (
        "a.ipynb",
        notebook(["x = 'ü'  # noqa: NB121"], ensure_ascii=False),
        notebook(["x = 'ü'"], ensure_ascii=False),
    ),
    ("a.ipynb", notebook(["x = 1"], tags=["noqa-NB121"]), notebook(["x = 1"])),
    ("a.ipynb", notebook("x = 1", tags=["a", "noqa-NB121"]), notebook("x = 1", tags=["a"])),
]


@pytest.mark.parametrize(("name", "before", "after"), MENDED)
def test_what_is_mended_touches_no_other_byte(
    tmp_path: Path, name: str, before: str, after: str | None
) -> None:
    (tmp_path / name).write_text(before)
    mended = fix(str(tmp_path / name), RULES, Selection())
    assert mended.after.decode() == (before if after is None else after)
    if after is not None:
        mended.write()
        assert fix(str(tmp_path / name), RULES, Selection()).settled == 0


@pytest.mark.parametrize(("text", "expected"), list(defects()))
def test_whatever_is_found_can_be_excused_without_changing_the_code(
    tmp_path: Path, text: str, expected: list[tuple[str, int]]
) -> None:
    for name, data in (("a.py", text), ("a.ipynb", as_ipynb(text))):
        path = tmp_path / name
        path.write_text(data)
        mended = add_noqa(str(path), RULES, Selection())
        mended.write()
        assert mended.settled == len(expected)
        assert [one.message for one in check(str(path), RULES, Selection()).findings] == []
        # what stands there is needed: --fix would take nothing of it away
        assert fix(str(path), RULES, Selection()).after == mended.after


def as_ipynb(text: str) -> str:
    """Return a percent script as an .ipynb, with the lines of its cells as a list."""
    return dumps(replace(loads(text.encode(), "a.py"), format="ipynb", origin=None)).decode()


def test_a_file_that_someone_else_writes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(f"{TITLE}# %%\nx = 1  # noqa: NB121\n")
    mended = fix(str(path), RULES, Selection())
    path.write_text("# %%\nother = 1\n")
    with pytest.raises(Error, match="nothing was written"):
        mended.write()
    assert path.read_text() == "# %%\nother = 1\n"


def test_what_a_code_does_is_the_same_before_and_after_it_is_mended(folder: Folder) -> None:
    source = ["total = 1  # noqa: NB121\n", "text = '# noqa: NB121'\n", "print(total, text)  # noqa: NB111"]
    folder.write("a.ipynb", notebook(source))
    before = folder.octavo("run", "a.ipynb", "before.ipynb")
    assert folder.octavo("check", "--fix", "a.ipynb").returncode == 0
    assert "'# noqa: NB121'\\n" in folder.read("a.ipynb"), "that is a text, and no comment"
    after = folder.octavo("run", "a.ipynb", "after.ipynb")
    assert before.returncode == after.returncode == 0
    outputs = [
        json.loads(folder.read(f"{name}.ipynb"))["cells"][1]["outputs"] for name in ("before", "after")
    ]
    assert outputs[0] == outputs[1] != []


def test_a_diff_shows_what_fix_would_change_and_changes_nothing(folder: Folder) -> None:
    text = f"{TITLE}# %%\nx = 1  # noqa: NB121\n"
    folder.write("a.py", text)
    done = folder.octavo("check", "--diff")
    assert "-x = 1  # noqa: NB121\n+x = 1\n" in done.stdout and done.returncode == 1
    assert folder.read("a.py") == text
    fixed = folder.octavo("check", "--fix")
    assert (fixed.returncode, fixed.stderr) == (
        0,
        "1 finding mended in 1 notebook\nnothing found in 1 notebook\n",
    )
    assert folder.octavo("check", "--diff").returncode == 0


def test_findings_are_markdown_and_junit(project: Folder) -> None:
    page = project.octavo("check", "--output-format", "markdown").stdout
    assert "**octavo check**: 2 findings, 1 error in 2 notebooks." in page
    assert '| `a.py:4:7` | ❌ NB101 | "x" is read, and no cell defines it' in page
    suite = ElementTree.fromstring(project.octavo("check", "--output-format", "junit").stdout)[0]
    assert suite.attrib["tests"] == "2" and suite.attrib["failures"] == "1"
    assert [len(case) for case in suite] == [1, 0]


def test_the_column_counts_characters_and_no_secret_is_shown(folder: Folder) -> None:
    secret = f"ghp_{'a1' * 18}"
    folder.write("a.py", f"{TITLE}# %%\nif True:\n\tä = 'ö'; print(x)\ntoken = '{secret}'\n")
    done = folder.octavo("check")
    assert 'a.py:5:17: NB101 "x"' in done.stdout
    assert "  5 | ä = 'ö'; print(x)\n    |                ^\n" in done.stdout
    assert "NB141" in done.stdout and secret not in done.stdout


def test_annotations_hold_nothing_that_would_move_a_cursor() -> None:
    hostile = Finding("NB101", "undefined-name", "error", message="\x1b]0;x\x07 100%\n2", path="a.py")
    (line,) = show_findings.github([hostile])
    assert line.endswith("::␛]0;x␇ 100%25%0A2")
