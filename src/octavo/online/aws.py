"""A handler of AWS Lambda: requests of API Gateway (REST and HTTP), of a load balancer, of a function's URL, or direct.

The forms of events: https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html and services-alb.html.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from ..model import Json
from ..project import load
from . import plain
from .place import stand
from .requests import HttpReply, Service, refusal

Handler = Callable[[Json, object], object]


def handler(
    project: str,
    task: str,
    given: Sequence[str] = (),
    held: Sequence[str] = (),
    shapes: Mapping[str, Json] | None = None,
) -> Handler:
    """Return the handler for a task of the pipeline in a folder; it is loaded once, when the function starts."""
    known = {
        name: plain.Expected(said["kind"], said["columns"], said["library"])
        for name, said in (shapes or {}).items()
    }
    with load(project) as opened:
        stand(str(opened.root))
        return of_service(Service(opened, task, given, held, known))


def of_service(service: Service) -> Handler:
    """Return the handler of a service."""

    def handle(event: Json, context: object) -> object:
        http = (event.get("requestContext") or {}).get("http") if isinstance(event, dict) else None
        if isinstance(http, dict):  # API Gateway's HTTP APIs (2.0), and URLs of functions
            return _said(
                _asked(service, str(http.get("method")), str(event.get("rawPath", "/")), event), event
            )
        if isinstance(event, dict) and "httpMethod" in event:  # REST APIs (1.0), load balancers
            return _said(
                _asked(service, str(event["httpMethod"]), str(event.get("path") or "/"), event), event
            )
        return _said(service.answer(event), {})

    return handle


def _asked(service: Service, method: str, path: str, event: Json) -> HttpReply:
    body = event.get("body") or ""
    if not isinstance(body, str):
        return refusal(400, "the event's body is no text")
    try:
        data = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError):
        return refusal(400, "the body is said to be Base64, and is not")
    # what stands before the path is the affair of the gateway: its stage, a resource
    return service.reply(method, "/health" if path.endswith("/health") else "/", data)


def _said(reply: HttpReply, event: Json) -> Json:
    found: Json = {"statusCode": reply.status, "body": reply.body.decode(), "isBase64Encoded": False}
    if "elb" in (event.get("requestContext") or {}):
        found["statusDescription"] = f"{reply.status} {HTTPStatus(reply.status).phrase}"
    if "multiValueHeaders" in event and "headers" not in event:
        return found | {"multiValueHeaders": {name: [value] for name, value in reply.headers.items()}}
    return found | {"headers": reply.headers}
