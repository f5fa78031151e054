"""GitLab CI: three jobs; the review is an artefact of the merge request, and a note where a token is given."""

from __future__ import annotations

from collections.abc import Iterator

from . import CACHED, PAGES, CiPlan, FileBlock, listed, quoted

PATH, SIGN = ".gitlab-ci.yml", "#"
_NOTES = '"$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"'
_NOTE = (
    'if [ -n "$OCTAVO_TOKEN" ]; then curl --fail --silent --show-error --header "PRIVATE-TOKEN: $OCTAVO_TOKEN"'
    f" --data-urlencode body@review.md {_NOTES}; fi"
)


def blocks(wish: CiPlan) -> Iterator[FileBlock]:
    """Yield the parts of the file."""
    cache = ["  cache:", "    key: octavo", "    paths:", *listed(CACHED, 6)]
    kept = [
        "  artifacts:",
        "    when: always",
        "    paths:",
        *listed((*PAGES, "output/", ".octavo-test/output/"), 6),
    ]
    yield FileBlock("defaults", ("variables:", "  PIP_DISABLE_PIP_VERSION_CHECK: '1'", "  GIT_DEPTH: '0'"))
    versions = ", ".join(f"'{version}'" for version in wish.pythons)
    test = ["test:", "  image: python:$PYTHON", "  parallel:", "    matrix:", f"      - PYTHON: [{versions}]"]
    reports = ["    reports:", "      junit: smoke.xml"]
    yield FileBlock("test", (*test, *cache, "  script:", *listed(wish.test, 4), *kept, *reports))
    newest = f"  image: python:{wish.pythons[-1]}"
    rules = ["  rules:", '    - if: $CI_PIPELINE_SOURCE == "merge_request_event"']
    script = [*wish.review('"$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"'), _NOTE]
    exposed = ["    expose_as: review"]
    pages = [
        "  artifacts:",
        "    when: always",
        *exposed,
        "    paths:",
        *listed(("review.html", "review.md"), 6),
    ]
    yield FileBlock("review", ("review:", newest, *rules, *cache, "  script:", *listed(script, 4), *pages))
    when = '$CI_PIPELINE_SOURCE == "schedule"' if wish.nightly else f'$CI_COMMIT_BRANCH == "{wish.branch}"'
    rules = ["  rules:", f"    - if: {quoted(when)}"]
    *build, report = wish.build
    after = ["  after_script:", *listed((report,), 4)]
    reports = ["    reports:", "      junit: build.xml"]
    yield FileBlock(
        "build", ("build:", newest, *rules, *cache, "  script:", *listed(build, 4), *after, *kept, *reports)
    )
