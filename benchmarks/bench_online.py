"""What a request costs beside calling the functions directly: ``octavo serve``, its handler of AWS Lambda, in memory.

Bar: the median of what a request costs more is at most 2 ms.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import octavo
from octavo.online import aws, server
from octavo.online.requests import Service

MOST = 2.0
TASKS = """
import json
from octavo.serialize import serializer, unserializer

@serializer(defaults=[".json"])
def save(value, product): ...
@unserializer(defaults=[".json"])
def load(product): ...
def get():
    return {"age": 30, "name": "Ann"}
def first(upstream):
    return {"a": upstream["get"]["age"] * 2}
def second(upstream):
    return {"b": len(upstream["get"]["name"])}
def features(upstream):
    return {**upstream["first"], **upstream["second"]}
def predict(upstream):
    return sum(upstream["features"].values())
"""


def milliseconds(call: Callable[[], object], count: int) -> list[float]:
    """Return how long each of many calls takes, after some that do not count."""
    found = []
    for number in range(count + count // 10):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
        del found[: int(number < count // 10)]
    return found


def measure(folder: Path, count: int) -> None:
    (folder / "bench_tasks.py").write_text(TASKS)
    names = ("get", "first", "second", "features", "predict")
    rows = "".join(f"  - {{source: bench_tasks.{name}, product: out/{name}.json}}\n" for name in names)
    (folder / "pipeline.yaml").write_text(
        f"serializer: bench_tasks.save\nunserializer: bench_tasks.load\ntasks:\n{rows}"
    )
    sys.path.insert(0, str(folder))
    tasks = __import__("bench_tasks")
    with octavo.load(folder) as project:
        service = Service(project, "predict")
    row = {"age": 41, "name": "Bo"}

    def direct() -> object:
        first, second = tasks.first({"get": row}), tasks.second({"get": row})
        return tasks.predict({"features": tasks.features({"first": first, "second": second})})

    event = {
        "version": "2.0",
        "rawPath": "/",
        "requestContext": {"http": {"method": "POST"}},
        "body": json.dumps(row),
    }
    handle = aws.of_service(service)
    listening = server.server(service, "127.0.0.1", 0)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    line = http.client.HTTPConnection("127.0.0.1", listening.server_address[1])

    def over_http() -> None:
        line.request("POST", "/", json.dumps(row))
        line.getresponse().read()

    try:
        floor = statistics.median(milliseconds(direct, count))
        print(f"the functions, called directly: {floor:.4f} ms")
        for name, call in (("handler", lambda: handle(event, None)), ("HTTP", over_http)):
            found = sorted(milliseconds(call, count))
            middle, last = found[len(found) // 2], found[len(found) * 99 // 100]
            print(
                f"{name}, median (least–most): {middle:.3f} ms ({found[0]:.3f}–{found[-1]:.3f}), 99 % {last:.3f}"
            )
            more, verdict = middle - floor, "met" if middle - floor <= MOST else "NOT met"
            print(f"bar: {name} costs more: {more:.3g} ms, at most {MOST:g} wanted: {verdict}")
    finally:
        line.close()
        listening.shutdown()
        thread.join()
        listening.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="100 requests")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as folder:
        measure(Path(folder), 100 if asked.quick else 5000)


if __name__ == "__main__":
    main()
