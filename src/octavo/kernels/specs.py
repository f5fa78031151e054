"""Find installed kernels by name or language, with help when there is none."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import field
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.paths import jupyter_path

from ..dataclass import dataclass
from ..errors import KernelError
from ..hints import did_you_mean

#: What each language's usual kernel is called.
_USUAL = {
    "python": "python3",
    "r": "ir",
    "bash": "bash",
    "sh": "bash",
    "scala": "almond",
    "javascript": "deno",
}
_INSTALL = {
    "python": "pip install ipykernel && python -m ipykernel install --sys-prefix",
    "r": "in R: install.packages('IRkernel'); IRkernel::installspec()",
    "julia": 'in Julia: using Pkg; Pkg.add("IJulia")',
    "bash": "pip install bash_kernel && python -m bash_kernel.install --sys-prefix",
}
#: Names that notebooks carry, by their beginning, for when the language is not known better.
_LANGUAGE_OF = {"ir": "r", "julia": "julia", "bash": "bash", "python": "python"}

_LOCAL = "local-provisioner"


@dataclass(frozen=True, slots=True)
class Kernelspec:
    """A kernelspec: how to start a kernel. ``folder`` is where it was found."""

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]
    folder: str
    env: dict[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"


def find(name: str | None, language: str = "python") -> Kernelspec:
    """Return the kernel of that name (its case does not matter) or, without a name, the usual one of the language.

    Raises ``KernelError`` that lists the installed ones when there is none.
    """
    folders = _folders()
    if name:
        found = (
            name
            if name in folders
            else next((folder for folder in folders if folder.lower() == name.lower()), None)
        )
        if found is None:
            raise _missing(f'the kernel "{name}" is not installed', name, language, folders)
        return _read(found, folders[found])
    usual = _USUAL.get(language.lower())
    if usual in folders:
        return _read(usual, folders[usual])
    # several of one language: the newest, as in julia-1.9, julia-1.10
    specs = [
        spec
        for folder in sorted(folders, key=_version)
        if (spec := _try(folder, folders[folder])) is not None
    ]
    matching = [spec for spec in specs if spec.language.lower() == language.lower()]
    if not matching:
        raise _missing(f"no kernel for {language} is installed", language, language, folders)
    return matching[-1]


def is_this_environment(name: str | None) -> bool:
    """Return whether the kernel of that name is ipykernel in this very environment, started in the usual way.

    So is ``python3``, unless a kernelspec of that name says otherwise: another interpreter, variables, options.
    """
    places = [Path(folder, word) for word in (name, "python3") if word for folder in _searched()]
    found = next((place for place in places if (place / "kernel.json").is_file()), None)
    if found is None:
        return True
    try:
        spec = _read(found.name, str(found))
    except KernelError:
        return False
    python, *words = spec.argv
    words = [word for word in words if not word.startswith("-X")]
    usual = (
        len(words) == 4 and words[0::2] == ["-m", "-f"] and words[1] in ("ipykernel_launcher", "ipykernel")
    )
    return usual and not spec.env and _is_this(python)


def _is_this(python: str) -> bool:
    """Return whether a kernelspec's word for its interpreter means the one that runs this."""
    if os.path.dirname(python):  # two environments may have links to one interpreter
        return os.path.dirname(os.path.abspath(python)) == os.path.dirname(sys.executable)
    # by jupyter_client's rule
    return python in ("python", *(f"python{'.'.join(map(str, sys.version_info[:n]))}" for n in (1, 2)))


def _searched() -> list[str]:
    # the list is given because jupyter_client's own default imports IPython only to learn one path
    ipython = os.environ.get("IPYTHONDIR") or Path("~/.ipython").expanduser()
    return [*jupyter_path("kernels"), str(Path(ipython) / "kernels")]


def _folders() -> dict[str, str]:
    found: dict[str, str] = KernelSpecManager(kernel_dirs=_searched()).find_kernel_specs()
    return found


def _read(name: str, folder: str) -> Kernelspec:
    path = Path(folder) / "kernel.json"
    if name == "python3" and not path.exists():
        # jupyter_client offers ipykernel even where nobody installed its kernelspec
        argv = ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}")
        return Kernelspec(name, "Python 3 (ipykernel)", "python", argv, folder)
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        metadata = dict(plain.get("metadata") or {})
        provisioner = (metadata.get("kernel_provisioner") or {}).get("provisioner_name", _LOCAL)
        if provisioner != _LOCAL:
            message = f'the kernel "{name}" is started by "{provisioner}"; only local kernels are supported'
            raise KernelError(message, str(path))
        return Kernelspec(
            name,
            display_name=str(plain.get("display_name") or name),
            language=str(plain.get("language") or ""),
            argv=tuple(str(part) for part in plain["argv"]),
            folder=folder,
            env={key: str(value) for key, value in (plain.get("env") or {}).items()},
            interrupt_mode=str(plain.get("interrupt_mode") or "signal").lower(),
        )
    except KeyError as error:
        raise KernelError(f"this kernelspec has no {error}", str(path)) from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise KernelError(f"this kernelspec cannot be read: {error}", str(path)) from None


def _try(name: str, folder: str) -> Kernelspec | None:
    try:
        return _read(name, folder)
    except KernelError:
        return None  # a broken one that nobody asked for


def _version(name: str) -> tuple[str, list[int]]:
    stem, _, version = name.rpartition("-")
    numbers = [int(part) for part in version.split(".") if part.isdigit()]
    return (stem, numbers) if numbers else (name, [])


def _missing(message: str, word: str, language: str, folders: dict[str, str]) -> KernelError:
    installed = ", ".join(sorted(folders)) or "none"
    by_name = next(
        (language for prefix, language in _LANGUAGE_OF.items() if word.lower().startswith(prefix)), None
    )
    install = _INSTALL.get(by_name or language.lower())
    usual = _USUAL.get(language.lower())
    near = did_you_mean(word, [folder for folder in folders if folder != usual])
    hints = [
        near,
        f"to use another kernel for {language}: --kernel {usual}" if usual in folders else None,
        f"to install it: {install}" if install and usual not in folders else None,
        None
        if install
        else "https://github.com/jupyter/jupyter/wiki/Jupyter-kernels lists the kernels of all languages",
    ]
    return KernelError(f"{message}; installed: {installed}", hint="; ".join(hint for hint in hints if hint))
