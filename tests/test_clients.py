"""Clients as user code has them: real SQLite, a shell, a folder, buckets of S3 and of Google's on loopback."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buckets import google, moto, needs_moto, s3
from octavo.clients import (
    Client,
    DBAPIClient,
    GCloudStorageClient,
    LocalStorageClient,
    S3Client,
    ShellClient,
    SQLAlchemyClient,
    StorageClient,
)
from octavo.clients.database import split
from octavo.errors import Error, MissingExtra, ProductError


def again(client: Client) -> Any:
    """Make a client from its call, as another process does that got it as JSON."""
    call = json.loads(json.dumps(client.call))
    module, _, name = call.pop("dotted_path").rpartition(".")
    return getattr(importlib.import_module(module), name)(**call)


# ── databases


def test_a_database_file_is_written_and_read(tmp_path: Path) -> None:
    with SQLAlchemyClient(f"sqlite:///{tmp_path}/new/my.db") as client:
        client.execute("create table t (n int); insert into t values (1); -- the end;\n")
        cursor = client.cursor()
        cursor.execute("select n from t")
        assert cursor.fetchall() == [(1,)]
        cursor.close()
        assert client.engine.dialect.name == client.flavor == "sqlite"


def test_a_statement_that_fails_undoes_those_before_it_and_leaves_the_client_usable(tmp_path: Path) -> None:
    with SQLAlchemyClient(f"sqlite:///{tmp_path}/my.db") as client:
        client.execute("create table t (n int)")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            client.execute("insert into t values (1); insert into nowhere values (1)")
        client.execute("insert into t values (2)")
        with closing(client.cursor()) as cursor:
            assert cursor.execute("select n from t").fetchall() == [(2,)]


def test_a_connection_that_was_closed_is_opened_again(tmp_path: Path) -> None:
    client = SQLAlchemyClient(f"sqlite:///{tmp_path}/my.db")
    client.connection.close()
    client.execute("create table t (n int)")
    client.close()
    client.execute("insert into t values (1)")
    client.close()


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("a; b", ["a", " b"]),
        ("a 'x;y' ; b", ["a 'x;y' ", " b"]),
        ("a 'it''s; fine'; b", ["a 'it''s; fine'", " b"]),
        ('a "x;y"; -- b; c', ['a "x;y"']),
        ("/* a; */ b /* ; */; c", ["/* a; */ b /* ; */", " c"]),
        ("do $$ a; b $$; c", ["do $$ a; b $$", " c"]),
        (" ;\n; ", []),
        ("a 'open;", ["a 'open;"]),
    ],
)
def test_semicolons_in_quotes_and_comments_end_no_statement(code: str, parts: list[str]) -> None:
    assert split(code, ";") == parts


def test_the_body_of_a_trigger_is_one_statement(tmp_path: Path) -> None:
    with SQLAlchemyClient(f"sqlite:///{tmp_path}/my.db") as client:
        client.execute(
            """
            create table t (n int); create table seen (n int);
            create trigger watch after insert on t begin
                insert into seen values (new.n); insert into seen values (new.n);
            end;
            insert into t values (1);
            """
        )
        with closing(client.cursor()) as cursor:
            assert cursor.execute("select count(*) from seen").fetchone() == (2,)


def test_nothing_is_split_where_that_is_said(tmp_path: Path) -> None:
    with (
        SQLAlchemyClient(f"sqlite:///{tmp_path}/my.db", split_source=None) as client,
        pytest.raises((sqlite3.Warning, sqlite3.ProgrammingError), match="one statement at a time"),
    ):
        client.execute("select 1; select 2")


def test_a_driver_of_pep_249_is_a_client_with_or_without_splitting(tmp_path: Path) -> None:
    with DBAPIClient(sqlite3.connect, {"database": str(tmp_path / "my.db")}, split_source=";") as client:
        client.execute("create table t (n int); insert into t values (1)")
        assert client.connection.execute("select n from t").fetchall() == [(1,)]
        with again(client) as other:
            assert other.connection.execute("select n from t").fetchall() == [(1,)]


def test_a_client_is_made_again_from_its_call(tmp_path: Path) -> None:
    url: Any = importlib.import_module("sqlalchemy").URL.create("sqlite", database=str(tmp_path / "my.db"))
    client = SQLAlchemyClient(url, create_engine_kwargs={"echo": False})
    assert client.call["dotted_path"] == "octavo.clients.SQLAlchemyClient"
    client.execute("create table t (n int)")
    other = again(client)
    other.execute("insert into t values (1)")
    for it in (client, other):
        it.close()


def test_a_password_is_in_the_call_but_not_on_the_screen() -> None:
    client = SQLAlchemyClient("postgresql://me:secret@host/db")
    assert "secret" not in f"{client} {client!r}"
    assert again(client).url.password == "secret"


def test_a_client_goes_to_another_process_without_its_connection(tmp_path: Path) -> None:
    client = SQLAlchemyClient(f"sqlite:///{tmp_path}/my.db")
    client.execute("create table t (n int)")
    copy = pickle.loads(pickle.dumps(client))
    copy.execute("insert into t values (1)")
    assert copy.call == client.call
    for it in (client, copy):
        it.close()


def test_what_another_process_cannot_import_is_a_mistake_with_a_hint() -> None:
    with pytest.raises(Error, match="cannot import") as caught:
        _ = DBAPIClient(lambda: None, {}).call
    assert "top level" in (caught.value.hint or "")


def test_sqlalchemy_is_asked_for_only_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, octavo.clients; print('sqlalchemy' in sys.modules, 'boto3' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False False\n"
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.setitem(sys.modules, "sqlalchemy.engine", None)
    with pytest.raises(MissingExtra) as caught:
        SQLAlchemyClient("sqlite://")
    assert caught.value.hint == 'pip install "octavo[sql]"'


# ── shells


def test_a_shell_runs_code_and_tells_how_it_ended(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ShellClient().execute(f"echo it ran > '{out}'")
    assert out.read_text() == "it ran\n"
    client = ShellClient("bash -e {{path_to_code}}", {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE})
    with pytest.raises(RuntimeError, match=r"exit code 3\nsaid\ncomplained"):
        again(client).execute("echo said; echo complained >&2; exit 3")


def test_a_template_that_forgets_the_code_is_a_mistake() -> None:
    with pytest.raises(Error, match="no placeholder for the code") as caught:
        ShellClient("bash").command("x.sh")
    assert "{{path_to_code}}" in (caught.value.hint or "")
    assert ShellClient("sh -c 'x y' {{path_to_code}}").command("a b") == ["sh", "-c", "x y", "a b"]


# ── places for files


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "out" / "deep").mkdir(parents=True)
    (root / "pipeline.yaml").write_text("tasks: []\n")
    (root / "out" / "data.csv").write_text("a,b\n")
    (root / "out" / "data.csv.more").write_text("another file whose name begins alike")
    (root / "out" / "deep" / "one.txt").write_text("one")
    monkeypatch.chdir(root)
    return root


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with moto() as env:
        s3("client.create_bucket(Bucket='books')", {**os.environ, **env})
        yield env


@pytest.fixture(
    params=[
        "folder",
        pytest.param("boto3", marks=needs_moto),
        pytest.param("obstore", marks=needs_moto),
        "google",
    ]
)
def place(
    request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StorageClient]:
    """Each client of files, empty."""
    match request.param:
        case "folder":
            yield LocalStorageClient(project.parent / "backup")
        case "google":
            pytest.importorskip("obstore")
            with google() as bucket:
                path = bucket.credentials(project / "google.json")
                yield GCloudStorageClient("books", "my/place", path.name)
        case library:
            pytest.importorskip(library)
            for name, value in request.getfixturevalue("server").items():
                monkeypatch.setenv(name, value)
            if library == "obstore":
                monkeypatch.setitem(sys.modules, "boto3", None)
            yield S3Client("books", f"{library}/{request.node.name}")


@pytest.mark.filterwarnings("ignore")  # boto3 complains about its own age
class TestPlaces:
    def test_files_and_folders_come_back_as_they_were(self, place: StorageClient, project: Path) -> None:
        place.upload("out/data.csv")
        assert place.exists("out/data.csv") and not place.exists("out/deep")
        place.upload(project / "out")
        (project / "out" / "data.csv").unlink()
        place.download("out/data.csv")
        assert Path("out/data.csv").read_text() == "a,b\n"
        place.download("out", "copy")
        copied = {str(it.relative_to("copy")) for it in Path("copy").rglob("*") if it.is_file()}
        assert copied == {"data.csv", "data.csv.more", "deep/one.txt"}
        assert Path("copy/deep/one.txt").read_text() == "one"

    def test_an_upload_writes_over_an_older_one(self, place: StorageClient, project: Path) -> None:
        place.upload("out")
        (project / "out" / "deep" / "one.txt").write_text("two")
        again(place).upload("out")
        place.download("out/deep/one.txt", "got.txt")
        assert Path("got.txt").read_text() == "two"

    def test_what_is_not_there_is_a_mistake_and_leaves_nothing(
        self, place: StorageClient, project: Path
    ) -> None:
        (project / "out" / "data.csv").write_text("mine")
        with pytest.raises(ProductError, match=r"holds no out/data"):
            place.download("out/data.csv")
        assert (project / "out" / "data.csv").read_text() == "mine"
        assert not place.exists("out/data.csv")
        assert not list(project.rglob("*.part"))

    def test_what_lies_outside_of_the_project_has_no_place(self, place: StorageClient, project: Path) -> None:
        with pytest.raises(ProductError, match="outside of the project"):
            place.upload(project.parent / "elsewhere.txt")


def test_the_layout_in_a_folder_is_that_of_the_project(project: Path) -> None:
    client = LocalStorageClient("backup")
    client.upload(project / "out" / "deep")
    assert (project / "backup" / "out" / "deep" / "one.txt").read_text() == "one"
    assert repr(client) == f"LocalStorageClient('{project}/backup')"


@needs_moto
def test_the_layout_in_a_bucket_is_that_of_the_project(project: Path, server: dict[str, str]) -> None:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "more": "ignored"}
    (project / "keys.json").write_text(json.dumps(keys))
    code = """
