"""Requests are answered by the functions of a pipeline: in memory, over HTTP, and as events of AWS Lambda."""

from __future__ import annotations

import base64
import copy
import http.client
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

import octavo
from octavo.errors import Error
from octavo.model import Json
from octavo.online import aws, inmemory, plain, server
from octavo.online.requests import LARGEST, Service
from projects import Folder

TASKS = """
    from octavo.errors import ParameterError
    from octavo.serialize import serializer, unserializer

    @serializer(defaults=[".json"])
    def save(value, product): ...
    @unserializer(defaults=[".json"])
    def load(product): ...

    def get():
        return {"age": 30, "name": "Ann", "tags": ["a"]}
    def doubled(upstream, factor=2):
        if upstream["get"]["age"] == 13:
            raise ParameterError("nobody is served at 13")
        return {"age": upstream["get"]["age"] * factor}
    def squared(upstream):
        return {"age": 100 // (upstream["get"]["age"] - 7)}
    def features(upstream):
        return {"doubled": upstream["doubled"]["age"], "squared": upstream["squared"]["age"]}
    def fit(upstream):
        return {"weight": 0.5}
    def predict(upstream, bias):
        return upstream["features"]["doubled"] * upstream["fit"]["weight"] + bias
"""
PIPELINE = """
    serializer: {module}.save
    unserializer: {module}.load
    tasks:
      - {{source: {module}.get, product: out/get.json}}
      - {{source: {module}.doubled, product: out/doubled.json, params: {{factor: 3}}}}
      - {{source: {module}.squared, product: out/squared.json}}
      - {{source: {module}.features, product: out/features.json}}
      - {{source: {module}.fit, product: out/fit.json}}
      - {{source: {module}.predict, product: out/predict.json, params: {{bias: 1}}}}
      - {{source: nb.py, product: out/nb.ipynb}}
      - {{source: {module}.told, product: out/told.json}}
      - {{source: {module}.kept, product: out/kept.txt}}
"""
MORE = """
    def told(upstream):
        return upstream["nb"]
    def kept(product, upstream):
        return upstream["get"]
"""


def written(folder: Folder, module: str) -> Folder:
    """Write a pipeline whose products are there, as a build leaves them."""
    folder.write(f"{module}.py", TASKS + MORE)
    folder.write("pipeline.yaml", PIPELINE.format(module=module))
    folder.write("nb.py", "# %% tags=['parameters']\nupstream = None\n")
    folder.write("out/get.json", '{"age": 30, "name": "Ann", "tags": ["a"]}')
    folder.write("out/fit.json", '{"weight": 0.5}')
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[octavo.Project]:
    folder = written(Folder(tmp_path_factory.mktemp("online")), "online_tasks")
    sys.path.insert(0, str(folder.path))
    try:
        with octavo.load(folder.path) as opened:
            yield opened
    finally:
        sys.path.remove(str(folder.path))
        sys.modules.pop("online_tasks", None)


@pytest.fixture(scope="module")
def logged() -> list[str]:
    return []


@pytest.fixture(scope="module")
def service(project: octavo.Project, logged: list[str]) -> Service:
    return Service(project, "predict", held=["fit"], log=logged.append)


def asked(service: Service, said: object) -> tuple[int, object]:
    reply = service.reply("POST", "/", json.dumps(said).encode())
    return reply.status, json.loads(reply.body)


def test_a_request_is_answered_by_the_tasks_between_what_it_brings_and_the_answer(service: Service) -> None:
    assert service.memory.tasks == ("doubled", "squared", "features", "predict")
    said = {"age": 10, "name": "Bo", "tags": []}
    assert asked(service, said) == asked(service, {"get": said}) == (200, 16.0)
    assert json.loads(service.reply("GET", "/", b"").body)["given"]["get"]["columns"]["age"] == "number"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/", b"{nope", 400, "the body is no JSON: "),
        ("POST", "/", b"\xff\xfe", 400, "the body is no JSON: "),
        ("POST", "/", b"[" * 100_000, 400, "the body is no JSON: "),
        ("POST", "/", b"3", 400, '"get" must be an object, not the number 3'),
        ("POST", "/", b'{"age": "x"}', 400, '"get": age must be a number, not the text "x"'),
        ("POST", "/", b'{"age": 13}', 400, "nobody is served at 13"),
        ("POST", "/", b'{"age": 7}', 500, 'the task "squared" failed'),
        ("POST", "/", b'{"name": "Bo"}', 500, 'the task "doubled" failed'),
        ("POST", "/", b" " * (LARGEST + 1), 413, "the body has more than 10 MB"),
        ("POST", "/more", b"{}", 404, "there is nothing at /more"),
        ("GET", "/more?x=1", b"", 404, "there is nothing at /more"),
        ("DELETE", "/", b"", 405, "DELETE is not understood"),
    ],
)
def test_what_cannot_be_answered_is_said_in_words_and_never_with_a_traceback(
    service: Service, logged: list[str], method: str, path: str, body: bytes, status: int, words: str
) -> None:
    logged.clear()
    reply = service.reply(method, path, body)
    said = json.loads(reply.body)
    assert (reply.status, said["error"].startswith(words)) == (status, True), said
    assert b"Traceback" not in reply.body
    if status == 500:
        assert logged[0].startswith(f"{said['id']}: ")
        assert "Traceback" in logged[0], "the log has what the caller is not told"


