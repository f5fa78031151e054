"""The files of a published version: notebook, page, packages, digests, provenance (RO-Crate with terms of PROV-O)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..dataclass import dataclass
from ..executed.editions import Edition
from ..lazy import lazy_imports
from ..metadata.identity import BLOCK, OURS
from ..metadata.requirements import lines
from ..notebook.cells import dump_ipynb
from ..notebook.inject import INJECTED, tags
from . import CRATE, MANIFEST, NOTEBOOK, PAGE, REQUIREMENTS, Version, digest, manifest

with lazy_imports():
    from ..executed import export

if TYPE_CHECKING:
    from ..metadata import About
    from ..model import Json

#: The media types of the files.
_MEDIA = {
    NOTEBOOK: "application/x-ipynb+json",
    PAGE: "text/html",
    REQUIREMENTS: "text/plain",
    MANIFEST: "text/plain",
}


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What a version was made from: digests of inputs by path, versions of parents by id; and what was checked."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    checked: Sequence[str] = ()


def files(notebook: Json, about: About, version: Version, made: MadeFrom) -> dict[str, bytes]:
    """Return the files of a version by their names, the manifest last."""
    data = _marked(notebook, about, version, made)
    written = b"".join(dump_ipynb(data))
    found = {
        NOTEBOOK: written,
        PAGE: _page(data, version),
        REQUIREMENTS: "".join(f"{line}\n" for line in lines([about])).encode(),
    }
    found[CRATE] = (
        json.dumps(_crate(found, about, version, made), indent=1, ensure_ascii=False).encode() + b"\n"
    )
    return {**found, MANIFEST: manifest(found)}


def _marked(notebook: Json, about: About, version: Version, made: MadeFrom) -> Json:
    """Return the executed notebook with what was published, and a digest for each cell."""
    metadata = notebook["metadata"]
    block = {
        **(metadata.get(BLOCK) or {}),
        "id": version.id,
        "version": version.version,
        "pypackage": {one.name: one.stored or one.installed for one in about.packages},
    }
    ours = {
        **(metadata.get(OURS) or {}),
        "published": {
            "at": version.at,
            "title": version.title,
            "content": version.content,
            "commit": version.commit,
            "code": version.code,
            "inputs": dict(made.inputs),
            "parents": dict(made.parents),
            "checked": [*made.checked],
        },
    }
    cells = [
        {
            **one,
            "metadata": {
                **one["metadata"],
                OURS: {**(one["metadata"].get(OURS) or {}), "sha256": seen(one)},
            },
        }
        for one in notebook["cells"]
    ]
    return {**notebook, "cells": cells, "metadata": {**metadata, BLOCK: block, OURS: ours}}


def seen(cell: Json) -> str:
    """Return the digest of what a reader sees of a cell: its source and its outputs."""
    return digest([cell["source"], cell.get("outputs") or []])


def code(cells: Iterable[Json]) -> str:
    """Return the digest of the code of a notebook, cell by cell; what a pipeline injects is not its own."""
    texts = [
        cell["source"].strip() for cell in cells if cell["cell_type"] == "code" and INJECTED not in tags(cell)
    ]
    return digest([text for text in texts if text])


def _page(data: Json, version: Version) -> bytes:
    made = export.exported(data, [Edition(PAGE, "html")], Path(), version.title or version.id, {})
    return made[Path(PAGE)]


def _crate(found: Mapping[str, bytes], about: About, version: Version, made: MadeFrom) -> Json:
    """Return the provenance as JSON-LD: https://www.researchobject.org/ro-crate/specification/1.1/."""
    parts = [
        {
            "@id": name,
            "@type": "File",
            "encodingFormat": _MEDIA[name],
            "contentSize": str(len(data)),
            "sha256": sha256(data).hexdigest(),
        }
        for name, data in found.items()
    ]
    about_this = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": _ref("https://w3id.org/ro/crate/1.1"),
        "about": _ref("./"),
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": version.title or version.id,
        "identifier": version.id,
        "version": version.version,
        "datePublished": version.at,
        "hasPart": [_ref(name) for name in found],
        "mentions": _ref("#run"),
        "prov:wasGeneratedBy": _ref("#run"),
        **({"isBasedOn": f"git:{version.commit}"} if version.commit else {}),
    }
    context = ["https://w3id.org/ro/crate/1.1/context", {"prov": "http://www.w3.org/ns/prov#"}]
    return {"@context": context, "@graph": [about_this, root, *parts, *_run(about, version, made)]}


def _run(about: About, version: Version, made: MadeFrom) -> list[Json]:
    """Return the run that made it, what it used, and the software that it ran with."""
    inputs = [{"@id": path, "@type": "File", "identifier": digest} for path, digest in made.inputs.items()]
    parents = [
        {"@id": f"urn:octavo:{id}:{other}", "@type": "CreativeWork", "identifier": id, "version": other}
        for id, other in made.parents.items()
    ]
    software = [
        {
            "@id": f"https://pypi.org/project/{one.name}/",
            "@type": "SoftwareApplication",
            "name": one.name,
            "softwareVersion": one.stored or one.installed,
        }
        for one in about.packages
    ]
    octavo = {
        "@id": "#octavo",
        "@type": "SoftwareApplication",
        "name": "octavo",
        "softwareVersion": __version__,
    }
    used = [_ref(entity["@id"]) for entity in [*inputs, *parents]]
    run = {
        "@id": "#run",
        "@type": ["CreateAction", "prov:Activity"],
        "name": f"run of {version.title or version.id}",
        "instrument": [_ref("#octavo"), *(_ref(str(one["@id"])) for one in software)],
        "object": used,
        "prov:used": used,
        "result": _ref(NOTEBOOK),
        **({"startTime": about.run.at} if about.run else {}),
    }
    return [run, octavo, *inputs, *parents, *software]


def _ref(id: str) -> Json:
    return {"@id": id}
