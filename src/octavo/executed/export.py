"""Export executed notebooks to HTML, Markdown, LaTeX and PDF; the only importer of nbconvert.

It runs in the worker, so that what a template or a PDF needs and lacks is a failure of its task alone. PDFs come from
LaTeX where there is one, else from Chromium.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from traitlets.config import Config

from ..errors import Error, ProductError
from ..hints import did_you_mean
from ..lazy import put_off
from ..model import Failure, Json, Task
from ..notebook.cells import dump_ipynb
from ..process import child
from ..products import writing
from ..products.scratch import Scratch
from .editions import Edition, exports
from .harmless import harmless

with put_off("rfc3987_syntax", "is_valid_syntax"):
    import nbconvert
    from nbconvert.exporters import Exporter, WebPDFExporter
    from nbformat.v4 import reads_json

#: Exporters that put images into files of their own, and those that want pandoc for text in Markdown.
_PANDOC = ("rst", "latex", "pdf", "asciidoc")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
# nbconvert is only partly typed
_exporter_of: Callable[[str], type[Exporter]] = nbconvert.get_exporter
_names: Callable[[], list[str]] = nbconvert.get_export_names

_ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
#: Seconds for a browser to print one page.
_PATIENCE = 120

_WHAT_MAKES_PDF = (
    "install LaTeX (texlive-xetex) with pandoc, or Chromium, or playwright: "
    'pip install "nbconvert[webpdf]" && playwright install chromium'
)


def check(wanted: Iterable[Edition], notebook: Json, options: Mapping[str, object]) -> None:
    """Raise what is missing on this machine for the editions of a notebook; better now than when it has run."""
    prose = any(cell["cell_type"] == "markdown" and cell["source"] for cell in notebook["cells"])
    for edition in wanted:
        if edition.plain:
            continue
        name = _found(edition)
        if name == "pdf" and shutil.which("xelatex") is None and not _can_print(options):
            raise ProductError("nothing is installed that makes PDFs", edition.path, _WHAT_MAKES_PDF)
        if name == "webpdf" and not _can_print(options):
            raise ProductError(
                "Chromium is not installed",
                edition.path,
                f"{_WHAT_MAKES_PDF.partition(', or ')[2]}",
            )
        if name in _PANDOC and prose and shutil.which("pandoc") is None:
            if name == "pdf" and _can_print(options):
                continue
            hint = "install pandoc: https://pandoc.org/installing.html"
            raise ProductError(f"{name} requires pandoc for markdown cells", edition.path, hint)


def exported(
    data: Mapping[str, object],
    wanted: Iterable[Edition],
    base: Path,
    source: str,
    options: Mapping[str, object],
) -> dict[Path, bytes]:
    """Return the files that the editions of an executed notebook consist of: themselves, and images beside them.

    ``options`` are the arguments of nbconvert's exporters. Paths are relative to ``base``.
    """
    text = b"".join(dump_ipynb(dict(data)))
    safe = bool(options.get("sanitize_html"))
    shown = b"".join(dump_ipynb(harmless(data))) if safe else text
    files: dict[Path, bytes] = {}
    for edition in wanted:
        if edition.plain:
            files[base / edition.path] = text
            continue
        try:
            files |= _convert(shown, edition, base, source, options)
        except Error:
            raise
        except Exception as error:
            raise ProductError(
                f"the executed notebook could not be exported: {_last(error)}", edition.path, _advice(error)
            ) from error
    return files


def write(files: Mapping[Path, bytes], *, named: bool = False) -> None:
    """Write files beside their places and rename them when all are there, so that nobody sees half of it.

    ``named``: the user named the place for this run, and it may be a device.
    """
    with ExitStack() as places:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(places.enter_context(writing.beside(path, named=named))).write_bytes(content)


def failure(error: Error) -> Failure:
    """Return the failure of a task whose export could not be made, with the traceback of what nbconvert raised."""
    cause = error.__cause__
    lines = tuple(traceback.format_exception(cause)) if cause is not None else ()
    return replace(Failure.of(error), traceback=lines)


def unknown(wanted: Iterable[Edition], options: Mapping[str, object]) -> list[str]:
    """Return a note for each argument that no exporter of these editions has: nbconvert ignores it."""
    known = {"config"}
    for edition in wanted:
        if not edition.plain:
            known |= set(_exporter_of(_found(edition)).class_trait_names())
    return [
        f"nbconvert_export_kwargs: no exporter has {name!r}, so it is ignored"
        + (f"; {hint}" if (hint := did_you_mean(name, known)) else "")
        for name in options
        if name not in known
    ]


def _convert(
    text: bytes, edition: Edition, base: Path, source: str, options: Mapping[str, object]
) -> dict[Path, bytes]:
    path = base / edition.path
    exporter = _exporter(_found(edition), text, options)
    folder = (base / source).parent
    resources: Json = {
        # as nbconvert's own command names them, so that links to images are relative to the export
        "metadata": {"name": path.stem, "path": str(folder if folder.is_dir() else base)},
        "unique_key": path.stem.replace(" ", "_"),
        "output_files_dir": f"{path.stem.replace(' ', '_')}_files",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandoc's version, of missing alternative texts
        content, resources = exporter.from_notebook_node(reads_json(text.decode()), resources)
    beside = {path.parent / name: image for name, image in (resources.get("outputs") or {}).items()}
    return {path: content.encode() if isinstance(content, str) else content, **beside}


def _exporter(name: str, text: bytes, options: Mapping[str, object]) -> Exporter:
    """Return an exporter that takes ``options`` as nbconvert's own ``export`` does."""
    if (
        name == "pdf"
        and (shutil.which("xelatex") is None or shutil.which("pandoc") is None)
        and _can_print(options)
    ):
        name = "webpdf"
    kind = _exporter_of(name)
    if kind is WebPDFExporter and not _wants_playwright(options):
        kind = Printed
    known = set(kind.class_trait_names())
    given = {key: value for key, value in options.items() if key in known and key != "config"}
    log = logging.getLogger("octavo.export")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return kind(config=Config(options.get("config") or {}), log=log, **given)


