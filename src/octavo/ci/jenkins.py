"""Jenkins: a declarative pipeline, which runs in the workspace of an agent with Python."""

from __future__ import annotations

from collections.abc import Iterator

from . import PAGES, CiPlan, FileBlock, indented

PATH, SIGN = "Jenkinsfile", "//"


def blocks(wish: CiPlan) -> Iterator[FileBlock]:
    """Yield the parts of the file."""
    head = ["pipeline {", "  agent any"]
    head += ["  triggers {", f"    cron({_groovy(wish.nightly)})", "  }"] if wish.nightly else []
    yield FileBlock("pipeline", (*head, "  stages {"))
    versions = ", ".join(_groovy(version) for version in wish.pythons)
    matrix = [
        "matrix {",
        "  axes {",
        "    axis {",
        "      name 'PYTHON'",
        f"      values {versions}",
        "    }",
        "  }",
    ]
    stage = _stage("sample", wish.test, "${PYTHON}")
    lines = ["stage('test') {", *indented([*matrix, "  stages {", *indented(stage, 4), "  }", "}"], 2), "}"]
    yield FileBlock("test", indented(lines, 4))
    only = ["when { changeRequest() }"]
    yield FileBlock(
        "review", indented(_stage("review", wish.review('"$CHANGE_TARGET"'), wish.pythons[-1], only), 4)
    )
    when = "triggeredBy 'TimerTrigger'" if wish.nightly else f"branch {_groovy(wish.branch)}"
    yield FileBlock(
        "build", indented(_stage("build", wish.build, wish.pythons[-1], [f"when {{ {when} }}"]), 4)
    )
    files = ", ".join((*PAGES, "output/**", ".octavo-test/output/**"))
    keep = [f"archiveArtifacts artifacts: {_groovy(files)}, allowEmptyArchive: true"]
    keep += ["junit testResults: 'smoke.xml, build.xml', allowEmptyResults: true"]
    post = ["  post {", "    always {", *indented(keep, 6), "    }", "  }"]
    yield FileBlock("results", ("  }", *post, "}"))


def _stage(name: str, commands: tuple[str, ...], python: str, when: list[str] | None = None) -> list[str]:
    """Return a stage: each command in the environment of its Python, which is made first."""
    place = f".venv-{python}"
    make = f"python{python} -m venv {place}"
    steps = [f"sh {_groovy(make, python)}"]
    steps += [f"sh {_groovy(f'. {place}/bin/activate && {command}', python)}" for command in commands]
    return [f"stage('{name}') {{", *indented([*(when or []), "steps {", *indented(steps, 2), "}"], 2), "}"]


def _groovy(text: str, axis: str = "") -> str:
    """Return a text as a string of Groovy; one with a variable of Jenkins' in double quotes, where $ is escaped."""
    if not axis.startswith("$"):
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + text.replace("\\${PYTHON}", "${PYTHON}") + '"'
