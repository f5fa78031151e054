"""Warm up nbconvert in the server for tasks with exports."""

from __future__ import annotations

from pathlib import Path

from ..errors import Error
from ..model import Json
from .editions import Edition
from .export import exported

# The first page costs four times as much as the next: patterns, lexers and templates are found and compiled for it.
_CELL: Json = {"metadata": {}, "id": "a", "source": "1"}
_PAGE: Json = {
    "cells": [
        {**_CELL, "cell_type": "markdown", "source": "# *a* `b` $c$"},
        {
            **_CELL,
            "cell_type": "code",
            "execution_count": 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
        },
    ],
    "metadata": {"language_info": {"name": "python", "pygments_lexer": "ipython3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}

try:
    exported(_PAGE, [Edition("a.html", "html")], Path(), "a.py", {})
except Error:
    pass  # the tasks will say so
