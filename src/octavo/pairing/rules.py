"""What jupytext says of the names of formats, of its configuration, and of the files of a pair."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence

from jupytext import config as settings
from jupytext import formats, paired_paths

from ..dataclass import dataclass
from ..errors import Error
from ..model import Json

#: What a configuration may say that texts are written by.
_OPTIONS = frozenset(formats._VALID_FORMAT_OPTIONS)
_KNOWN = "formats are ipynb, py, py:light, md, md:myst, Rmd, qmd, R, jl …"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What jupytext's configuration says of a file: options of texts, and the formats that it is paired in."""

    path: str
    options: Json
    formats: str


def long_form(word: str, metadata: Json) -> dict[str, str]:
    """Return the long form of a format's name. Raises ``Error`` for one that is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: dict[str, str] = formats.long_form_one_format(word, metadata)
    except ValueError:
        raise Error(f'there is no format "{word}"', hint=_KNOWN) from None
    if not found or not found.get("extension", ".").strip("."):
        raise Error(
            f'there is no format "{word}"', hint="formats are ipynb, py, md, md:myst, Rmd, qmd, R, jl …"
        )
    return found


def configuration(path: str) -> Configuration | None:
    """Return what the configuration that is nearest to a file says of it. Raises ``Error`` with its place."""
    file = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = settings.find_jupytext_configuration_file(os.path.dirname(os.path.abspath(path))) or ""
            if file.endswith(".py"):
                hint = "write it as jupytext.toml"
                raise Error("a configuration that is code is not run here", os.path.relpath(file), hint)
            if not file:
                return None
            found = settings.load_jupytext_configuration_file(file)
            options: Json = {}
            found.set_default_format_options(options)
            paired = found.default_formats(os.path.abspath(path)) or ""
            metadata_filter = {key: value for key, value in options.items() if key in _OPTIONS}
            return Configuration(os.path.relpath(file), metadata_filter, str(paired))
    except (ValueError, AttributeError, TypeError) as error:
        text = str(error).strip().replace(file, "it").partition("\n")[0]
        raise Error(f"jupytext cannot read its configuration: {text}", os.path.relpath(file)) from None


def paths(path: str, said: str, metadata: Json) -> list[tuple[str, dict[str, str]]]:
    """Return the files that a notebook is paired with, itself among them, each with the long form of its format.

    ``said`` is what "formats" says. Raises ``Error`` where a path does not fit what it says.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            every: Sequence[Mapping[str, str]] = formats.long_form_multiple_formats(
                said, metadata, auto_ext_requires_language_info=False
            )
            full = os.path.abspath(path)
            base, _ = paired_paths.find_base_path_and_format(full, every)
            found = [(paired_paths.full_path(base, one), dict(one)) for one in every]
    except ValueError as error:
        # what jupytext says of it names every format there is
        text = re.split(r" \(one of|: \[\{", str(error).strip(), maxsplit=1)[0]
        raise Error(f'it is no file of the formats "{said}": {text}', os.path.relpath(path)) from None
    return [(os.path.relpath(one), form) for one, form in found]
