"""Azure Pipelines: three jobs, with their pages as artefacts."""

from __future__ import annotations

from collections.abc import Iterator

from . import CACHED, CiPlan, FileBlock, indented, quoted

PATH, SIGN = "azure-pipelines.yml", "#"


def blocks(wish: CiPlan) -> Iterator[FileBlock]:
    """Yield the parts of the file."""
    lines = ["trigger:", "  branches:", "    include: ['*']", "pr:", "  branches:", "    include: ['*']"]
    if wish.nightly:
        lines += ["schedules:", f"  - cron: {quoted(wish.nightly)}", "    displayName: nightly"]
        lines += ["    branches:", f"      include: [{quoted(wish.branch)}]", "    always: 'true'"]
    yield FileBlock("triggers", (*lines, "pool:", "  vmImage: ubuntu-latest", "jobs:"))
    matrix = ["  strategy:", "    matrix:"]
    for version in wish.pythons:
        matrix += [f"      python{version.replace('.', '')}:", f"        python: '{version}'"]
    yield _job(
        "test", matrix, "$(python)", wish.test, "smoke.xml", "sample-$(python)", '".octavo-test/output"'
    )
    review = wish.review('"$SYSTEM_PULLREQUEST_TARGETBRANCHNAME"')
    only = ["  condition: eq(variables['Build.Reason'], 'PullRequest')"]
    yield _job("review", only, wish.pythons[-1], review, "", "review", "review.html review.md")
    reason = "eq(variables['Build.Reason'], 'Schedule')"
    push = f"eq(variables['Build.SourceBranch'], 'refs/heads/{wish.branch}')"
    only = [f"  condition: {reason if wish.nightly else push}"]
    yield _job("build", only, wish.pythons[-1], wish.build, "build.xml", "results", "report.html output")


def _job(
    name: str, head: list[str], python: str, commands: tuple[str, ...], junit: str, artefact: str, files: str
) -> FileBlock:
    lines = [f"- job: {name}", *head, "  steps:", "  - checkout: self", "    fetchDepth: '0'"]
    lines += ["  - task: UsePythonVersion@0", "    inputs:", f"      versionSpec: '{python}'"]
    for number, path in enumerate(CACHED):
        key = f'\'octavo{number} | "{name}" | "$(Build.SourceVersion)"\''
        lines += ["  - task: Cache@2", "    inputs:", f"      key: {key}"]
        lines += [f"      restoreKeys: 'octavo{number} | \"{name}\"'", f"      path: {path}"]
    for command in commands:
        lines += [f"  - script: {quoted(command)}"]
        lines += ["    condition: always()"] if command.startswith("octavo report") else []
    if junit:
        lines += ["  - task: PublishTestResults@2", "    condition: always()", "    inputs:"]
        lines += ["      testResultsFormat: JUnit", f"      testResultsFiles: {junit}"]
    copy = f'mkdir -p "$(Build.ArtifactStagingDirectory)" && cp -r {files} "$(Build.ArtifactStagingDirectory)" || true'
    lines += [f"  - bash: {quoted(copy)}", "    condition: always()"]
    lines += [
        "  - publish: $(Build.ArtifactStagingDirectory)",
        f"    artifact: {artefact}",
        "    condition: always()",
    ]
    return FileBlock(name, indented(lines, 2))
