"""People are told how builds end: by a real server of mail, a real server of the web, and commands."""

from __future__ import annotations

import asyncio
import email
import json
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent, indent
from typing import cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from octavo.errors import Error
from octavo.events import MetricsLogged, RunFinished, RunStarted, TaskFinished
from octavo.model import Json, Outcome
from octavo.notify import Notices
from octavo.report import Report
from octavo.spec import schema
from octavo.state.store import Store
from projects import Folder


class Mailbox:
    """A server of mail on loopback, and what it got."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.got: list[EmailMessage] = []
        self.loop = loop
        self.server = loop.run_until_complete(loop.create_server(lambda: SMTP(self), "127.0.0.1", 0))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.got.append(mail)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    loop = asyncio.new_event_loop()
    box = Mailbox(loop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield box
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    box.server.close()
    loop.close()


class Web(ThreadingHTTPServer):
    """A server of the web on loopback; it answers ``status``."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], dict[str, object]]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/s3cr3t"


class Answer(BaseHTTPRequestHandler):
    server: Web

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def project(folder: Folder, notify: str, divisor: int = 0) -> None:
    tasks = """
        tasks:
          - {source: tasks.clean, product: clean.txt}
          - {source: tasks.fit, product: fit.txt, upstream: clean}
    """
    folder.write("pipeline.yaml", f"notify:\n{indent(dedent(notify).strip(), '  ')}\n{dedent(tasks)}")
    folder.write(
        "tasks.py",
        f"""
        from pathlib import Path

        def clean(product):
            print("reading")
            Path(product).write_text(str(1 / {divisor}))

        def fit(product, upstream):
            Path(product).write_text("fitted")
        """,
    )


def test_a_failure_is_told_once_and_its_end_too(folder: Folder, mailbox: Mailbox, web: Web) -> None:
    notify = f"""
          - email: {{to: [a@example.com, b@example.com], server: "{mailbox.address}"}}
            link: "https://ci.example.com/runs/{{run}}"
          - webhook: {{url: {{env: HOOK}}, headers: {{Authorization: {{env: AUTH}}}}}}
    """
    environ = {"HOOK": web.url, "AUTH": "Bearer x"}
    project(folder, notify)
    assert folder.octavo("build", env=environ).returncode == 1
    assert folder.octavo("build", env=environ).returncode == 1  # the same again is no news
    (mail,) = mailbox.got
    assert mail["subject"] == f"[{folder.path.name}] failed: clean"
    assert mail["to"] == "a@example.com, b@example.com"
    text = mail.get_content()
    for part in (
        "tasks.py:5",
        "ZeroDivisionError",
        "| reading",
        "because: first run",
        "blocked fit: clean failed",
    ):
        assert part in text
    assert "https://ci.example.com/runs/2" in text
    ((headers, body),) = web.got
    assert headers["Authorization"] == "Bearer x"
    assert body["outcome"] == "failed"
    assert body["failures"] == [
        {
            "task": "clean",
            "kind": "ZeroDivisionError",
            "message": "division by zero",
            "path": "tasks.py",
            "cell": None,
            "line": 5,
            "reasons": ["first run"],
        }
    ]
    project(folder, notify, divisor=1)
    assert folder.octavo("build", env=environ).returncode == 0
    assert folder.octavo("build", env=environ).returncode == 0
    assert [mail["subject"] for mail in mailbox.got[1:]] == [f"[{folder.path.name}] recovered: clean, fit"]
    assert [body["outcome"] for _, body in web.got[1:]] == ["recovered"]


def test_another_failure_and_one_that_lasts_are_told(folder: Folder, mailbox: Mailbox) -> None:
    project(folder, f'  - {{email: {{to: a@example.com, server: "{mailbox.address}"}}, repeat: 0.001s}}')
    for _ in range(2):
        assert folder.octavo("build").returncode == 1
    assert len(mailbox.got) == 2
    project(folder, f'  - {{email: {{to: a@example.com, server: "{mailbox.address}"}}}}')
    assert folder.octavo("build").returncode == 1
    folder.write("tasks.py", folder.read("tasks.py").replace("1 / 0", "nothere"))
    assert folder.octavo("build").returncode == 1
    assert len(mailbox.got) == 4
    assert "NameError" in mailbox.got[-1].get_content()


