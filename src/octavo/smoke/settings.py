"""The sample settings of a pipeline: env.sample.yaml, the parameter sample, or samples of its raw inputs."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import field

from ..dataclass import dataclass
from ..errors import Error
from ..model import Task
from ..project import Project
from ..spec import document
from . import SAMPLES, SETTINGS


@dataclass(frozen=True, slots=True)
class Sample:
    """How the sample is asked for: a file of settings, parameters, and samples by the files that they stand for."""

    environ: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    stands_for: Mapping[str, str] = field(default_factory=dict)


def settings(project: Project, paths: Collection[str]) -> Sample:
    """Return the sample settings of a project whose files are ``paths``; raise Error where there are none."""
    root = str(project.root)
    environ, params = dict[str, str](), dict[str, str]()
    if os.path.isfile(os.path.join(root, SETTINGS)):
        environ["PLOOMBER_ENV_FILENAME"] = SETTINGS
    elif _switch(project, root):
        params["sample"] = "true"
    samples = _samples(root, paths)
    if not (environ or params or samples):
        raise Error(
            "there are no sample settings",
            str(project.path),
            f"octavo sample takes a sample of the raw inputs; or write {SETTINGS}, or sample: false in env.yaml",
        )
    return Sample(environ, params, samples)


def shared(real: Mapping[str, Task], sample: Mapping[str, Task]) -> list[Error]:
    """Return why a sample would mix with real results: what tasks make or send to where the project is not."""
    found = list[Error]()
    for name, task in sample.items():
        before = real.get(name)
        if before is None:
            continue
        same = {product.path for product in before.products}
        for product in task.products:
            outside = os.path.isabs(product.path) or os.path.normpath(product.path).startswith("..")
            away = product.maker != "File" or outside or bool(task.run.file_client)
            if away and product.path in same:
                found.append(
                    Error(
                        f'task "{name}" would make "{product.relation or product.path}" with its sample settings, too',
                        task.where,
                        "let a value of env.sample.yaml be part of its name, or --shared if the place is another",
                    )
                )
    return found


def _switch(project: Project, root: str) -> bool:
    """Return whether the pipeline has a parameter ``sample`` that is off."""
    file = os.path.join(root, "env.yaml")
    if os.path.isfile(file):
        with open(file, encoding="utf-8") as text:  # noqa: PTH123
            values = document.parse(text.read(), "env.yaml").data
        if isinstance(values, dict) and "sample" in values:
            if not isinstance(values["sample"], bool):
                hint = f"write the settings of a smoke test into {SETTINGS}"
                raise Error(f"sample is {values['sample']!r}: is that a sample?", "env.yaml", hint)
            return True
    return any("sample" in task.params for task in project.graph)


def _samples(root: str, paths: Collection[str]) -> dict[str, str]:
    """Return which file stands for which: data/sample/raw/x.csv for data/raw/x.csv, data/sample/y.csv for y.csv."""
    found: dict[str, str] = {}
    top = os.path.join(root, SAMPLES)
    for folder, _, names in os.walk(top):
        for name in names:
            full = os.path.join(folder, name)
            own = os.path.relpath(full, top)
            for meant in (os.path.join(os.path.dirname(SAMPLES), own), own):
                if meant in paths or os.path.isfile(os.path.join(root, meant)):
                    if os.path.getsize(full) == 0 and os.path.getsize(os.path.join(root, meant)):
                        hint = "octavo sample --force takes another"
                        raise Error("the sample is empty", os.path.join(SAMPLES, own), hint)
                    found[meant] = os.path.join(SAMPLES, own)
                    break
    return found
