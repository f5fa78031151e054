"""DAG and DAGConfigurator: pipelines made in Python."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from . import building
from .pipeline import Configuration, Pipeline
from .report import BuildReport, Table
from .to_spec import SpecWriter

__all__ = ["DAG", "DAGConfigurator"]


class DAG(Pipeline):
    """Tasks and what they wait for; as a mapping, the tasks by name in the order in which they run.

    The project is the folder in which it is made: there is the state of what has been built.
    """

    def render(self, force: bool = False, show_progress: bool = True, remote: bool = False) -> DAG:
        """Look at what is up to date: sources, products and the status of each task are then known."""
        building.render(self, force)
        return self

    def build(
        self,
        force: bool = False,
        show_progress: bool = True,
        debug: Any = None,
        close_clients: bool = True,
    ) -> BuildReport:
        """Run what is not up to date and return the report; raise ``DAGBuildError`` when a task failed."""
        return building.build(self, (), force, show_progress, close_clients)

    def build_partially(
        self,
        target: str,
        force: bool = False,
        show_progress: bool = True,
        debug: Any = None,
        skip_upstream: bool = False,
        _only: bool = False,
    ) -> BuildReport:
        """Run a task, or those that a pattern means, after what they need, and return the report.

        ``skip_upstream``: nothing before them. ``force`` runs all of these, up to date or not.
        """
        wanted = target if skip_upstream else f"+{target}"
        forced = (target,) if _only and force else ()
        return building.build(self, (wanted,), force and not _only, show_progress, True, forced)

    def status(self, **kwargs: Any) -> Table:
        """Return a table: each task, when it ran, why it is outdated if it is, and where its code is."""
        return building.status(self)

    def plot(
        self,
        output: str = "embed",
        include_products: bool = False,
        backend: str | None = None,
        image_only: bool = False,
    ) -> Any:
        """Draw it: a picture for notebooks, or a file (.svg, .html, .dot, .mmd) whose path is returned."""
        return building.plot(self, output)

    def to_markup(
        self, path: str | None = None, fmt: str = "html", sections: Any = None, backend: str | None = None
    ) -> Any:
        """Return a page with the drawing, or write it to ``path``."""
        return building.plot(self, path or "embed")

    def to_spec(self, root: str | None = None, *, alive: bool = False) -> dict[str, Any]:
        """Return it as pipeline.yaml would say it, paths relative to ``root``.

        Raises ``TaskInitializationError`` for what no other process can import, unless it is ``alive``: to be built by
        this very process.
        """
        return SpecWriter(self, root or self.root, alive).spec()

    def __repr__(self) -> str:
        return f'DAG("{self.name}")'


class DAGConfigurator:
    """Makes DAGs with the same settings: those of ``params``."""

    def __init__(self, d: Mapping[str, Any] | None = None) -> None:
        self.params = Configuration(d)

    def create(self, *args: Any, **kwargs: Any) -> DAG:
        """Return a DAG with these settings."""
        dag = DAG(*args, **kwargs)
        dag._params = copy.copy(self.params)
        return dag