def test_servers_that_are_down_fail_no_build(folder: Folder, web: Web) -> None:
    web.status = 500
    notify = """
          - {email: {to: a@example.com, server: "127.0.0.1:9"}, when: always}
          - {webhook: {url: {env: HOOK}}, when: success}
          - {webhook: {url: {env: NOT_SET}}, when: success}
          - {command: "echo no way >&2; exit 3", when: success}
          - {command: "cat > told.txt; echo $OCTAVO_OUTCOME >> told.txt", when: success}
    """
    project(folder, notify, divisor=1)
    done = folder.octavo("build", env={"HOOK": web.url})
    assert done.returncode == 0, done.stderr
    assert "notify: email: 127.0.0.1:9: Connection refused" in done.stdout
    assert "notify: webhook: 127.0.0.1 answered 500" in done.stdout
    assert "notify: webhook: the environment variable NOT_SET is not set" in done.stdout
    assert "exit code 3: no way" in done.stdout
    assert "s3cr3t" not in done.stdout
    assert folder.read("told.txt").splitlines()[0].startswith("2 done in")
    assert folder.read("told.txt").splitlines()[-1] == "built"


def test_the_notebook_of_a_failure_is_attached_and_chats_get_plain_text(
    folder: Folder, mailbox: Mailbox, web: Web
) -> None:
    folder.write(
        "pipeline.yaml",
        f"""
        notify:
          - email: {{to: a@example.com, server: "{mailbox.address}", attach: true}}
          - email: {{to: b@example.com, server: "{mailbox.address}", attach: [pipeline.yaml, not-there.html]}}
          - webhook: {{url: "{web.url}", format: slack}}
          - webhook: {{url: "{web.url}", format: mattermost}}
          - webhook: {{url: "{web.url}", format: teams}}
        tasks:
          - {{source: nb.py, product: out.ipynb}}
        """,
    )
    folder.write("nb.py", "# %%\nraise ValueError('<!channel> ``` & so on')\n")
    assert folder.octavo("build").returncode == 1
    names = [[part.get_filename() for part in mail.iter_attachments()] for mail in mailbox.got]
    assert names == [["out.failed.ipynb"], ["pipeline.yaml"]]
    slack, mattermost, teams = (body for _, body in web.got)
    assert "&lt;!channel&gt; ''' &amp; so on" in str(slack["text"])
    assert str(slack["text"]).count("```") == str(mattermost["text"]).count("```") == 2
    assert "<!channel> ``` & so on" in json.dumps(teams["attachments"])


def test_a_metric_and_a_check_are_told(folder: Folder, mailbox: Mailbox, web: Web) -> None:
    folder.write(
        "pipeline.yaml",
        f"""
        notify:
          - email: {{to: a@example.com, server: "{mailbox.address}"}}
            when: [failure, "metric accuracy < 0.9 and accuracy > 0.1", check]
          - webhook: "{web.url}"
            when: check small
          - webhook: "{web.url}"
            when: metric acuracy < 0.9
        tasks:
          - source: tasks.fit
            product: fit.csv
            checks:
              - {{rows: {{min: 5}}, name: small, severity: warn}}
              - {{rows: {{min: 1}}}}
        """,
    )
    folder.write(
        "tasks.py",
        """
        import octavo

        def fit(product):
            octavo.log(accuracy=0.85)
            product.write_text("x\\n1\\n")
        """,
    )
    done = folder.octavo("build")
    assert done.returncode == 0, done.stdout
    assert 'notify: no task reports a metric "acuracy": did you mean "accuracy"?' in done.stdout
    (mail,) = mailbox.got
    name = folder.path.name
    told = "metric accuracy 0.85 of fit: accuracy < 0.9 and accuracy > 0.1"
    assert mail["subject"].replace("\n", "") == f"[{name}] {told}, and 1 more"
    lines = mail.get_content().splitlines()
    assert lines[0] == told and lines[1].startswith("check small of fit: ")
    ((_, body),) = web.got
    assert body["news"] == [lines[1]] and body["outcome"] == "built"
    folder.write("tasks.py", folder.read("tasks.py").replace("0.85", "0.8"))
    assert folder.octavo("build").returncode == 0
    assert len(mailbox.got) == len(web.got) == 1, "what goes on being so is told once"


class Teller:
    """Builds as they are told to what tells people: each with a metric, or with nothing to do."""

    def __init__(self, folder: Path, entry: Json) -> None:
        self.entry, self.folder = {"repeat": 3600.0} | entry, folder
        self.store = Store(folder / ".octavo", folder)

    def __call__(self, accuracy: float | None, task: str = "fit") -> str:
        report, end = Report(), RunFinished("1", True, 0.1, 0.0)
        report(RunStarted("1", (task,), (), 0.0))
        listener = Notices(
            [self.entry], str(self.folder), str(self.folder / "pipeline.yaml"), self.store, report
        )
        if accuracy is not None:
            listener(MetricsLogged(task, {"accuracy": accuracy}))
        report(TaskFinished(task, Outcome.FRESH if accuracy is None else Outcome.DONE, 0.1))
        report(end)
        try:
            listener(end)
        except Error as error:
            return error.message
        return ""


