"""Secrets go in by every door, reach the code, and are found nowhere afterwards."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import stat
import subprocess
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from octavo.errors import Error
from octavo.jupyter import cell, panel, printed, tasks
from octavo.show import mistakes
from octavo.show.screen import Screen
from octavo.spec.entry import find
from projects import Folder

#: What a secret looks like here, so that each that is found tells by which door it came in.
SEED = re.compile(rb"Zq7[a-z]{3,}Xw9")


class Seeds:
    """Makes secrets, and knows in how many doors they were put."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, door: str) -> str:
        seed = f"Zq7{door}Xw9"
        assert SEED.fullmatch(seed.encode()) and seed not in self.made
        self.made.append(seed)
        return seed


def texts(path: Path) -> Iterator[bytes]:
    """Yield what is in a file: its bytes, and what is packed in it."""
    data = path.read_bytes()
    yield data
    if data.startswith(b"SQLite format 3"):
        with sqlite3.connect(path) as db:
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in db.execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        yield from unpacked(value if isinstance(value, bytes) else str(value).encode())


def unpacked(data: bytes) -> Iterator[bytes]:
    yield data
    for start in (0, 16):  # after a checksum
        try:
            yield zlib.decompress(data[start:])
        except zlib.error:
            continue


def found(folder: Path, *given: str) -> dict[str, set[str]]:
    """Return the secrets in the files of a folder, by the file; ``given`` are those that have them by right."""
    rows: dict[str, set[str]] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        copied = path.name in given and name.startswith(".octavo/review/")  # of a commit
        if path.is_file() and name not in given and not copied and "__pycache__" not in name:
            seeds = {match.decode() for text in texts(path) for match in SEED.findall(text)}
            if seeds:
                rows[name] = seeds
    return rows


SHOWN = """
# %% tags=["parameters"]
{declared}
upstream = None
product = None

# %%
import hashlib
from pathlib import Path
given = {values}
Path("{check}").write_text(hashlib.sha256(repr(given).encode()).hexdigest())
Path(product["data"]).write_text("made")
"""


def notebook(check: str, *names: str) -> str:
    """Return a notebook that tells by a digest which values it got."""
    declared = "\n".join(f"{name} = None" for name in names)
    return SHOWN.format(declared=declared, values=f"[{', '.join(names)}]", check=check)


@pytest.fixture
def seeds() -> Seeds:
    return Seeds()


def _by_later_doors(folder: Folder, do: Callable[..., str]) -> None:
    """Ask what a project is, where its results come from, and what others may get of it."""
    folder.write("pipeline.yaml", folder.read("pipeline.yaml") + "lock: true\n")
    loose = ["--param", "private_key=none", "--env--api_secret", "none"]
    do("build", *loose, code=None)
    assert (folder.path / "octavo.lock").is_file()
    for words in (["show", "look.py", "out/look.ipynb", "run.ipynb"], ["show", "out/look.ipynb", "--json"]):
        do(*words)
    for words in (["lineage"], ["lineage", "out/look.txt", "--json"], ["lineage", "--openlineage"]):
        do(*words)
    do("history", "out/look.ipynb", "--json")
    do("verify", "out/look.ipynb", "--html", "verify.html", "--markdown", "verify.md", code=None)
    do("cat", "out/look.ipynb")
    do("convert", "out/look.ipynb", "-o", "converted.md")
    do("meta", "init", "run.ipynb")
    do("publish", "run.ipynb", "--version", "1.0", "--no-verify", code=1)
    do("runs", "--json")
    do("ci", "github", "-o", "ci.yml")
    do("diff", "run.ipynb", "out/look.ipynb", code=None)
    store = ["--remote", (folder.path / "store").as_uri()]
    assert "looks like a secret" in do("submit", "--to", "here", *store, "--force", *loose, code=2)
    assert "looks like a secret" in do(
        "submit", "--to", "here", *store, "--param", "plain=db://u:p@h", code=2
    )
    for engine, *more in (
        ["airflow"],
        ["argo", "--image", "i"],
        ["kubeflow", "--image", "i"],
        ["kubernetes", "--image", "i"],
    ):
        said = do("export", engine, *more, *store, *loose, "-o", f"{engine}.out", code=2)
        assert "looks like a secret" in said and not (folder.path / f"{engine}.out").exists()


