"""Parse parameter values, check them against a notebook's declarations, and inject them as a cell."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ..errors import ParameterError, Place, raise_all
from ..hints import did_you_mean
from ..model import HIDDEN, Json
from ..secrets.names import is_secret
from .fits import fits
from .translate import assignment, known, literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model import Facts, Parameter

__all__ = [
    "INJECTED",
    "PARAMETERS",
    "check",
    "inject",
    "literal",
    "parameters_cell",
    "parse_value",
    "runs",
    "tags",
]

PARAMETERS = "parameters"
INJECTED = "injected-parameters"

_MARK = re.compile(r"\s*(?:#|//|%|--)+\s*parameters\s*:?\s*(?:\n|$)", re.IGNORECASE)


def tags(cell: Mapping[str, object]) -> frozenset[str]:
    """Return the tags of a cell; whatever else stands in their place is none."""
    metadata = cell.get("metadata")
    found = metadata.get("tags") if isinstance(metadata, dict) else None
    return (
        frozenset(tag for tag in found if isinstance(tag, str))
        if isinstance(found, list | tuple)
        else frozenset()
    )


def runs(cell: Json) -> bool:
    """Return whether a cell is one that is run."""
    return cell["cell_type"] == "code" and bool(cell["source"].strip()) and "skip-execution" not in tags(cell)


def parameters_cell(cells: Sequence[Json]) -> int | None:
    """Return the index of the cell tagged "parameters", else of the first that begins ``# parameters``."""
    marked = None
    for index, cell in enumerate(cells):
        if cell.get("cell_type") == "code":
            found = tags(cell)
            if PARAMETERS in found:
                return index
            if marked is None and INJECTED not in found and _MARK.match(cell.get("source") or ""):
                marked = index
    return marked


def inject(
    data: Json,
    values: Mapping[str, object],
    *,
    language: str,
    comment: str = "Parameters",
    more: Sequence[str] = (),
) -> Json:
    """Return a copy of a notebook with a cell that sets ``values``, after the parameters cell or else on top.

    ``more`` are lines of code that stand below them.

    A cell injected before is replaced; without values it is only removed. Raises ParameterError, all of them
    together, for values that the language has no literal for.
    """
    copy: Json = {key: _copy(value) for key, value in data.items()}
    old = next((index for index, cell in enumerate(copy["cells"]) if INJECTED in tags(cell)), 0)
    cells = copy["cells"] = [cell for cell in copy["cells"] if INJECTED not in tags(cell)]
    if not (values or more):
        return copy
    cell: Json = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [INJECTED]},
        "outputs": [],
        "source": "\n".join([_source(values, language, comment), *more]),
    }
    if (copy.get("nbformat", 4), copy.get("nbformat_minor", 5)) >= (4, 5):
        cell["id"] = _unique(INJECTED, {other.get("id") for other in cells})
    parameters = parameters_cell(cells)
    cells.insert(old if parameters is None else parameters + 1, cell)
    return copy


def parse_value(text: str) -> object:
    """Return the value that a command line's text means.

    As papermill reads ``-p``: an int, a float, True, False or None, else the text itself. Beyond that, what
    begins with a bracket, a brace or a double quote is JSON if it can be: a list, a dict, a text such as "5".
    """
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if text.lstrip()[:1] in ("[", "{", '"'):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def check(
    facts: Facts, values: Mapping[str, object], *, where: str, complete: bool = False
) -> list[ParameterError]:
    """Return what is wrong with values for a notebook or function: unknown names, and values of another type.

    ``where`` is the source's path. A source without a parameters cell declares nothing, so it takes any name.
    The type is that of the annotation or type comment, else that of the default; None is against no default.
    With ``complete``, a parameter that has no default must be among the values.
    """
    place = Place(where)
    declared = {parameter.name: parameter for parameter in facts.params}
    errors: list[ParameterError] = []
    for name, value in values.items():
        if (parameter := declared.get(name)) is not None:
            if (kind := _contradicted(parameter, value)) is not None:
                errors.append(_contradiction(parameter, value, kind, place))
        elif facts.parameters_cell and name not in ("upstream", "product"):
            listed = f"it declares: {', '.join(declared)}" if declared else "it declares none"
            near = did_you_mean(name, declared)
            hint = f"{near} {listed}" if near else listed
            errors.append(ParameterError(f'there is no parameter "{name}"', place, hint))
    if complete:
        errors += [
            ParameterError(f'parameter "{name}" needs a value: it has no default', place)
            for name, parameter in declared.items()
            if parameter.default is None and name not in values
        ]
    return errors


def _contradicted(parameter: Parameter, value: object) -> str | None:
    """Return the type that a value is not of; None when it fits, or when nothing is known."""
    if parameter.known and type(value) is type(parameter.value) and value == parameter.value:
        return None
    if parameter.annotation is not None:
        implicit = parameter.known and parameter.value is None and value is None
        return None if implicit or fits(value, parameter.annotation) else parameter.annotation
    default = parameter.value
    if not parameter.known or default is None or value is None:
        return None
    kind = "float" if type(default) is int else type(default).__name__
    return None if fits(value, kind) else type(default).__name__


def _contradiction(parameter: Parameter, value: object, kind: str, place: Place) -> ParameterError:
    shown = HIDDEN if is_secret(parameter.name) else repr(value)
    message = f'parameter "{parameter.name}" must be {kind}, not {shown} ({type(value).__name__})'
    written = parameter.name + (f": {parameter.annotation}" if parameter.annotation else "")
    if parameter.default is not None:
        written += f" = {HIDDEN if is_secret(parameter.name) else parameter.default}"
    hint = f"it is declared as {written}"
    if isinstance(value, str) and value.lower() in ("true", "false") and fits(True, kind):
        hint = f"write {value.capitalize()}; {hint}"
    return ParameterError(message, place, hint)


def _source(values: Mapping[str, object], language: str, comment: str) -> str:
    lines = [known(language).comment.format(line) for line in comment.splitlines()]
    errors: list[ParameterError] = []
    for name, value in values.items():
        try:
            lines.append(assignment(name, value, language))
        except ParameterError as error:
            errors.append(error)
    raise_all(errors, "parameters that cannot be injected")
    return "\n".join(lines)


def _unique(wanted: str, used: set[object]) -> str:
    found, number = wanted, 1
    while found in used:
        number += 1
        found = f"{wanted}-{number}"
    return found


def _copy(value: object) -> object:
    """Copy JSON; faster than copy.deepcopy, which also looks for cycles."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
