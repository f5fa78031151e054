"""Hand what tasks reported to an MLflow server, and take the runs of one in: https://mlflow.org/docs/latest/rest-api.html."""

from __future__ import annotations

import math
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from ..errors import Error
from ..lazy import lazy_imports
from .kept import RunMetrics

with lazy_imports():
    from mlflow import entities, tracking

T = TypeVar("T")

#: The files of a task in a run: where they are, and what they are called there.
Files = Callable[[RunMetrics], Iterable[tuple[str, str]]]

#: The tags by which a run here is known there.
_RUN, _TASK, _CODE = "octavo.run", "octavo.task", "octavo.code"
#: What MLflow takes: so many characters of a parameter, and so many rows in a request.
_LONGEST, _BATCH = 6000, 100
_NO_NAME = re.compile(r"[^\w.\- :/]")
_PAGE = 1000
_PATIENCE = 10


class _TheirInfo(Protocol):
    run_id: str
    run_name: str | None
    status: str
    start_time: int | None
    end_time: int | None


class _TheirData(Protocol):
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]


class _TheirRun(Protocol):
    """A run as MLflow's client has it; times are in milliseconds."""

    info: _TheirInfo
    data: _TheirData


class Tracker:
    """An experiment of an MLflow server."""

    def __init__(self, server: str, experiment: str) -> None:
        _reached(server)
        self._client = tracking.MlflowClient(tracking_uri=server)
        self._server, self._name = server, experiment

    def push(self, rows: Sequence[RunMetrics], files: Files) -> Iterator[tuple[RunMetrics, str | None]]:
        """Log what tasks reported in runs, with their files; yield the id of each, None where it is there."""
        with _told(self._server):
            found = self._client.get_experiment_by_name(self._name)
            experiment = found.experiment_id if found else self._client.create_experiment(self._name)
            runs = dict.fromkeys(row.run for row in rows)
            known = {one for run in runs for one in self._known(experiment, run)}
            for row in rows:
                there = (row.run, row.task) in known
                yield row, None if there else self._made(experiment, row, files)
                known.add((row.run, row.task))

    def _made(self, experiment: str, row: RunMetrics, files: Files) -> str:
        begun = round(row.at * 1000)
        created = self._client.create_run(experiment, start_time=begun, run_name=f"{row.task} {row.run}")
        where: str = created.info.run_id
        try:
            self._log(where, row, begun + round(row.seconds * 1000), files)
        except BaseException:
            self._client.delete_run(where)
            raise
        return where

    def _log(self, where: str, row: RunMetrics, ended: int, files: Files) -> None:
        params = [entities.Param(_name(name), str(value)[:_LONGEST]) for name, value in row.params.items()]
        for part in _parts(params):
            self._client.log_batch(where, params=part)
        metrics = [entities.Metric(_name(name), value, ended, 0) for name, value in row.metrics.items()]
        for part in _parts(metrics):
            self._client.log_batch(where, metrics=part)
        for path, name in files(row):
            self._client.log_artifact(where, path, os.path.dirname(name) or None)
        for name, value in ((_RUN, row.run), (_TASK, row.task), (_CODE, row.code)):
            self._client.set_tag(where, name, value)
        self._client.set_terminated(where, "FINISHED" if row.outcome == "done" else "FAILED", ended)

    def _known(self, experiment: str, run: str) -> Iterator[tuple[str, str]]:
        for one in self._runs(experiment, f"tags.`{_RUN}` = '{run}'"):
            yield one.data.tags[_RUN], one.data.tags.get(_TASK, "")

    def _runs(self, experiment: str, which: str) -> Iterator[_TheirRun]:
        token = None
        while True:
            page = self._client.search_runs([experiment], which, max_results=_PAGE, page_token=token)
            yield from page
            if not (token := page.token):
                return

    def pull(self) -> list[RunMetrics]:
        """Return the runs that have ended, but for those that were handed over from here."""
        with _told(self._server):
            found = self._client.get_experiment_by_name(self._name)
            if found is None:
                names = sorted(one.name for one in self._client.search_experiments())
                raise Error(f'there is no experiment "{self._name}"', self._server, _listed(names))
            return [
                _taken(one, self._name)
                for one in self._runs(found.experiment_id, "")
                if _RUN not in one.data.tags and one.info.status in ("FINISHED", "FAILED", "KILLED")
            ]


def _taken(run: _TheirRun, experiment: str) -> RunMetrics:
    at = (run.info.start_time or 0) / 1000
    ended = (run.info.end_time or run.info.start_time or 0) / 1000
    return RunMetrics(
        f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(at))}-{run.info.run_id[:6]}",
        run.info.run_name or experiment,
        at,
        "done" if run.info.status == "FINISHED" else "failed",
        max(ended - at, 0.0),
        {name: value for name, value in run.data.metrics.items() if math.isfinite(value)},
        {name: _value(text) for name, text in run.data.params.items()},
        run.data.tags.get("mlflow.source.git.commit", ""),
    )


def _value(text: str) -> object:
    """Return a parameter, which MLflow keeps as text, as the number that it was."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    yield from (rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH))


def _name(name: str) -> str:
    return _NO_NAME.sub("_", name)[:250]


def _listed(names: Sequence[str]) -> str:
    return f"there are: {', '.join(names[:10])}" if names else "it has none"


def _reached(server: str) -> None:
    """Raise an error at once for a server that is not there: MLflow's client would try for minutes."""
    if not server.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(server, timeout=_PATIENCE).close()
    except urllib.error.HTTPError:
        return  # it is there, and wants to know who asks
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Error(f"the MLflow server cannot be reached: {reason}", server) from None


class _told:
    """Turns what MLflow's client raises into an error of ours."""

    def __init__(self, server: str) -> None:
        self._server = server

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is not None and kind.__module__.partition(".")[0] in ("mlflow", "requests"):
            what = (str(error).strip().splitlines() or [kind.__name__])[0]
            raise Error(f"MLflow says: {what}", self._server) from None
