"""Answer a request: a pure function of its method, path and body, whatever server or function service has heard it."""

from __future__ import annotations

import json
import sys
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence

from ..dataclass import dataclass
from ..errors import Error
from ..model import Json
from ..project import Project
from . import plain
from .inmemory import InMemory, TaskFailed

#: The largest body that is read.
LARGEST = 10 << 20


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A status of HTTP, and what the body says."""

    status: int
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json"}


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _reply(status: int, said: object) -> HttpReply:
    return HttpReply(status, json.dumps(said, ensure_ascii=False, allow_nan=False).encode())


def refusal(status: int, words: str) -> HttpReply:
    """Return a reply that says what is wrong, and nothing of how it came to that."""
    return _reply(status, {"error": words})


class Service:
    """A part of a pipeline that answers requests. It may be asked by several threads at once."""

    def __init__(
        self,
        project: Project,
        task: str,
        given: Sequence[str] = (),
        held: Sequence[str] = (),
        shapes: Mapping[str, plain.Expected] | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """``shapes`` is what requests bring, where no product shows it here; ``log`` is told why a task has failed."""
        self.memory = InMemory(project, task, given, held)
        known = shapes or {}
        self.shapes = {name: known.get(name) or self._shape(name) for name in self.memory.given}
        self._log = log or (_to_stderr)

    def _shape(self, name: str) -> plain.Expected:
        value, there = self.memory.built(name)
        return plain.shape(value) if there else plain.Expected()

    def describe(self) -> Json:
        """Return what is asked for and what answers, as plain values."""
        given = {name: shape.plain() for name, shape in self.shapes.items()}
        return {"answer": self.memory.answer, "given": given, "computes": list(self.memory.tasks)}

    def reply(self, method: str, path: str, body: bytes) -> HttpReply:
        """Answer a request of HTTP. Nothing is raised."""
        path = path.partition("?")[0].rstrip("/")
        if method in ("GET", "HEAD"):
            if path in ("", "/health"):
                return _reply(200, {"status": "ok"} if path else self.describe())
            return refusal(404, f"there is nothing at {path}: POST JSON to /")
        if method != "POST":
            return refusal(405, f"{method} is not understood: POST JSON to /")
        if path:
            return refusal(404, f"there is nothing at {path}: POST JSON to /")
        if len(body) > LARGEST:
            return refusal(413, f"the body has more than {LARGEST >> 20} MB")
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            words = str(error) if isinstance(error, json.JSONDecodeError) else "it is no UTF-8, or too deep"
            return refusal(400, f"the body is no JSON: {words}")
        return self.answer(said)

    def answer(self, said: object) -> HttpReply:
        """Answer what a body says, as JSON has it."""
        try:
            values = self._values(said)
        except Error as error:
            return refusal(400, error.message)
        except (ValueError, TypeError, OverflowError) as error:
            return refusal(400, f"what was sent is not understood: {error}")
        try:
            found = self.memory.compute(values)
        except Error as error:  # raised by a task: it is meant for whoever asks
            return refusal(400, error.message)
        except TaskFailed as error:
            return self._failed(f'the task "{error}" failed')
        try:
            return _reply(200, plain.answer(found))
        except Error as error:
            return self._failed(error.message)
        except Exception:
            return self._failed("the answer cannot be said as JSON")

    def _values(self, said: object) -> dict[str, object]:
        """Return the values that tasks are given: by their names, or the only one as it is."""
        names = [*self.shapes]
        if len(names) == 1 and not (isinstance(said, dict) and [*said] == names):
            said = {names[0]: said}
        if not isinstance(said, dict):
            raise Error(f"the body must be an object with {', '.join(names)}")
        if lacking := [name for name in names if name not in said]:
            raise Error(f"the body lacks {', '.join(lacking)}")
        if more := [name for name in said if name not in self.shapes]:
            raise Error(f"the body has {', '.join(more)}; what is known is {', '.join(names)}")
        return {name: plain.value(said[name], name, shape) for name, shape in self.shapes.items()}

    def _failed(self, words: str) -> HttpReply:
        """Tell the log why, and whoever asks under which name it stands there."""
        name = uuid.uuid4().hex[:12]
        self._log(f"{name}: {words}\n{traceback.format_exc()}")
        return _reply(500, {"error": words, "id": name})