import warnings; warnings.simplefilter("ignore")
from octavo.clients import S3Client
S3Client("books", "layout", "keys.json", region_name="us-east-1").upload("out/deep")
"""
    env = {**os.environ, **server}
    bare = {
        key: value for key, value in env.items() if key not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    subprocess.run([sys.executable, "-c", code], env=bare, cwd=project, check=True)
    listed = (
        "print([it['Key'] for it in client.list_objects_v2(Bucket='books', Prefix='layout')['Contents']])"
    )
    assert s3(listed, env) == "['layout/out/deep/one.txt']\n"


@needs_moto
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["boto3", "obstore"])
def test_a_bucket_that_is_not_there_is_not_made(
    library: str, project: Path, server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(library)
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    if library == "obstore":
        monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(Exception, match="NoSuchBucket"):
        S3Client("boks", "place").upload("out/data.csv")
    listed = s3("print([it['Name'] for it in client.list_buckets()['Buckets']])", {**os.environ, **server})
    assert listed == "['books']\n"


def test_an_argument_that_only_boto3_knows_is_named_without_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(Error, match="use_ssl: only boto3") as caught:
        S3Client("books", "place", use_ssl=False).upload("out/data.csv")
    assert caught.value.hint == "pip install boto3"
    with pytest.raises(Error, match="no credentials at"):
        S3Client("books", "place", "keys.json").upload("out/data.csv")


def test_the_project_is_found_from_a_folder_inside_and_that_of_a_package_by_its_setup(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "out" / "deep")
    assert LocalStorageClient(project / "b").root == project
    package = project / "package" / "src" / "pkg"
    package.mkdir(parents=True)
    (package / "pipeline.yaml").write_text("tasks: []\n")
    (project / "package" / "setup.py").write_text("")
    monkeypatch.chdir(package)
    assert LocalStorageClient(project / "b").root == project / "package"
    client = LocalStorageClient(project / "b", path_to_project_root=project)
    client.at(package)
    assert client.root == project


def test_without_a_project_the_hint_names_the_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Error, match="cannot tell where the project is") as caught:
        _ = LocalStorageClient("b").root
    assert "path_to_project_root" in (caught.value.hint or "")
