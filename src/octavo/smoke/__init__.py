"""Smoke tests on samples: a pipeline with its sample settings, in a place of its own beside the real products."""

from __future__ import annotations

#: The folder of a project that the place is, and where samples of raw inputs are kept.
PLACE, SAMPLES = ".octavo-test", "data/sample"
#: The file of settings for samples.
SETTINGS = "env.sample.yaml"
