"""Travis CI: three jobs; it keeps no artefacts, so pages are printed or sent elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from . import CACHED, CiPlan, FileBlock, listed, quoted

PATH, SIGN = ".travis.yml", "#"


def blocks(wish: CiPlan) -> Iterator[FileBlock]:
    """Yield the parts of the file."""
    cache = ["cache:", "  directories:", *listed(CACHED, 4)]
    yield FileBlock(
        "defaults",
        ("language: python", "git:", "  depth: false", *cache, "install: skip", "jobs:", "  include:"),
    )
    lines: list[str] = []
    for version in wish.pythons:
        lines += ["    - stage: test", f"      python: '{version}'", "      script:", *listed(wish.test, 8)]
    yield FileBlock("test", tuple(lines))
    newest = [f"      python: '{wish.pythons[-1]}'", "      script:"]
    review = [*wish.review('"$TRAVIS_BRANCH"'), "cat review.md"]
    head = ["    - stage: review", "      if: type = pull_request"]
    yield FileBlock("review", (*head, *newest, *listed(review, 8)))
    when = "type = cron" if wish.nightly else f"type = push AND branch = {wish.branch}"
    *build, report = wish.build
    after = ["      after_script:", *listed((report,), 8)]
    yield FileBlock(
        "build", ("    - stage: build", f"      if: {quoted(when)}", *newest, *listed(build, 8), *after)
    )
