"""A stand-in for uv that needs no network: it makes real environments, of packages that are a module each."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_UV = """#!{python}
import pathlib, re, subprocess, sys, sysconfig, time
words = sys.argv[1:]
with open({log!r}, "a") as log:
    print(*words, file=log)
if words[0] == "venv":
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", words[-1]], check=True)
    time.sleep({pause})
    sys.exit()
inside = pathlib.Path(words[words.index("--python") + 1])
site = next((inside.parent.parent / "lib").glob("python3*/site-packages"))
(site / "ours.pth").write_text(sysconfig.get_path("purelib"))
bound = dict(line.split("==") for line in pathlib.Path(words[words.index("-c") + 1]).read_text().split())
for line in pathlib.Path(words[words.index("-r") + 1]).read_text().splitlines():
    name, _, version = line.partition("==")
    name = re.match("[a-z-]+", name)[0]
    if name.startswith("no-"):
        sys.exit(f"error: Because {{name}} was not found in the package registry, we can conclude nothing.")
    version = version or bound.get(name) or "9"
    (site / f"{{name}}.py").write_text(f"VERSION = {{version!r}}\\n")
    (site / f"{{name}}-{{version}}.dist-info").mkdir()
"""


class Uv:
    """The program in a folder of its own; ``env`` are the variables by which octavo finds it, and an empty cache."""

    def __init__(self, folder: Path, pause: float = 0.0) -> None:
        self._log = folder / "uv.log"
        self.cache = folder / "cache"
        (folder / "bin").mkdir(parents=True)
        uv = folder / "bin/uv"
        uv.write_text(_UV.format(python=sys.executable, log=str(self._log), pause=pause))
        uv.chmod(0o755)
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.env = {"PATH": path, "XDG_CACHE_HOME": str(self.cache)}

    def made(self) -> int:
        """Return how many environments it has made."""
        text = self._log.read_text() if self._log.exists() else ""
        return sum(line.startswith("venv ") for line in text.splitlines())

    def whole(self) -> list[Path]:
        """Return the folders of environments that are there, each of which must be whole."""
        place = self.cache / "octavo/environments"
        return sorted(path for path in place.iterdir() if path.is_dir()) if place.exists() else []
