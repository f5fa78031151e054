"""Lineage as run events of OpenLineage, which Marquez, DataHub and others take: https://openlineage.io/docs/spec"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping

from ..dataclass import dataclass
from ..model import Json
from . import FileUse, Job

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets"
#: How a run that is over is called there.
_TYPES = {"done": "COMPLETE", "restored": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT"}


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How and when a run of a job ended, in seconds since 1970."""

    run: str
    at: float
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Issuer:
    """Where jobs and data sets are called from: a name for the project, its folder, and who says all this."""

    namespace: str
    root: str
    producer: str


def events(runs: Iterable[tuple[Job, RunEnd]], place: Issuer) -> Iterator[Json]:
    """Yield two events for each run, of its start and of its end; what failed has no outputs."""
    for job, ended in runs:
        kind = _TYPES.get(ended.outcome)
        if kind is None:
            continue
        good = kind == "COMPLETE"
        # what a run that failed saw of its inputs is known of no one
        inputs = [_dataset(path, use if good else FileUse(), place) for path, use in job.reads.items()]
        outputs = [_dataset(path, use, place) for path, use in job.writes.items()] if good else []
        yield _event("START", job, ended, ended.at - ended.seconds, (inputs, outputs), place)
        yield _event(kind, job, ended, ended.at, (inputs, outputs), place)


def _event(
    kind: str,
    job: Job,
    ended: RunEnd,
    at: float,
    used: tuple[list[Json], list[Json]],
    place: Issuer,
) -> Json:
    # the same run has the same id whenever it is told: consumers take it for one
    identity = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join([place.root, job.name, ended.run]))
    facets: dict[str, Json] = {
        "jobType": {
            **_facet(place, "2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"),
            "processingType": "BATCH",
            "integration": "OCTAVO",
            "jobType": "TASK",
        }
    }
    # a facet of ours may say what no standard one does: https://openlineage.io/docs/spec/facets/custom-facets
    own = {
        "source": job.source,
        "kind": job.kind,
        "run": ended.run,
        "code": job.code,
        "parameters": dict(job.params),
        "modules": dict(job.modules),
    }
    return {
        "eventType": kind,
        "eventTime": datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds"),
        "run": {"runId": str(identity), "facets": {"octavo_run": {**_own(place), **own}}},
        "job": {"namespace": place.namespace, "name": job.name, "facets": facets},
        "inputs": used[0],
        "outputs": used[1],
        "producer": place.producer,
        "schemaURL": SCHEMA,
    }


def _dataset(path: str, use: FileUse, place: Issuer) -> Json:
    """Return a file as a data set: named by where it is in the project, so that machines agree."""
    facets: dict[str, Json] = {}
    if use.digest:
        facets["version"] = {
            **_facet(place, "1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"),
            "datasetVersion": use.digest,
        }
    if use.cells:
        facets["octavo_cells"] = {**_own(place), "cells": list(use.cells)}
    return {"namespace": "file" if path.startswith("/") else place.namespace, "name": path, "facets": facets}


def _facet(place: Issuer, schema: str) -> Json:
    return {"_producer": place.producer, "_schemaURL": f"{_FACETS}/{schema}"}


def _own(place: Issuer) -> Mapping[str, str]:
    return {
        "_producer": place.producer,
        "_schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/BaseFacet",
    }


def alone(job: Job) -> RunEnd:
    """Return the end of a notebook that ran without a pipeline, which has kept when it began."""
    began = datetime.datetime.fromisoformat(job.run).timestamp()
    return RunEnd(job.run, began + job.seconds, "done", job.seconds)


def by_name(job: Job) -> RunEnd:
    """Return the end of a run whose history is gone: its name tells when it began, in local time."""
    try:
        at = datetime.datetime.strptime(job.run[:15], "%Y%m%d-%H%M%S").timestamp()
    except ValueError:
        at = 0.0
    return RunEnd(job.run, at + job.seconds, "done", job.seconds)
