"""The CI systems there are, by the names that a person types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from . import CiPlan, FileBlock, azure, circleci, github, gitlab, jenkins, travis


class System(Protocol):
    """A CI system: where its file is, how a comment begins in it, and what is in it."""

    PATH: str
    SIGN: str

    def blocks(self, wish: CiPlan, /) -> Iterator[FileBlock]: ...


SYSTEMS: Mapping[str, System] = {
    "github": github,
    "gitlab": gitlab,
    "jenkins": jenkins,
    "azure": azure,
    "circleci": circleci,
    "travis": travis,
}
