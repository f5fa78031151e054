"""Stored and fresh outputs side by side, as one HTML page; pictures also as their difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ..model import Json, joined
from ..verifying import CellState, CellVerdict, NotebookVerdict
from .verdicts import counted

_STYLE = """\
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; }
.cell { border: 1px solid #8886; border-radius: 6px; padding: .6rem 1rem; margin: 1rem 0; }
.bad > h3 { color: #c0392b; } .good > h3 { color: #27803b; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.pair > div, .apart { min-width: 0; } h4 { margin: .3rem 0; }
img { max-width: 100%; background: #fff; } iframe { width: 100%; height: 18rem; border: 0; background: #fff; }
.over { position: relative; display: inline-block; isolation: isolate; }
.over img + img { position: absolute; inset: 0; mix-blend-mode: difference; }
"""


def page(all_: Sequence[NotebookVerdict]) -> str:
    """Return the page: each notebook with the cells that are not the same. Nothing in it runs or loads anything."""
    body = "\n".join(line for found in all_ for line in _notebook(found))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>octavo verify</title>'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;'
        " style-src 'unsafe-inline'; frame-src 'self'\">"
        f"<style>{_STYLE}</style></head>\n<body><h1>Stored and fresh outputs</h1>\n{body}\n</body></html>\n"
    )


def _notebook(found: NotebookVerdict) -> Iterator[str]:
    yield f"<h2>{_text(found.path)}</h2><p>{_text(counted(found))}</p>"
    if found.failure:
        yield f"<p><strong>failed</strong>: {_text(found.failure)}</p>"
    for cell in found.cells:
        if cell.state is not CellState.SAME:
            yield from _cell(cell)


def _cell(cell: CellVerdict) -> Iterator[str]:
    why = cell.note or ", ".join(cell.causes)
    yield f'<section class="cell {"good" if cell.state.good else "bad"}">'
    yield f"<h3>Cell {cell.number}: {cell.state.value}{f' ({_text(why)})' if why else ''}</h3>"
    yield f"<pre><code>{_text(cell.source)}</code></pre>"
    if cell.differences:
        yield f"<ul>{''.join(f'<li>{_text(str(one))}</li>' for one in cell.differences)}</ul>"
    yield '<div class="pair"><div><h4>stored</h4>' + "".join(map(_output, cell.before)) + "</div>"
    yield "<div><h4>fresh</h4>" + "".join(map(_output, cell.after)) + "</div></div>"
    for before, after in zip(_pictures(cell.before), _pictures(cell.after), strict=False):
        if before != after:
            both = _image(before) + _image(after)
            yield f'<div class="apart"><h4>difference</h4><span class="over">{both}</span></div>'
    yield "</section>"


def _pictures(outputs: Sequence[Json]) -> list[str]:
    found = (output.get("data", {}).get("image/png") for output in outputs)
    return ["".join(str(picture).split()) for picture in found if picture]


def _image(data: str, mime: str = "image/png") -> str:
    return f'<img alt="" src="data:{mime};base64,{escape(data)}">'


def _output(output: Json) -> str:
    """Return an output as a browser shows it; HTML and SVG stand in a frame where no script runs."""
    if output.get("output_type") == "stream":
        return f"<pre>{_text(output.get('text'))}</pre>"
    if output.get("output_type") == "error":
        return f"<pre>{_text(output.get('ename'))}: {_text(output.get('evalue'))}</pre>"
    data = output.get("data") or {}
    for mime in ("image/png", "image/jpeg", "image/gif"):
        if mime in data:
            return _image("".join(str(data[mime]).split()), mime)
    for mime in ("image/svg+xml", "text/html"):
        if mime in data:
            return f'<iframe sandbox srcdoc="{_text(data[mime])}"></iframe>'
    return f"<pre>{_text(data.get('text/plain', ', '.join(data)))}</pre>"


def _text(value: object) -> str:
    return escape(joined(value).encode("utf-8", "replace").decode())