def _found(edition: Edition) -> str:
    """Return the name of an edition's exporter, which nbconvert knows."""
    try:
        _exporter_of(edition.exporter)
    except (ValueError, nbconvert.ExporterNameError, ImportError) as error:
        names = sorted(_names())
        what = (
            f'nbconvert has no exporter "{edition.exporter}"'
            if edition.exporter
            else "its format is not known"
        )
        hint = (
            did_you_mean(edition.exporter, names) or f"nbconvert_exporter_name is one of: {', '.join(names)}"
        )
        raise ProductError(what, edition.path, hint) from error
    return edition.exporter


class Printed(WebPDFExporter):
    """A page printed by the Chromium of this machine, without playwright."""

    def run_playwright(self, html: str) -> bytes:
        """Print a page and return the PDF: the one step of nbconvert's exporter that wants playwright."""
        browser = _browser()
        assert browser is not None
        with Scratch() as scratch:
            folder = scratch.path
            page, pdf = Path(folder, "page.html"), Path(folder, "page.pdf")
            page.write_text(html, encoding="utf-8")
            command = [browser, "--headless", "--disable-gpu", f"--user-data-dir={folder}/profile"]
            command += ["--no-first-run", "--no-pdf-header-footer", f"--print-to-pdf={pdf}"]
            command += [f"--virtual-time-budget={max(10_000, self.page_render_timeout)}", *self.browser_args]
            if self.disable_sandbox or os.geteuid() == 0:  # Chromium refuses to be root in a sandbox
                command.append("--no-sandbox")
            done = subprocess.run(
                [*command, page.as_uri()], capture_output=True, timeout=_PATIENCE, check=False
            )
            if not pdf.is_file():
                lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
                raise ProductError(f"{browser} printed nothing: {lines[-1] if lines else done.returncode}")
            return pdf.read_bytes()


def _browser() -> str | None:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    return found or (_ON_A_MAC if os.path.exists(_ON_A_MAC) else None)


def _can_print(options: Mapping[str, object]) -> bool:
    if _browser() is not None:
        return True
    return find_spec("playwright") is not None and (
        bool(options.get("allow_chromium_download")) or _has_its_own()
    )


def _has_its_own() -> bool:
    """Return whether playwright has a Chromium: https://playwright.dev/python/docs/browsers#managing-browser-binaries."""
    said = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    caches = [said] if said not in ("", "0") else ["~/.cache/ms-playwright", "~/Library/Caches/ms-playwright"]
    if said == "0" and (package := find_spec("playwright")) and package.origin:
        caches = [os.path.join(os.path.dirname(package.origin), "driver", "package", ".local-browsers")]
    return any(found for cache in caches for found in Path(cache).expanduser().glob("chromium*"))


def _wants_playwright(options: Mapping[str, object]) -> bool:
    """Return whether only playwright can do what is asked for: one long page, or a Chromium of its own."""
    wishes = options.get("paginate") is False or bool(options.get("allow_chromium_download"))
    return find_spec("playwright") is not None and (wishes or _browser() is None)


def _last(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    # LaTeX says what is wrong on the lines that start with "!", among hundreds of others
    telling = next((line for line in lines if line.startswith("! ")), lines[0])
    return f"{type(error).__name__}: {telling}".rstrip(": ")


def _advice(error: Exception) -> str:
    if type(error).__name__ == "LatexFailed":
        return "nbconvert_exporter_name: webpdf prints it with Chromium, without LaTeX"
    return "the executed notebook is kept, see above; try jupyter nbconvert on it"


def main() -> None:
    """Make the exports of a task anew from its executed notebook; answer with what went wrong."""
    child.answer(lambda question: _again(*question), standard_first=True)


def _again(task: Task, data: Mapping[str, object]) -> str | None:
    options = task.own.get("nbconvert_export_kwargs") or {}
    try:
        write(exported(data, exports(task), Path.cwd(), task.source.path, options))
    except Error as error:
        return f"{error.where}: {error.message}" if error.where else error.message
    except OSError as error:
        return f"{error.filename} cannot be written: {error.strerror}"
    return None
