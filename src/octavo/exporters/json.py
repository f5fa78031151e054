"""The exporter ``json``: the plan as plain values, for schedulers that a few lines of Python tell what to run."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..deploy.names import IDENTIFIER, engine_name
from ..errors import Error
from . import Workflow, limit


class PlainValues:
    """All other schedulers: the commands of tasks, and in which order they run."""

    options: Mapping[str, str] = {}
    file = "{name}.json"

    def refuses(self, workflow: Workflow) -> Error | None:
        """Refuse nothing: who reads the file knows what their scheduler takes."""
        return None

    def export(self, workflow: Workflow) -> str:
        """Return the JSON. ``id`` is the name of a task as an identifier; ``after`` are the ids of tasks before it."""
        ids = {name: engine_name(name, IDENTIFIER) for name in workflow.tasks}
        found = {
            "name": engine_name(workflow.name, IDENTIFIER),
            "remote": workflow.url,
            "plan": workflow.plan,
            "schedule": workflow.schedule or None,
            "timezone": workflow.zone or None,
            "image": workflow.image or None,
            "secret": workflow.secret or None,
            "tasks": [
                {
                    "id": ids[name],
                    "task": name,
                    "after": [ids[up] for up in task.upstream if up in ids],
                    # the run is added: --run ID, or OCTAVO_RUN in the environment
                    "command": [
                        *(*workflow.octavo, "run-task", name),
                        *("--remote", workflow.url, "--plan", workflow.plan),
                    ],
                    "products": [*task.products],
                    "memory": task.memory,
                    "cpus": task.cpus,
                    "gpus": task.gpus,
                    "seconds": limit(task),
                }
                for name, task in workflow.tasks.items()
            ],
        }
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


JSON_PLAN = PlainValues()
