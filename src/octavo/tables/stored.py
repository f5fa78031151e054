"""Products in object stores: what stands at a URL, a file or a folder of files, told by one listing and never read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

from ..cache.elsewhere import Absent, Trouble
from ..digests import digest
from ..errors import Error, ProductError
from ..lazy import lazy_imports
from ..model import STORED, Product, Relation
from ..products import writing

with lazy_imports():
    from ..cache import bucket

#: What writers leave while they write, and Spark's word for a run of its own in each name.
_UNFINISHED = ("_temporary/", "/_temporary/", "/.spark-staging")
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def standing(url: str) -> str | None:
    """Return a text that changes with what stands at a URL; None where nothing does.

    It is made of names, sizes and entity tags, or versions, as one listing gives them. Raises Trouble.
    """
    parts = urlsplit(url)
    top = f"{parts.scheme}://{parts.netloc}" + ("/" if parts.scheme == "file" else "")
    name = unquote(parts.path).strip("/")
    store = bucket.Bucket(top, parts.scheme)
    try:
        found = store.entries(name)
        folder = bool(found)
        found = found or [store.entry(name)]
    except Absent:
        return None
    rows = sorted(
        (_RUN.sub("run", path.removeprefix(name)), size, mark)
        for path, size, mark in found
        if not any(sign in f"/{path}" for sign in _UNFINISHED)
    )
    kind = "folder" if folder else "file"
    return f"{kind} {len(rows)} {sum(size for _, size, _ in rows)} {digest(repr(rows))}\n" if rows else None


def check(url: str) -> Error | None:
    """Return why a store cannot be used, if it cannot: said before hours of work."""
    try:
        standing(url)
    except Trouble as error:
        return ProductError(
            f"{url} cannot be listed: {error}", hint="its credentials stand in the environment"
        )
    return None


def compared(products: Iterable[Product], root: str) -> list[str]:
    """Make what stands for products say what is there now; return notes on stores that did not answer."""
    urls = {product.path: str(product.relation) for product in products}
    with ThreadPoolExecutor(8, "octavo-stored") as pool:
        found = dict(zip(urls, pool.map(_asked, urls.values()), strict=True))
    notes = []
    for path, now in found.items():
        full = os.path.join(root, path)
        if isinstance(now, Trouble):
            notes.append(f"{urls[path]} could not be listed, and counts as unchanged: {now}")
        elif now is None:
            os.remove(full)
        elif now != _read(full):
            writing.write(full, [now.encode()])
    return notes


def _asked(url: str) -> str | Trouble | None:
    try:
        return standing(url)
    except Trouble as error:
        return error


def _read(full: str) -> str:
    with open(full, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a str
        return file.read()


def settled(products: Iterable[Product]) -> Mapping[Product, str]:
    """Return what stands for products that a task has just made. Raises ProductError where there is nothing."""
    found = {}
    for product in products:
        try:
            now = standing(str(product.relation))
        except Trouble as error:
            raise ProductError(f"{product.relation} cannot be listed: {error}") from None
        if now is None:
            raise ProductError(f"it succeeded, but there is nothing at {product.relation}")
        found[product] = now
    return found


def is_stored(relation: Relation | None) -> bool:
    """Return whether a product is in an object store."""
    return relation is not None and relation.kind == STORED
