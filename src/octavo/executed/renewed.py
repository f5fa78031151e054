"""Renew executed notebooks of tasks that need not run: new comments and markdown are written into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import Error
from ..events import Event, Note
from ..model import Task
from ..state.store import Store, key


def renew(
    store: Store, task: Task, filled: Callable[[Task], Task], refresh: Callable[[Task], str | None]
) -> tuple[Event, ...]:
    """Give an executed notebook the new comments and markdown of its source; return a note where that fails.

    One that does not fit stays as it is.
    """
    record = store.record(key(task.name, [product.path for product in task.products]))
    if record is None:
        return ()
    try:
        task = filled(task)
        # killed before the record has the new digest, it would seem to be changed by hand: so it is made again
        store.begin(task.name, record.products)
        digests = dict(record.products)
        if refresh(task):
            reports = (product.path for product in task.products if product.executed)
            digests |= {path: store.digest(path) or "" for path in reports}
        # where it does not fit, it is left as it is, and not tried in each build
        store.commit(replace(record, products=digests, raw=task.source.facts.raw))
    except (Error, OSError) as error:
        # the result is right all the same; the next build tries again
        store.commit(record)
        words = error.message if isinstance(error, Error) else error.strerror or str(error)
        what = "its executed notebook could not be updated with new comments and markdown"
        return (Note(f"{what}: {words}", task.name),)
    return ()
