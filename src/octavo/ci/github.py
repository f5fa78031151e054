"""GitHub Actions: a workflow with three jobs; the review is a page, and a comment where it may be one."""

from __future__ import annotations

from collections.abc import Iterator

from . import CACHED, PAGES, CiPlan, FileBlock, indented, quoted

PATH, SIGN = ".github/workflows/octavo.yml", "#"
_OWN = "github.event.pull_request.head.repo.full_name == github.repository"


def blocks(wish: CiPlan) -> Iterator[FileBlock]:
    """Yield the parts of the file."""
    on = ["on:", "  push:", "  pull_request:"]
    on += ["  schedule:", f"    - cron: {quoted(wish.nightly)}"] if wish.nightly else []
    yield FileBlock("triggers", ("name: octavo", *on, "permissions:", "  contents: read", "jobs:"))
    pythons = ", ".join(f'"{version}"' for version in wish.pythons)
    matrix = ["strategy:", "  matrix:", f"    python: [{pythons}]"]
    test = [*_python("${{ matrix.python }}"), *_cache("${{ matrix.python }}"), *_runs(wish.test)]
    # a branch of this repository was tested when it was pushed
    mine = f"if: github.event_name == 'push' || (github.event_name == 'pull_request' && !({_OWN}))"
    yield _job(
        "test", [mine, *matrix, "steps:", *indented([*test, *_kept("sample-${{ matrix.python }}")], 2)]
    )
    comment = [
        f"- if: {_OWN}",
        '  run: gh pr comment "$NUMBER" --body-file review.md --edit-last --create-if-none',
        "  env:",
        "    GH_TOKEN: ${{ github.token }}",
        "    NUMBER: ${{ github.event.pull_request.number }}",
    ]
    review = [*_python(wish.pythons[-1], whole=True), *_cache(wish.pythons[-1])]
    review += [*_runs(wish.review('"$GITHUB_BASE_REF"')), '- run: cat review.md >> "$GITHUB_STEP_SUMMARY"']
    head = [
        "if: github.event_name == 'pull_request'",
        "permissions:",
        "  contents: read",
        "  pull-requests: write",
    ]
    # a request from a fork has no right to write: it has the page and the summary
    yield _job("review", [*head, "steps:", *indented([*review, *_kept("review"), *comment], 2)])
    push = f"github.event_name == 'push' && github.ref == 'refs/heads/{wish.branch}'"
    when = "github.event_name == 'schedule'" if wish.nightly else push
    build = [*_python(wish.pythons[-1]), *_cache("build"), *_runs(wish.build)]
    yield _job("build", [f"if: {when}", "steps:", *indented([*build, *_kept("results")], 2)])


def _job(name: str, lines: list[str]) -> FileBlock:
    return FileBlock(name, (*indented([f"{name}:", *indented(["runs-on: ubuntu-latest", *lines], 2)], 2),))


def _python(version: str, whole: bool = False) -> list[str]:
    checkout = ["- uses: actions/checkout@v4", *(["  with:", "    fetch-depth: 0"] if whole else [])]
    return [*checkout, "- uses: actions/setup-python@v5", "  with:", f'    python-version: "{version}"']


def _cache(name: str) -> list[str]:
    key = f"octavo-{name}-"
    head = ["- uses: actions/cache@v4", "  with:", "    path: |"]
    return [
        *head,
        *(f"      {path}" for path in CACHED),
        f"    key: {key}${{{{ github.sha }}}}",
        f"    restore-keys: {key}",
    ]


def _runs(commands: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for command in commands:
        # the page about a build is wanted after a failure above all
        always = ["- if: always()", f"  run: {quoted(command)}"]
        lines += always if command.startswith("octavo report") else [f"- run: {quoted(command)}"]
    return lines


def _kept(name: str) -> list[str]:
    head = ["- uses: actions/upload-artifact@v4", "  if: always()", "  with:", f"    name: {name}"]
    tail = ["    include-hidden-files: true", "    if-no-files-found: ignore", "    path: |"]
    return [*head, *tail, *(f"      {path}" for path in (*PAGES, "output", ".octavo-test/output"))]
