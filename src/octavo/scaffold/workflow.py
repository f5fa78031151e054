"""The file of the CI system of a new project."""

from __future__ import annotations

from collections.abc import Mapping

_GITHUB = """\
name: CI

on:
  push:
  pull_request:

jobs:
  test:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python: ["3.11", "3.13"]
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python }}
      - run: pip install --upgrade pip
      - run: pip install --editable . --group dev
      - uses: actions/cache@v4
        with:
          path: .octavo-test
          key: octavo-${{ matrix.python }}-${{ github.sha }}
          restore-keys: octavo-${{ matrix.python }}-
      - run: octavo test --junit smoke.xml
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          include-hidden-files: true
          name: sample-${{ matrix.python }}
          path: |
            .octavo-test/output
            smoke.xml
"""

#: The systems there are, and the files of each.
SYSTEMS: Mapping[str, Mapping[str, str]] = {
    "github": {".github/workflows/ci.yml": _GITHUB},
    "none": {},
}
