"""Serializers, under the names that Ploomber gives them."""

from __future__ import annotations

from ..serialize import serializer, serializer_pickle, unserializer, unserializer_pickle

__all__ = ["CSVIO", "ParquetIO", "serializer", "serializer_pickle", "unserializer", "unserializer_pickle"]


class CSVIO:
    """Says to SQLDump that it writes, and to SQLUpload that it reads, CSV."""


class ParquetIO:
    """Says to SQLDump that it writes, and to SQLUpload that it reads, Parquet."""
