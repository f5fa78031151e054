"""NB204: a task makes a product that no task after it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import Product, Task
from . import Across, Bound, Severity

#: How a source takes products: the name of a task, and what follows where it asks for one by its key.
_TAKEN = re.compile(r"upstream\[[\"']([^\"']*)[\"']\]\s*(\[[\"'])?")


class UnusedProduct:
    """A task makes several products, and the tasks after it use the others, but not this one.

    It costs time and space, and may be left over. Told only where all tasks that come after take products by their
    keys: `upstream["clean"]["train"]`. Executed notebooks, and what the last tasks make, are results.
    """

    code = "NB204"
    name = "unused-product"
    severity: Severity = "warning"

    def bound(self, pipeline: Bound) -> Iterator[Across]:
        users: dict[str, list[Task]] = {}
        for one in pipeline.graph:
            for name in dict.fromkeys(pipeline.graph.before(one.name)):
                users.setdefault(name, []).append(one)
        for task in pipeline.graph:
            texts = [pipeline.text(one.source.path) for one in users.get(task.name, ())]
            if not texts or not all(_by_keys(text, task) for text in texts):
                continue
            for product in task.products:
                if product.key and not product.executed and not any(_uses(text, product) for text in texts):
                    words = f'no task uses the product "{product.key}" of "{task.name}" ({product.path})'
                    row = task.where.line if task.where else 0
                    yield Across(None, words, row=row, path=pipeline.named(pipeline.path))


def _by_keys(text: str, task: Task) -> bool:
    """Return whether a source takes products of a task by their keys, each time."""
    taken = [key for name, key in _TAKEN.findall(text.replace('\\"', '"')) if name == task.name]
    return bool(taken) and all(taken)


def _uses(text: str, product: Product) -> bool:
    """Return whether a source names a product by its key or its path."""
    return (
        re.search(rf"[\"']{re.escape(product.key or '')}\\?[\"']", text) is not None or product.path in text
    )


RULE = UnusedProduct()
