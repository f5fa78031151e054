"""The environment variables by which octavo tells the code that it runs where it is."""

from __future__ import annotations

#: The path of the notebook that a kernel was started for.
NOTEBOOK = "OCTAVO_NOTEBOOK"
#: The run that a task belongs to, and the remote that it is at.
RUN = "OCTAVO_RUN"
REMOTE = "OCTAVO_REMOTE"
#: The file to which a task reports metrics: lines of JSON, {"accuracy": 0.9}.
METRICS = "OCTAVO_METRICS"
#: How coverage.py is to measure what tasks run, and where it leaves that: an object of JSON.
COVERAGE = "OCTAVO_COVERAGE"
