"""Read what AWS's own tools take from their environment and files and obstore does not."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping


def settings(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the settings by obstore's names.

    See https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html.
    """
    profile = env.get("AWS_PROFILE", "default")
    config = _section(env.get("AWS_CONFIG_FILE", "~/.aws/config"), profile, f"profile {profile}")
    if "AWS_ACCESS_KEY_ID" not in env:
        files = _section(env.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), profile) or config
        names = {
            "aws_access_key_id": "access_key_id",
            "aws_secret_access_key": "secret_access_key",
            "aws_session_token": "session_token",
        }
        yield from ((ours, files[theirs]) for theirs, ours in names.items() if theirs in files)
    if region := env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or config.get("region"):
        yield "region", region
    named = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    if endpoint := next((env[name] for name in named if env.get(name)), config.get("endpoint_url")):
        yield "endpoint", endpoint


def _section(path: str, *names: str) -> Mapping[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(os.path.expanduser(path), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return next((parser[name] for name in reversed(names) if parser.has_section(name)), {})