def git(folder: Folder, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder.path, check=True, capture_output=True)


def _by_review(folder: Folder, do: Callable[..., str], s: Seeds) -> None:
    """Ask what a commit changes in a pipeline that holds secrets as plain text."""
    folder.write(".gitignore", "*.check\nout/\nstore/\n.octavo/\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    text = folder.read("pipeline.yaml")
    for seed in s.made[:6]:
        text = text.replace(seed, s(f"next{seed[3:-3]}"))
    folder.write("pipeline.yaml", f"# db://a:{s('commented')}@h/x\n{text}")
    said = do("diff", "HEAD", "--markdown", "--html", "diff.html", code=1)
    assert "+    password: •••" in said and "password: •••" in folder.read("diff.html")
    do("diff", "HEAD", code=1)


def _in_jupyter(folder: Folder, environment: dict[str, str]) -> str:
    """Return what the panel, its log and an opened notebook show."""
    file = folder.path / "look.py"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        shown = panel.state(find(folder.path / "pipeline.yaml"), folder.path, drawn=True)
        opened = cell.injection(tasks.Pipelines(folder.path).of(file), file)
    logs = [printed.printed(folder.path, name) for name in ("bad", "breaks")]
    assert len(shown["tasks"]) == 9 and all("with •••" in one["text"] for one in logs), (shown, logs)
    assert opened is not None and "password" in opened.cell["source"]
    return json.dumps([shown, logs, opened.cell])


def test_forty_secrets_by_every_door_are_found_nowhere(folder: Folder, seeds: Seeds) -> None:
    s = seeds
    names = (
        "password",
        "db",
        "apiKey",
        "api_keys",
        "dsn",
        "where",
        "feed",
        "odbc",
        "mine",
        "ours",
        "greeting",
    )
    folder.write("look.py", notebook("look.check", *names))
    folder.write("over.py", notebook("over.check", "token", "auth", "db_password", "private_key", "plain"))
    folder.write("grid.py", notebook("grid.check", "access_token", "n"))
    folder.write(
        "mods.py",
        """
        from pathlib import Path

        def fine(product, secret_key, credentials):
            Path(product).write_text("fine")

        def bad(product, token, dsn):
            raise ValueError(f"cannot log in with {token} at {dsn}")

        def late(product, passphrase):
            Path(product).write_text("late")

        def hook(product, client_secret):
            assert client_secret.startswith("Zq7")

        def told(traceback, smtp_password):
            print("told")

        def client(password, host, url):
            from octavo.clients import SQLAlchemyClient
            return SQLAlchemyClient("sqlite:///data.db")
        """,
    )
    folder.write("load.sql", "DROP TABLE IF EXISTS made; CREATE TABLE made AS SELECT '{{api_token}}' AS x;")
    folder.write("wrong.sql", "SELECT '{{ bearer_token }}' FROM nowhere_at_all;")
    folder.write("shell.sh", "echo done > {{product}}  # {{ssh_key}}\n")
    folder.write("fails.sh", "curl-is-not-here '{{webhook_secret}}' > {{product}}\n")
    folder.write(
        "script.py",
        """
        # %% tags=["parameters"]
        signing_key = None

        # %%
        import pathlib
        pathlib.Path(product).write_text("made")
        """,
    )
    folder.write(
        "breaks.py",
        """
        # %% tags=["parameters"]
        session_token = None
        product = None

        # %%
        raise RuntimeError("not with " + session_token)
        """,
    )
    folder.write(
        "env.yaml",
        f"""
        db_password: {s("envyaml")}
        section: {{token: {s("envsection")}, host: here}}
        behind: "x-{{{{env.BEHIND_TOKEN}}}}-y"
        api_secret: to be set
        """,
    )
    folder.write(
        "pipeline.yaml",
        f"""
        secret: [ours]
        clients:
          SQLScript:
            dotted_path: mods.client
            password: {s("clientargument")}
            host: here
            url: "postgresql://user:{s("clienturl")}@host/db"
        tasks:
          - source: look.py
            product: {{nb: out/look.ipynb, page: out/look.html, data: out/look.txt}}
            nb_product_key: [nb, page]
            secret: mine
            params:
              password: {s("param")}
              db: {{host: here, password: {s("nested")}, more: [{{token: {s("deep")}}}]}}
              apiKey: {s("camel")}
              api_keys: [{s("listone")}, {s("listtwo")}]
              dsn: "postgresql://{{{{section.host}}}}:{{{{env.SHOP_PASSWORD}}}}@db.example/shop"
              where: "postgresql://user:{s("url")}@db.example:5432/shop?sslmode=require"
              feed: "https://{s("userinfo")}@git.example/feed?sig={s("signed")}"
              odbc: "Driver=x;Server=y;Pwd={s("odbc")};"
              mine: {s("marked")}
              ours: {s("markedatop")}
              greeting: "hello {{{{db_password}}}} and {{{{section.token}}}} and {{{{behind}}}}"
          - source: over.py
            product: {{nb: out/over.ipynb, data: out/over.txt}}
            params: {{token: "{{{{api_secret}}}}", auth: {s("auth")}, plain: 1}}
          - source: grid.py
            name: grid-
            product: {{nb: out/grid.ipynb, data: out/grid.txt}}
            grid: {{access_token: [{s("gridone")}, {s("gridtwo")}], n: [1]}}
          - source: mods.fine
            product: out/fine.txt
            on_finish: {{dotted_path: mods.hook, client_secret: {s("hook")}}}
            params: {{secret_key: {s("function")}, credentials: {{user: x, word: {s("credentials")}}}}}
          - source: mods.late
            product: out/late.txt
            params: {{passphrase: {s("late")}}}
          - source: load.sql
            product: [made, table]
            params: {{api_token: {s("sql")}}}
          - source: shell.sh
            product: out/shell.txt
            params: {{ssh_key: {s("shell")}}}
          - source: script.py
            class: ScriptRunner
            product: out/script.txt
            params: {{signing_key: {s("script")}}}
        """,
    )
    folder.write(
        "pipeline.bad.yaml",
        f"""
        notify: {{command: "cat > told.txt; env | grep OCTAVO_ >> told.txt", when: always}}
        clients: {{SQLScript: {{dotted_path: mods.client, password: {s("badclient")}, host: h, url: u}}}}
        tasks:
          - source: mods.bad
            product: out/bad.txt
            params: {{token: {s("message")}, dsn: "mysql://u:{s("messageurl")}@h/d"}}
            on_failure: {{dotted_path: mods.told, smtp_password: {s("onfailure")}}}
          - source: wrong.sql
            product: [wrong, table]
            params: {{bearer_token: {s("wrongsql")}}}
          - source: fails.sh
            product: out/fails.txt
            params: {{webhook_secret: {s("wrongshell")}}}
          - source: breaks.py
            product: {{nb: out/breaks.ipynb, data: out/breaks.txt}}
            params: {{session_token: {s("traceback")}}}
        """,
    )
    folder.write("more.yaml", f"db_password: {s('parametersfile')}\n")
    folder.write("run.yaml", f"apiKey: {s('runfile')}\n")
    environment = {"SHOP_PASSWORD": s("variable"), "BEHIND_TOKEN": s("behind")}
    loose = ["--param", f"private_key={s('commandline')}", "--env--api_secret", s("envoption")]
    said = []
    numbers = count()

    def do(*words: str, code: int | None = 0) -> str:
        ended = folder.octavo(*words, env=environment)
        text = ended.stdout + ended.stderr
        assert code is None or ended.returncode == code, text
        assert "Traceback" not in ended.stderr
        said.append((words[0], next(numbers), text))
        return text

    do("status")
    do("build", *loose, "-f", "more.yaml", "--verbose", "--junit", "junit.xml", code=0)
    assert "9 tasks fresh" in do("status", *loose, "-f", "more.yaml", code=0).replace(
        "all 9 tasks are fresh", "9 tasks fresh"
    )
    folder.write("pipeline.yaml", folder.read("pipeline.yaml").replace(s.made[4], s("changed")))
    assert "param password changed (•••)" in do("status", *loose)
    for words in (["status", "--json"], ["status", "--verbose"], ["build", "--json"], ["build"], ["log"]):
        do(*words, *([] if words[0] == "log" else loose), code=None)
    for words in (["history", "look"], ["history", "look", "--json"], ["plot"], ["list"], ["doctor"]):
        do(*words, code=None)
    do("report", "-o", "report.html", code=None)
    do("task", "look", "--prepare", code=0)
    do("task", "load", "--status", code=None)
    do("build", "--file", "pipeline.bad.yaml", code=1)
    do("build", "--file", "pipeline.bad.yaml", "--json", code=1)
    do("log", "--json", code=None)
    do(
        "run",
        "look.py",
        "run.ipynb",
        "-p",
        f"password={s('run')}",
        "-f",
        "run.yaml",
        "-y",
        f"{{dsn: 'db://u:{s('runyaml')}@h'}}",
        "-p",
        f'db={{"token": "{s("runjson")}"}}',
        "-p",
        'product={"data": "x.txt"}',
    )
    do("run", "look.py", "prepared.ipynb", "--prepare-only", "-p", f"password={s('prepared')}")
    do(
        "run",
        "over.py",
        "wrong.ipynb",
        "-p",
        f"private_key={s('typed')}",
        "-p",
        f"no_such_token={s('unknown')}",
        code=2,
    )
    do("run", "--help-notebook", "look.py")
    over_got = folder.read("over.check")
    said.append(("jupyter", next(numbers), _in_jupyter(folder, environment)))
    _by_later_doors(folder, do)
    _by_review(folder, do, seeds)

    assert len(seeds.made) >= 40
    assert "breaks" in folder.read("told.txt")
    by_right = ("pipeline.yaml", "pipeline.bad.yaml", "env.yaml", "more.yaml", "run.yaml", "data.db")
    assert found(folder.path, *by_right) == {}
    told = {f"{verb} {number}": set(SEED.findall(text.encode())) for verb, number, text in said}
    assert {place: seeds for place, seeds in told.items() if seeds} == {}
    assert stat.S_IMODE(os.stat(folder.path / ".octavo").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(folder.path / ".octavo/secrets.key").st_mode) == 0o600
    grid = {sha256(repr([one, 1]).encode()).hexdigest() for one in seeds.made if "grid" in one}
    assert folder.read("grid.check") in grid, "the code gets the real values"
    over = (
        next(one for one in seeds.made if "envoption" in one),
        next(one for one in seeds.made if "Zq7auth" in one),
    )
    line = next(one for one in seeds.made if "commandline" in one)
    assert over_got == sha256(repr([*over, None, line, 1]).encode()).hexdigest()
    cells = json.loads(folder.read("run.ipynb"))["cells"]
    assert "password = '•••'" in "".join(cells[1]["source"]).replace('"', "'")


def test_an_address_in_a_mistake_is_shown_without_its_password() -> None:
    out = io.StringIO()
    mistakes.show(
        Error("no server at http://u:hunter2@h:1", "s3://k:hunter2@b", "--token=hunter2"), Screen(out)
    )
    assert out.getvalue() == "s3://k:•••@b: no server at http://u:•••@h:1\n  hint: --token=•••\n"
