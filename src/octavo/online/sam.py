"""Files that make a function of AWS Lambda of a part of a pipeline: SAM's template, an image, and its module."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import yaml

from ..dataclass import dataclass
from ..model import Json

_DOCKERFILE = """\
# {mark}
FROM public.ecr.aws/lambda/python:{python}
COPY {lock} ${{LAMBDA_TASK_ROOT}}/
RUN pip install --no-cache-dir -r ${{LAMBDA_TASK_ROOT}}/{base}
{octavo}COPY . ${{LAMBDA_TASK_ROOT}}/
CMD ["{module}.handler"]
"""
#: What no function needs; products are in it, for some are held.
_IGNORED = ".git\n.octavo\n.venv\n**/__pycache__\n**/.ipynb_checkpoints\n"
_MODULE = '''\
# {mark}
"""Answers requests with {task}: see https://github.com/aws/serverless-application-model for the template."""

import json
import os

from octavo.online import aws

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = json.loads({shapes!r})

handler = aws.handler(HERE, {task!r}, {given!r}, {held!r}, SHAPES)
'''
MARK = "Written by octavo export lambda; it writes it anew"


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """A function to be: ``shapes`` is what requests bring, ``wheel`` octavo where the lock has none."""

    name: str
    task: str
    given: Sequence[str]
    held: Sequence[str]
    shapes: Mapping[str, Json]
    python: str
    lock: str
    wheel: str = ""
    memory: int = 1024
    timeout: int = 30


def files(wanted: LambdaFunction) -> dict[str, str]:
    """Return the files by their names in the project. The same function makes the same bytes."""
    module = "lambda_" + re.sub(r"\W", "_", wanted.task)
    octavo = (
        f"COPY {wanted.wheel} /tmp/\nRUN pip install --no-cache-dir /tmp/{_base(wanted.wheel)}\n"
        if wanted.wheel
        else ""
    )
    return {
        "template.yaml": f"# {MARK}\n{yaml.safe_dump(template(wanted), sort_keys=False)}",
        f"{module}.py": _MODULE.format(
            mark=MARK,
            task=wanted.task,
            given=[*wanted.given],
            held=[*wanted.held],
            shapes=json.dumps(wanted.shapes, sort_keys=True),
        ),
        "Dockerfile.lambda.dockerignore": f"# {MARK}\n{_IGNORED}",
        "Dockerfile.lambda": _DOCKERFILE.format(
            mark=MARK,
            python=wanted.python,
            lock=wanted.lock,
            base=_base(wanted.lock),
            octavo=octavo,
            module=module,
        ),
    }


def template(wanted: LambdaFunction) -> Json:
    """Return SAM's template: a function from an image, behind an HTTP API."""
    name = (
        "".join(part[:1].upper() + part[1:] for part in re.findall(r"[A-Za-z0-9]+", wanted.name))
        or "Pipeline"
    )
    event = {"Type": "HttpApi", "Properties": {"Path": "/", "Method": "POST"}}
    health = {"Type": "HttpApi", "Properties": {"Path": "/health", "Method": "GET"}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": f"{wanted.name}: {wanted.task}",
        "Resources": {
            f"{name}Function": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "PackageType": "Image",
                    "MemorySize": wanted.memory,
                    "Timeout": wanted.timeout,
                    "Events": {"Answer": event, "Health": health},
                },
                "Metadata": {"Dockerfile": "Dockerfile.lambda", "DockerContext": ".", "DockerTag": "v1"},
            }
        },
        "Outputs": {
            "Url": {
                "Description": "where it answers",
                "Value": {
                    "Fn::Sub": "https://${ServerlessHttpApi}.execute-api.${AWS::Region}.amazonaws.com/"
                },
            }
        },
    }


def _base(path: str) -> str:
    return path.rpartition("/")[2]
