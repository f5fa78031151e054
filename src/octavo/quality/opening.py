"""Open what holds data: a frame of any library, or a file, read with pandas or polars."""

from __future__ import annotations

import os

from .. import plugins
from ..errors import Error, MissingExtra
from ..lazy import lazy_imports
from .frames import Foreign, Tabular, Unfit, holds_data, installed, stem_of

with lazy_imports():
    from . import in_pandas, in_polars


def opened(data: object) -> Tabular:
    """Return a frame, or the file at a path, as checks look at it."""
    if isinstance(data, str | os.PathLike):
        return _read(os.fspath(data))
    library = type(data).__module__.partition(".")[0]
    if library == "pandas":
        return in_pandas.PandasFrame(data)
    if library == "polars":
        return in_polars.PolarsFrame(data)
    if library == "pyarrow":
        return _of_arrow(data)
    raise Unfit(f"a {type(data).__name__} is no data frame: pandas, polars and pyarrow have some")


def _of_arrow(table: Foreign) -> Tabular:
    if installed() == "pandas":
        return in_pandas.PandasFrame(table.to_pandas())
    _library()
    return in_polars.PolarsFrame(plugins.load("polars:from_arrow")(table))


def _library() -> str:
    if (name := installed()) is None:
        raise MissingExtra("checks need pandas or polars", hint='pip install "octavo[quality]"')
    return name


def _read(path: str) -> Tabular:
    if not holds_data(path):
        raise Unfit(f"{path} holds no data frame")
    stem, library = stem_of(path), _library()
    reader = in_pandas.read if library == "pandas" else in_polars.read
    try:
        return reader(path, stem)
    except (Error, Unfit, MemoryError):
        raise
    except Exception as error:  # whatever a library says of a file that is not what its name says
        first = str(error).strip().partition("\n")[0]
        raise Unfit(f"{path} cannot be read: {type(error).__name__}: {first}") from error
