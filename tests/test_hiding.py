"""What is a secret by its name, and how it is hidden."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.model import HIDDEN, Call, Calls, Source, Task
from octavo.secrets.hiding import Hiding, discreet, holds, of_task, veiled
from octavo.secrets.names import is_secret
from octavo.state.key import FILE, VARIABLE, keyed

SECRET = """password passwd pwd db_password dbPassword DB_PASSWORD password2 mypassword passphrase token api_token
    apiToken GITHUB_TOKEN access-token secret client_secret SECRET_KEY secrets credentials apiKey api_key APIKey
    X-API-Key apikey AWS_ACCESS_KEY_ID aws_secret_access_key private_key sshKey auth basic_auth authorization
    DB_PASS smtp_pass access_tokens api.key"""
INNOCENT = """key keys primary_key sort_key keyboard monkey foreignKey key_column author authors authority tokenizer
    tokens n_tokens max_token pad_token eosToken token_count tokenUrl password_file passwordLength secret_name PWD
    secretary compass pass first_pass passes bypass passenger token_type credentials_path api_key_name path a n"""
WORDS = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@pytest.mark.parametrize("name", SECRET.split())
def test_names_that_say_it_are_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", INNOCENT.split())
def test_names_that_only_sound_like_it_are_not(name: str) -> None:
    assert not is_secret(name)


@given(st.lists(WORDS, max_size=3), st.sampled_from(["password", "secret", "api_key", "credential"]))
def test_a_secret_word_counts_whatever_stands_before_it_and_however_it_is_written(
    before: list[str], word: str
) -> None:
    words = [*before, *word.split("_")]
    assert is_secret("_".join(words))
    assert is_secret("-".join(words).upper())
    assert is_secret(words[0] + "".join(each.capitalize() for each in words[1:]))


@given(WORDS, st.booleans())
def test_what_a_person_says_of_a_name_wins(name: str, said: bool) -> None:
    assert is_secret(name, {name: said}) is said
    assert is_secret(name, {"*": not said, name: said}) is said
    assert is_secret(f"{name}_password", {"*": False}) is False


@given(WORDS.filter(lambda word: not is_secret(word) and word != "key"))
def test_key_alone_is_no_secret(word: str) -> None:
    others = {"api", "access", "private", "secret", "ssh", "auth", "storage", "account", "service", "signing"}
    if word not in others | {"encryption", "hmac", "aes", "rsa", "license", "shared", "webhook", "signature"}:
        assert not is_secret(f"{word}_key")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:pw@host:5432/db", "postgresql://u:•••@host:5432/db"),
        ("postgresql://u:p@ss@host/db", "postgresql://u:•••@host/db"),
        ("postgresql://u:p/a?b@host/db", "postgresql://u:•••@host/db"),
        ("redis://:pw@host", "redis://:•••@host"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("https://ghp_token@github.com/x", "https://•••@github.com/x"),
        ("http://host:8080/a?mail=x@y", "http://host:8080/a?mail=x@y"),
        ("s3://bucket/key?api_key=abc&n=1", "s3://bucket/key?api_key=•••&n=1"),
        ("https://h/b?sp=r&sig=a%2Bb%3D", "https://h/b?sp=r&sig=•••"),
        ("host=db user=me password='a b' port=1", "host=db user=me password=••• port=1"),
        ("primary_key=id, sort=password", "primary_key=id, sort=password"),
        ("postgres://postgres:postgres@db/postgres", "postgres://postgres:•••@db/postgres"),
        ("two: a://u:one@h b://v:two@h", "two: a://u:•••@h b://v:•••@h"),
    ],
)
def test_texts_say_their_own_secrets(text: str, shown: str) -> None:
    assert discreet(text) == shown
    assert discreet(shown) == shown


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S")), min_size=4), st.text(), st.text())
def test_a_known_secret_is_in_no_text_after_it_was_taken_out(secret: str, before: str, after: str) -> None:
    secret = f"{secret}7"
    if secret not in HIDDEN:
        assert secret not in discreet(f"{before}{secret}{after}", [secret]).replace(HIDDEN, "")


def test_a_short_word_is_hidden_only_as_a_word_of_its_own() -> None:
    assert discreet("postgres, postgresql", ["postgres"]) == f"{HIDDEN}, postgresql"


def test_values_are_hidden_however_deep_and_others_stay_the_very_same() -> None:
    value = {
        "host": "db",
        "auth": {"user": "me", "word": 1234},
        "rows": [1, {"token": "abcd"}],
        "token": None,
    }
    hiding = Hiding({})
    assert hiding.value("db", value) == {
        "host": "db",
        "auth": {"user": HIDDEN, "word": HIDDEN},
        "rows": [1, {"token": HIDDEN}],
        "token": None,
    }
    assert hiding.found == {"me", "1234", "abcd"}
    plain = {"host": "db", "use_token": True, "password": "", "rows": [1, (2, "x")]}
    assert Hiding({}).value("db", plain) is plain
    assert not holds(plain)
    assert holds([plain, "a://b:c@d"])


def task(**params: object) -> Task:
    return Task("fit", "notebook", Source("fit.py"), params=params)


def test_a_manifest_has_a_keyed_digest_that_tells_equal_from_changed(tmp_path: Path) -> None:
    digest = keyed(tmp_path / ".octavo")
    part = of_task(task(token="a"), (), digest).kept["token"]
    assert part == of_task(task(token="a"), (), keyed(tmp_path / ".octavo")).kept["token"]
    assert part != of_task(task(token="b"), (), digest).kept["token"]
    assert part != of_task(task(token="a"), (), keyed(tmp_path / "other")).kept["token"]
    assert part.startswith(f"{HIDDEN} (")
    assert stat.S_IMODE(os.stat(tmp_path / ".octavo" / FILE).st_mode) == 0o600
    assert sorted(os.listdir(tmp_path / ".octavo")) == [".gitignore", FILE]


def test_a_team_with_one_key_has_equal_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "of the team")
    assert keyed(tmp_path / "a")("x") == keyed(tmp_path / "b")("x")
    monkeypatch.setenv(VARIABLE, "of another")
    assert keyed(tmp_path / "a")("x") != keyed(tmp_path / "c")("y")
    assert not (tmp_path / "a").exists()


def test_a_damaged_key_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"short")
    assert keyed(tmp_path)("x") == keyed(tmp_path)("x")
    assert len((tmp_path / FILE).read_bytes()) == 32


def test_arguments_of_calls_are_hidden_too_and_what_is_shown_is_a_copy() -> None:
    hook = Call("mods.hook", {"client_secret": "abcd", "n": 1})
    one = Task(
        "t", "function", Source("t.py"), params={"dsn": "a://u:pass1@h", "n": 1}, calls=Calls(on_finish=hook)
    )
    hidden = of_task(one, ["n"], None)
    assert hidden.params == {"dsn": "a://u:•••@h"}
    assert set(hidden.words) == {"pass1", "abcd"}
    assert hidden.options["on_finish"].startswith("mods.hook {")
    assert "abcd" not in hidden.options["on_finish"]
    assert veiled(one) is one