@pytest.mark.parametrize(
    ("answer", "given", "held", "message"),
    [
        ("predicd", [], [], 'no task "predicd"'),
        ("predict", ["get"], ["get"], '"get" is both given and held'),
        ("predict", ["features"], [], "has no upstream, and is neither given nor held"),
        ("doubled", [], ["fit"], '"doubled" does not need "fit"'),
        ("get", [], [], '"get" would compute nothing'),
        ("told", ["deep"], [], 'no task "deep"'),
        ("kept", [], [], 'the function of "kept" takes "product"'),
        ("predict", [], ["features"], '"features" is held, and its product out/features.json is not there'),
    ],
)
def test_a_pipeline_that_cannot_answer_is_refused_before_it_is_asked(
    project: octavo.Project, answer: str, given: list[str], held: list[str], message: str
) -> None:
    with pytest.raises(Error) as caught:
        inmemory.InMemory(project, answer, given, held)
    assert message in str(caught.value)


#: What AWS sends, without what differs from request to request: REST APIs, HTTP APIs, load balancers.
V1: Json = {
    "resource": "/",
    "path": "/",
    "httpMethod": "POST",
    "headers": {"Content-Type": "application/json", "Host": "abc.execute-api.eu-west-1.amazonaws.com"},
    "multiValueHeaders": {"Content-Type": ["application/json"]},
    "queryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "requestContext": {"resourcePath": "/", "httpMethod": "POST", "stage": "Prod", "protocol": "HTTP/1.1"},
    "body": '{"age": 10}',
    "isBase64Encoded": False,
}
V2: Json = {
    "version": "2.0",
    "routeKey": "POST /",
    "rawPath": "/",
    "rawQueryString": "",
    "headers": {"content-type": "application/json", "content-length": "11"},
    "requestContext": {
        "apiId": "abc",
        "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
        "routeKey": "POST /",
        "stage": "$default",
    },
    "body": '{"age": 10}',
    "isBase64Encoded": False,
}
ALB: Json = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}},
    "httpMethod": "POST",
    "path": "/",
    "queryStringParameters": {},
    "multiValueHeaders": {"content-type": ["application/json"], "x-forwarded-proto": ["http"]},
    "body": '{"age": 10}',
    "isBase64Encoded": False,
}


@pytest.mark.parametrize("event", [V1, V2, ALB], ids=["v1", "v2", "alb"])
def test_events_of_gateways_and_load_balancers_are_answered_as_each_wants_it(
    service: Service, event: Json
) -> None:
    handle = aws.of_service(service)
    found = handle(event, None)
    assert isinstance(found, dict)
    assert (found["statusCode"], found["body"], found["isBase64Encoded"]) == (200, "16.0", False)
    elb = event is ALB
    assert found.get("statusDescription") == ("200 OK" if elb else None)
    assert ("multiValueHeaders" in found, "headers" in found) == (elb, not elb)
    encoded = {**event, "body": base64.b64encode(b'{"age": 10}').decode(), "isBase64Encoded": True}
    assert handle(encoded, None) == found
    for body, base64_, status in (
        ("{", False, 400),
        ("%%", True, 400),
        (None, False, 400),
        ('{"age": 7}', False, 500),
    ):
        refused = handle({**event, "body": body, "isBase64Encoded": base64_}, None)
        assert isinstance(refused, dict)
        assert (refused["statusCode"], "Traceback" in refused["body"]) == (status, False)
    health = copy.deepcopy(event)
    health["requestContext"].get("http", health)["method" if event is V2 else "httpMethod"] = "GET"
    health["rawPath" if event is V2 else "path"] = "/Prod/health"
    assert json.loads(handle(health, None)["body"]) == {"status": "ok"}  # type: ignore[index]


