"""CircleCI: a configuration with three jobs, with their pages as artefacts."""

from __future__ import annotations

from collections.abc import Iterator

from . import CACHED, PAGES, CiPlan, FileBlock, indented, listed, quoted

PATH, SIGN = ".circleci/config.yml", "#"


def blocks(wish: CiPlan) -> Iterator[FileBlock]:
    """Yield the parts of the file."""
    yield FileBlock("version", ("version: 2.1", "jobs:"))
    parameter = ["  parameters:", "    python:", "      type: string"]
    yield _job("test", parameter, "<< parameters.python >>", wish.test)
    # CircleCI does not tell the branch that a request is for
    yield _job("review", [], wish.pythons[-1], wish.review(wish.branch))
    yield _job("build", [], wish.pythons[-1], wish.build)
    versions = ", ".join(f'"{version}"' for version in wish.pythons)
    tests = ["- test:", "    matrix:", "      parameters:", f"        python: [{versions}]"]
    main = ["    filters:", "      branches:", f"        only: {quoted(wish.branch)}"]
    others = ["    filters:", "      branches:", f"        ignore: {quoted(wish.branch)}"]
    nightly = ["triggers:", "- schedule:", f"    cron: {quoted(wish.nightly)}", *main]
    flows = ["workflows:", "  push:", "    jobs:", *indented([*tests, "- review:", *others], 6)]
    if wish.nightly:
        flows += ["  nightly:", *indented(nightly, 4), "    jobs:", "      - build"]
    else:
        flows += indented(["- build:", *main], 6)
    yield FileBlock("workflows", tuple(flows))


def _job(name: str, head: list[str], python: str, commands: tuple[str, ...]) -> FileBlock:
    key = f"octavo-{name}-{python}-"
    lines = [f"{name}:", *head, "  docker:", f"    - image: cimg/python:{python}", "  steps:"]
    steps = ["- checkout", "- restore_cache:", "    keys:", *listed((f"{key}{{{{ .Revision }}}}", key), 6)]
    for command in commands:
        if command.startswith("octavo report"):
            steps += ["- run:", f"    command: {quoted(command)}", "    when: always"]
        else:
            steps += [f"- run: {quoted(command)}"]
    steps += [
        "- save_cache:",
        f"    key: {quoted(f'{key}{{{{ .Revision }}}}')}",
        "    paths:",
        *listed(CACHED, 6),
    ]
    found = f"mkdir -p pages && cp -r {' '.join(PAGES)} output .octavo-test/output pages 2>/dev/null || true"
    steps += [
        "- run:",
        f"    command: {quoted(found)}",
        "    when: always",
        "- store_artifacts:",
        "    path: pages",
    ]
    return FileBlock(name, indented([*lines, *indented(steps, 4)], 2))
