"""What a build prints where people read it in the log of a CI system, and the files that such systems take."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from projects import Folder

CI = {"CI": "true", "GITHUB_ACTIONS": "true"}


@pytest.fixture
def mixed(folder: Folder) -> Folder:
    """A project with one task that goes well, one that fails, and one that waits for the latter."""
    folder.write(
        "pipeline.yaml",
        """
        - {source: good.py, product: out/good.ipynb}
        - {source: bad.py, product: out/bad.ipynb}
        - {source: late.py, product: out/late.ipynb, upstream: bad}
        """,
    )
    parameters = '# %% tags=["parameters"]\nupstream = None\nproduct = None\n\n'
    folder.write(
        "good.py", parameters + '# %%\nprint("one\\ntwo")\nprint("::set-output name=x::y")\n\n# %%\n40 + 2\n'
    )
    folder.write("bad.py", parameters + '# %%\nprint("before")\n\n# %%\nx = {}\nx["a: b, c"]\n')
    folder.write("late.py", parameters)
    return folder


def test_verbose_prints_what_tasks_print_with_their_names(mixed: Folder) -> None:
    for option in ("-v", "--verbose", "--log-output"):
        said = mixed.octavo("build", "--force", option, "good").stdout.splitlines()
        assert [line for line in said if line.startswith("good |")] == [
            "good | one",
            "good | two",
            "good | ::set-output name=x::y",
            "good | 42",
        ]
        assert said[0].startswith("start    good")


def test_on_github_output_is_folded_and_a_failure_stands_at_its_line(mixed: Folder) -> None:
    page = mixed.path / "summary.md"
    page.write_text("# Earlier step\n")
    said = mixed.octavo("build", "-j", "1", env={**CI, "GITHUB_STEP_SUMMARY": str(page)})
    lines = said.stdout.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("::group::done     good"))
    assert lines[start + 1 : start + 5] == ["one", "two", " ::set-output name=x::y", "::endgroup::"]
    assert "::error file=bad.py,line=10,title=bad::cell 4: KeyError: 'a: b, c'" in lines
    text = page.read_text()
    assert text.startswith("# Earlier step\n### octavo build: 1 done, 1 failed, 1 blocked in ")
    assert "| good | done | " in text
    assert 'x["a: b, c"]' in text


def test_a_plain_ci_system_gets_plain_lines(mixed: Folder) -> None:
    said = mixed.octavo("build", env={"CI": "true", "GITHUB_ACTIONS": "", "GITLAB_CI": ""}).stdout
    assert "::" not in said.replace("::set-output", "")
    assert "done     good" in said


def test_on_gitlab_output_is_a_section(mixed: Folder) -> None:
    said = mixed.octavo("build", "good", env={"CI": "true", "GITLAB_CI": "true", "GITHUB_ACTIONS": ""}).stdout
    # the file is read with universal newlines: GitLab's carriage returns end lines here
    assert ":good[collapsed=true]\n\x1b[0Kdone     good" in said
    assert "section_end:" in said


def test_junit_has_a_case_for_each_task(mixed: Folder) -> None:
    assert mixed.octavo("build", "--junit", "reports/octavo.xml").returncode == 1
    suite = ElementTree.fromstring(mixed.read("reports/octavo.xml"))[0]
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1", "skipped": "0"}
    good, bad, late = sorted(suite, key=lambda case: ["good", "bad", "late"].index(str(case.get("name"))))
    assert not list(good)
    failure = bad.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("KeyError", "KeyError: 'a: b, c'")
    assert (bad.get("file"), bad.get("line")) == ("bad.py", "10")
    assert 'x["a: b, c"]' in (failure.text or "")
    assert "before" in (bad.findtext("system-out") or "")
    error = late.find("error")
    assert error is not None
    assert "bad" in str(error.get("message"))
    mixed.octavo("build", "good", "--junit", "reports/octavo.xml")
    (again,) = ElementTree.fromstring(mixed.read("reports/octavo.xml"))[0]
    assert again.find("skipped") is not None


def test_junit_holds_whatever_a_task_says(folder: Folder) -> None:
    folder.write("pipeline.yaml", "- {source: odd.py, product: odd.ipynb}\n")
    folder.write(
        "odd.py", '# %%\nprint("\\x00\\x1b[31m<&\\ud800".encode("utf-8", "replace").decode())\n1 / 0\n'
    )
    folder.octavo("build", "--junit", "octavo.xml")
    (case,) = ElementTree.fromstring(folder.read("octavo.xml"))[0]
    assert "<&" in (case.findtext("system-out") or "")


def test_a_junit_file_that_cannot_be_written_is_told_before_anything_runs(mixed: Folder) -> None:
    (mixed.path / "reports").write_text("")
    said = mixed.octavo("build", "--junit", "reports/octavo.xml")
    assert said.returncode == 2
    assert "reports/octavo.xml: it cannot be written" in said.stderr
    assert not (mixed.path / "out").exists()
