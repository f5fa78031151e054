"""Comparisons of notebooks as one HTML page: nothing in it runs or loads anything, whatever the notebooks hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import zip_longest

from ..model import Json, joined
from . import syntax
from .changes import ChangedCell, Comparison, DiffLine

_STYLE = """\
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
:root { --page: #ffffff; --ink: #111111; --gone: #ffd7d5; --new: #d1f4d9; --word: #0002; }
:root { --keyword: #8a1060; --string: #0a3f8a; --number: #7a3300; --comment: #454950; --name: #4b2aa0; }
@media (prefers-color-scheme: dark) { :root {
  --page: #121212; --ink: #f2f2f2; --gone: #5b1f1f; --new: #1d4428; --word: #fff2;
  --keyword: #ffc0e0; --string: #a9d3ff; --number: #ffcf9e; --comment: #cfd3da; --name: #d9c7ff; } }
html { background: var(--page); color: var(--ink); }
body { max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; }
summary:focus-visible, pre:focus-visible { outline: 3px solid #2a7ae2; }
pre { margin: .3rem 0; overflow-x: auto; } pre span { display: block; white-space: pre-wrap; overflow-wrap: anywhere; }
.gone { background: var(--gone); } .new { background: var(--new); }
mark { background: var(--word); color: inherit; text-decoration: underline; }
i { font-style: normal; } .keyword { color: var(--keyword); } .string { color: var(--string); }
.number { color: var(--number); } .comment { color: var(--comment); } .name { color: var(--name); }
section { border: 1px solid #8886; border-radius: 6px; padding: .4rem 1rem; margin: 1rem 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; } .pair > div { min-width: 0; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top; }
td { overflow-wrap: anywhere; } .wide { overflow-x: auto; }
img { max-width: 100%; background: #fff; } h3, h4 { margin: .3rem 0; }
.over { position: relative; display: inline-block; isolation: isolate; }
.over img + img { position: absolute; inset: 0; mix-blend-mode: difference; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_CLASSES = {"-": "gone", "+": "new"}
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
#: The most characters of a text of an output that are shown.
_SHOWN = 20_000


def page(all_: Sequence[Comparison], title: str, start: str = "") -> str:
    """Return the page; ``start`` is HTML of ours that comes first."""
    body = "\n".join(line for found in all_ for line in _notebook(found)) or "<p>No notebook differs.</p>"
    body = f"{start}\n{body}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escaped(title)}</title><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<style>{_STYLE}</style></head>\n<body><main><h1>{escaped(title)}</h1>\n{body}\n</main></body></html>\n"
    )


def _notebook(found: Comparison) -> Iterator[str]:
    name = found.after if found.after == found.before else f"{found.before} → {found.after}"
    yield f"<details open><summary><strong>{escaped(name)}</strong> {escaped(found.counted())}</summary>"
    if found.notes:
        yield f"<ul>{''.join(f'<li>{escaped(note)}</li>' for note in found.notes)}</ul>"
    for change in found.cells:
        yield from _cell(change)
    yield "</details>"


def _cell(change: ChangedCell) -> Iterator[str]:
    kind = f"{change.kind}, moved" if change.moved else change.kind
    yield f"<section><h2>{escaped(change.type)} {escaped(change.name)}: {kind}</h2>"
    if change.lines:
        lines = map(_line, change.lines, syntax.spans(change))
        yield f'<pre tabindex="0"><code>{"".join(lines)}</code></pre>'
    if change.notes:
        yield f"<ul>{''.join(f'<li>{escaped(note)}</li>' for note in change.notes)}</ul>"
        yield from _outputs(_listed(change.before), _listed(change.after))
    yield "</section>"


def _listed(cell: Json | None) -> list[Json]:
    return list((cell or {}).get("outputs") or [])


def _line(line: DiffLine, spans: Sequence[syntax.Span]) -> str:
    if line.sign == "…":
        return "<span>…</span>"
    pieces = []
    for piece, marked, style in syntax.pieces(line.text, line.marks, spans):
        shown = f'<i class="{style}">{escaped(piece)}</i>' if style else escaped(piece)
        pieces.append(f"<mark>{shown}</mark>" if marked else shown)
    # the sign, and not the colour alone, says what a line is
    return f'<span class="{_CLASSES.get(line.sign, "same")}">{line.sign} {"".join(pieces)}</span>'


def _outputs(before: Sequence[Json], after: Sequence[Json]) -> Iterator[str]:
    if before == after:
        return
    yield '<div class="pair"><div><h3>before</h3>' + "".join(map(_output, before)) + "</div>"
    yield "<div><h3>after</h3>" + "".join(map(_output, after)) + "</div></div>"
    for one, two in zip_longest(before, after):
        picture, other = _picture(one), _picture(two)
        if picture and other and picture != other:
            both = _image(picture, "before") + _image(other, "after")
            yield f'<h3>difference</h3><span class="over">{both}</span>'


def _picture(output: Json | None) -> tuple[str, str] | None:
    data = (output or {}).get("data")
    if isinstance(data, dict):
        for mime in _PICTURES:
            if mime in data:
                return mime, "".join(joined(data[mime]).split())
    return None


def _image(picture: tuple[str, str], words: str) -> str:
    return f'<img alt="picture {words}" src="data:{picture[0]};base64,{escape(picture[1])}">'


def _output(output: Json) -> str:
    if output.get("output_type") == "stream":
        return _pre(joined(output.get("text", "")))
    if output.get("output_type") == "error":
        return _pre(f"{output.get('ename')}: {output.get('evalue')}")
    if picture := _picture(output):
        return _image(picture, "of the output")
    data = output.get("data")
    table = data if isinstance(data, dict) else {}
    return _pre(joined(table["text/plain"]) if "text/plain" in table else ", ".join(table))


def _pre(text: str) -> str:
    more = f"\n… {len(text) - _SHOWN:,} characters more" if len(text) > _SHOWN else ""
    return f'<pre tabindex="0">{escaped(text[:_SHOWN] + more)}</pre>'


def escaped(value: str) -> str:
    """Return a text as HTML has it; what is half a character is a question mark."""
    return escape(value.encode("utf-8", "replace").decode())