def test_a_condition_is_told_when_it_comes_true_and_again_after_a_while(tmp_path: Path, web: Web) -> None:
    entry = {"when": ["metric accuracy < 0.9"], "webhook": {"url": web.url}}
    build = Teller(tmp_path, entry)

    def told(accuracy: float | None, task: str = "fit") -> list[object]:
        before = len(web.got)
        assert build(accuracy, task) == ""
        return [line for _, body in web.got[before:] for line in cast("list[object]", body["news"])]

    assert told(0.95) == [] and told(None) == []
    assert told(0.5) == ["metric accuracy 0.5 of fit: accuracy < 0.9"]
    assert told(0.4) == [] and told(None) == [], "it goes on being so"
    assert told(0.6, "other") == ["metric accuracy 0.6 of other: accuracy < 0.9"], "that is another task's"
    assert told(0.3) == []
    assert told(0.95) == [] and told(0.5) == ["metric accuracy 0.5 of fit: accuracy < 0.9"], (
        "it was well in between"
    )
    build.entry["repeat"] = 0.0
    assert len(told(0.5)) == len(told(0.5)) == 1
    assert told(None) == []


def test_what_could_not_be_told_is_told_by_the_next_build_that_can(tmp_path: Path, web: Web) -> None:
    build = Teller(tmp_path, {"when": ["metric accuracy < 0.9"], "webhook": {"url": web.url}})
    web.status = 500
    assert "answered 500" in build(0.5) and "answered 500" in build(None)
    web.status = 200
    assert build(None) == "" and build(None) == "" and build(0.4) == ""
    assert [body["news"] for _, body in web.got] == [["metric accuracy 0.5 of fit: accuracy < 0.9"]] * 3
    web.status = 500
    assert build(0.95) == "" and build(0.5) != ""
    assert build(0.95) == "", "what is well before it could be told is no news any more"


WRONG = {
    "{command: ls, when: metric}": '"notify": when: metric: "" compares nothing',
    "{command: ls, when: [failure, metric accuracy]}": '"accuracy" compares nothing\n  hint: when: metric accuracy',
    "{command: ls, when: metrik accuracy < 0.9}": 'no "when: metrik accuracy < 0.9"\n  hint: did you mean "metric"',
    "{command: ls, when: checks}": 'did you mean "check"',
    "{command: ls, when: 3}": '"when" must be one or several of failure',
    "{command: ls, when: sometimes}": 'there is no "when: sometimes"',
    "{command: ls, when: failures}": "did you mean",
    "{command: ls, email: a@example.com}": "has email and command",
    "{when: failure}": "says no way",
    "{mail: a@example.com}": 'has no key "mail"',
    "{command: ls, repeat: 5 minutes}": '"repeat" must be a time such as "30m"',
    "{email: {server: localhost}}": "says not to whom",
    "{email: {to: a@example.com, password: hunter2}}": "a password is a secret",
    "{email: {to: a@example.com, password: 3}}": '"password" must be {env: NAME}',
    "{email: {to: a@example.com, tls: maybe}}": 'there is no tls "maybe"',
    "{webhook: 'https://hooks.slack.com/services/T0/B0/x'}": "this URL is a secret",
    "{webhook: 'https://user:word@example.com/'}": "this URL is a secret",
    "{webhook: 'ftp://example.com/'}": "is no URL of a web server",
    "{webhook: {url: 'https://example.com', headers: {Authorization: Bearer x}}}": "what authorizes is a secret",
    "{webhook: {format: slack}}": "has no URL",
    "a@example.com": "is a list of mappings",
}


@pytest.mark.parametrize("entry", WRONG)
def test_a_mistake_is_told_with_its_place(entry: str) -> None:
    text = f"notify:\n  - {entry}\ntasks:\n  - {{source: a.py, product: a.ipynb}}\n"
    with pytest.raises((Error, ExceptionGroup)) as caught:
        schema.spec(schema.parse(text, "pipeline.yaml"))
    errors = caught.value.exceptions if isinstance(caught.value, ExceptionGroup) else [caught.value]
    said = "\n".join(f"{error} {getattr(error, 'hint', '')}" for error in errors)
    assert WRONG[entry] in said
    assert "pipeline.yaml:2:" in said
