"""The digest used everywhere: BLAKE2b, 16 bytes, as hex."""

from __future__ import annotations

try:
    # the very function of hashlib, without the OpenSSL that hashlib loads for its other algorithms
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b


def running() -> blake2b:
    """Return a digest to ``update``; its ``hexdigest()`` is the result."""
    return blake2b(digest_size=16)


def digest(text: str | bytes) -> str:
    """Return the digest of a text or of bytes."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return blake2b(data, digest_size=16).hexdigest()


def keyed(text: str, key: bytes) -> str:
    """Return the digest of a text that only somebody who has the key can find by trying texts."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=key).hexdigest()
