"""Serializers under Ploomber's names."""

from __future__ import annotations

from ..process.ploomber_names import absent
from ..serialize import serializer, serializer_pickle, unserializer, unserializer_pickle

__all__ = ["CSVIO", "ParquetIO", "serializer", "serializer_pickle", "unserializer", "unserializer_pickle"]
__getattr__ = absent(__name__)


class CSVIO:
    """Says to SQLDump that it writes, and to SQLUpload that it reads, CSV."""


class ParquetIO:
    """Says to SQLDump that it writes, and to SQLUpload that it reads, Parquet."""
