"""Make the links of README.md absolute in the metadata of a release, as package indexes have no files to link to.

The address of the release's files is in the environment: OCTAVO_FILES_URL=https://…/blob/v1.0.0/. Pictures need the
files themselves: OCTAVO_RAW_URL=https://…/raw/v1.0.0/. Without them the README stays as it is.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: An inline link or, with "!", a picture whose target is a file of the repository.
_LINK = re.compile(r"(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?!\w+:|#)(?P<target>[^)\s]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Set the README, and the address of the documentation where it is known."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        files, raw = os.environ.get("OCTAVO_FILES_URL"), os.environ.get("OCTAVO_RAW_URL")
        if files and raw:
            text = absolute(text, files.rstrip("/"), raw.rstrip("/"))
            metadata["urls"] = {"Documentation": f"{files.rstrip('/')}/docs/index.md"}
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute(text: str, files: str, raw: str) -> str:
    """Return Markdown whose relative links lead to a repository."""
    return _LINK.sub(
        lambda it: f"{it['mark']}[{it['text']}]({raw if it['mark'] else files}/{it['target']})", text
    )