def test_a_hundred_requests_at_once_get_each_its_own_answer(service: Service) -> None:
    listening = server.server(service, "127.0.0.1", 0)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    together = threading.Barrier(100)

    def ask(age: int) -> tuple[int, object]:
        line = http.client.HTTPConnection("127.0.0.1", listening.server_address[1], timeout=60)
        together.wait(60)
        line.request("POST", "/", json.dumps({"age": age}))
        reply = line.getresponse()
        found = reply.status, json.loads(reply.read())
        line.close()
        return found

    try:
        with ThreadPoolExecutor(100) as pool:
            found = list(pool.map(ask, range(20, 120)))
        assert found == [(200, age * 1.5 + 1) for age in range(20, 120)]
        line = http.client.HTTPConnection("127.0.0.1", listening.server_address[1], timeout=60)
        line.putrequest("POST", "/")
        line.endheaders()
        assert line.getresponse().status == 411
        line.close()
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_rows_are_tables_as_tasks_got_them_when_they_were_built() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    built = pandas.DataFrame(
        {
            "Unnamed: 0": [0],
            "n": [1],
            "x": [1.5],
            "ok": [True],
            "at": pandas.to_datetime(["2026-01-01"]),
            "s": ["a"],
        }
    )
    shape = plain.shape(built)
    row = {"s": "b", "ok": False, "n": 2, "x": None, "at": "2026-02-03T04:05:06"}
    found: Any = plain.value([row, {**row, "x": 3}], "rows", shape)
    wanted = built.drop(columns="Unnamed: 0").dtypes
    assert {name: str(kind)[:5] for name, kind in found.dtypes.items()} == {
        name: str(kind)[:5] for name, kind in wanted.items()
    }
    assert plain.answer(found.drop(columns="at")) == [
        {"n": 2, "x": None, "ok": False, "s": "b"},
        {"n": 2, "x": 3.0, "ok": False, "s": "b"},
    ]
    for wrong, words in (
        ({**row, "n": 1.5}, "n must be a whole number, not the number 1.5"),
        ({**row, "n": 1 << 70}, "n must be a whole number"),
        ({**row, "n": None}, "n must be a whole number, not null"),
        ({**row, "ok": 1}, "ok must be true or false, not the number 1"),
        ({**row, "at": "soon"}, 'at must be a time, not the text "soon"'),
        ({"n": 1}, "lacks x, ok, at, s"),
        ({**row, "y": 1}, "has y, and no such column is known"),
    ):
        with pytest.raises(Error) as caught:
            plain.value(wrong, "rows", shape)
        assert words in str(caught.value)


def test_the_exported_function_answers_and_octavo_serve_ends_when_it_is_told(folder: Folder) -> None:
    written(folder, "tasks")
    folder.write(
        "requirements.lock", "# Python 3.12.1: what the tasks import, and all that it needs\noctavo==0.1\n"
    )
    made = folder.octavo("export", "lambda", "predict", "--option", "held=fit", "--name", "my-model")
    assert made.returncode == 0, made.stderr
    template = yaml.safe_load(folder.read("template.yaml"))
    (function,) = template["Resources"].values()
    assert template["Transform"] == "AWS::Serverless-2016-10-31"
    assert list(template["Resources"]) == ["MyModelFunction"]
    assert (
        (folder.path / function["Metadata"]["Dockerfile"]).read_text().splitlines()[1].endswith("python:3.12")
    )
    code = f"import lambda_predict, json; print(json.dumps(lambda_predict.handler({V2!r}, None)))"
    called = subprocess.run(
        [sys.executable, "-c", code], cwd=folder.path, capture_output=True, text=True, check=True
    )
    assert json.loads(called.stdout)["body"] == "16.0"
    folder.write("template.yaml", "mine: 1\n")
    refused = folder.octavo("export", "lambda", "predict", "--option", "held=fit")
    assert (refused.returncode, "octavo has not written it" in refused.stderr) == (2, True)
    words = [sys.executable, "-m", "octavo", "serve", "predict", "--held", "fit", "--port", "0"]
    with subprocess.Popen(words, cwd=folder.path, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        first = serving.stdout.readline()
        host, _, port = first.split()[0].removeprefix("http://").partition(":")
        line = http.client.HTTPConnection(host, int(port), timeout=60)
        line.request("POST", "/", '{"age": 10}')
        assert line.getresponse().read() == b"16.0"
        line.close()
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0


def test_what_json_cannot_say_is_told(tmp_path: Path) -> None:
    assert plain.answer({"a": (1, float("nan")), "b": None}) == {"a": [1, None], "b": None}
    with pytest.raises(Error, match="which JSON has no way to say"):
        plain.answer(object())
