"""NB203: a task uses what another task makes, and does not name it in its upstream."""

from __future__ import annotations

from collections.abc import Iterator

from . import Across, Bound, Severity


class UndeclaredUpstream:
    """A task uses a product of another one by its path, and names it neither in its upstream nor further up.

        orders = pd.read_csv("out/orders.csv")    # which the task "load" makes

    octavo runs the two in the right order, as it sees the path or saw the task read the file. But the path stands in
    two places, and other environments, grids and sample runs that put the product elsewhere are not followed. Name the
    task, and take the path from there: `upstream = ["load"]`, `upstream["load"]["orders"]`.
    """

    code = "NB203"
    name = "undeclared-upstream"
    severity: Severity = "warning"

    def bound(self, pipeline: Bound) -> Iterator[Across]:
        ancestors: dict[str, set[str]] = {}
        for task in pipeline.graph:
            known = ancestors[task.name] = set(task.upstream).union(
                *(ancestors.get(name, ()) for name in task.upstream)
            )
            for name in pipeline.graph.before(task.name):
                if name in known or name not in pipeline.graph:
                    continue
                text = pipeline.text(task.source.path)
                paths = [product.path for product in pipeline.graph[name].products if product.path in text]
                row = text.count("\n", 0, text.index(paths[0])) + 1 if paths else 0
                what = f" ({paths[0]})" if paths else ""
                words = f'the task "{task.name}" uses what "{name}" makes{what}, and does not name it'
                hint = f'upstream = ["{name}"], and take the path from there'
                in_text = not task.source.path.endswith(".ipynb")
                yield Across(
                    None, words, row=row if in_text else 0, hint=hint, path=pipeline.named(task.source.path)
                )


RULE = UndeclaredUpstream()
