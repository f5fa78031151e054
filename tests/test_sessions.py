"""The client of a task in its notebook: lines of the cell with the parameters."""

from __future__ import annotations

import pytest

from octavo.errors import ParameterError
from octavo.kinds import notebook, session
from octavo.model import Call, Calls, Source, Task

HEAD = '# %% tags=["parameters"]\nupstream = None\n'


def task(text: str, call: Call | None) -> Task:
    facts = notebook.KIND.facts(Source("nb.py"), text.encode())
    return Task("nb", "notebook", Source("nb.py", text=text, facts=facts), calls=Calls(client=call))


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (Call("spark.session"), ["from spark import session as client", "client = client()"]),
        (
            Call("my.lib.spark.session", {"app": "a'b", "cores": 2}),
            ["from my.lib.spark import session as client", 'client = client(app="a\'b", cores=2)'],
        ),
        (
            Call("octavo.clients.SQLAlchemyClient.from_env", {}),
            ["from octavo.clients import SQLAlchemyClient as client", "client = client.from_env()"],
        ),
    ],
)
def test_a_notebook_that_declares_a_client_gets_it_with_its_parameters(call: Call, lines: list[str]) -> None:
    wanted = task(f"{HEAD}client = None\n# %%\nclient.read()\n", call)
    data, _ = notebook.prepare(wanted)
    injected = next(
        cell for cell in data["cells"] if "injected-parameters" in cell["metadata"].get("tags", ())
    )
    assert injected["source"].splitlines()[-2:] == lines
    assert session.lines(task(f"{HEAD}# %%\nprint(client)\n", call)) == lines, (
        "or one that uses what it does not make"
    )


@pytest.mark.parametrize(
    "text", [f"{HEAD}# %%\nprint(1)\n", f"{HEAD}# %%\nclient = connect()\n# %%\nclient.read()\n"]
)
def test_a_notebook_that_needs_none_gets_none(text: str) -> None:
    assert session.lines(task(text, Call("spark.session"))) == []
    assert session.lines(task(f"{HEAD}client = None\n", None)) == []


def test_secrets_do_not_get_into_notebooks() -> None:
    with pytest.raises(ParameterError, match="hold a secret"):
        session.lines(task(f"{HEAD}client = None\n", Call("spark.session", {"password": "hushhush"})))
