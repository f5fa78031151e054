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
from textwrap import dedent, indent

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from octavo.errors import Error
from octavo.spec import schema
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


WRONG = {
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
