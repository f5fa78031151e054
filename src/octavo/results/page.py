"""Runs side by side as one HTML page: plots, and tables with marked cells. Nothing in it runs or loads anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..review.page import escaped
from ..show import runs_table
from . import Compared, Left, MatchedRow, MatchedTables, RunsOfSource, Sort
from .shown import text_of

_STYLE = """\
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --new: #fd06; --line: #8884; }
body { margin: 2rem; } h2 { margin-top: 2.5rem; } h3 { margin: 1.5rem 0 .3rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
.differs td, td.changed, tr.added td, tr.gone td { background: var(--new); font-weight: 600; }
td del { opacity: .7; } td ins { text-decoration: none; } .wide { overflow-x: auto; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem; }
.pair > figure { margin: 0; min-width: 0; } figcaption { opacity: .8; }
img { max-width: 100%; background: #fff; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.over { position: relative; display: inline-block; isolation: isolate; }
.over img + img { position: absolute; inset: 0; mix-blend-mode: difference; }
svg { display: block; max-width: 100%; margin-bottom: 2rem; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
#: So many rows of a table are shown: those that differ, and others while there is room.
_ROWS = 200


def page(families: Sequence[RunsOfSource], picture: str = "") -> str:
    """Return the page; ``picture`` is an SVG of all runs, of ours."""
    body = "\n".join(part for family in families for part in _family(family))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Runs compared</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><style>\n{_STYLE}</style></head>\n'
        f"<body><main><h1>Runs compared</h1>\n{picture}{body}\n</main></body></html>\n"
    )


def _family(family: RunsOfSource) -> Iterator[str]:
    yield f"<h2>{escaped(', '.join(dict.fromkeys(row.task for row in family.rows)))}</h2>"
    heads = "".join(f"<th>{escaped(row.run)}</th>" for row in family.rows)
    body = "".join(
        f"<tr{' class=differs' if differs else ''}><th>{escaped(name)}</th>"
        + "".join(f"<td>{escaped(value)}</td>" for value in values)
        + "</tr>\n"
        for name, values, differs in runs_table.compared(family.rows)
    )
    yield f'<div class="wide"><table><thead><tr><th></th>{heads}</tr></thead><tbody>\n{body}</tbody></table></div>'
    for result in family.results:
        yield f"<h3>{escaped(result.name)}</h3>"
        yield from _result(family, result)


def _result(family: RunsOfSource, result: Compared) -> Iterator[str]:
    if result.differs:
        words = zip(family.rows[1:], result.said, strict=True)
        yield "".join(
            f"<p>{escaped(row.run)}, {escaped(row.task)}: {escaped(said)}</p>" for row, said in words if said
        )
    if result.merged is not None:
        yield _table(result.merged)
        return
    sides = [*zip(family.rows, result.sides, strict=True)]
    if not result.differs:
        yield "<p>the same</p>" * (len(sides) > 1)
        sides = sides[:1]
    yield '<div class="pair">'
    for row, side in sides:
        yield f"<figure><figcaption>{escaped(row.run)}, {escaped(row.task)}</figcaption>{_side(side)}</figure>"
    pictures = [side for _, side in sides if side and side.sort is Sort.PICTURE]
    if len(pictures) == 2 and len(sides) == 2:
        both = "".join(map(_side, pictures))
        yield f'<figure><figcaption>difference</figcaption><span class="over">{both}</span></figure>'
    yield "</div>"


def _side(side: Left | None) -> str:
    if side and side.sort is Sort.PICTURE:
        return f'<img alt="" src="data:{escaped(side.mime)};base64,{escaped(side.data)}">'
    if side and side.sort is Sort.TABLE:
        rows = "".join(
            f"<tr>{''.join(f'<td>{escaped(it)}</td>' for it in row)}</tr>" for row in side.table[:_ROWS]
        )
        return f'<div class="wide"><table>{rows}</table></div>'
    return f"<pre>{escaped(text_of(side)[:100_000])}</pre>"


def _table(merged: MatchedTables) -> str:
    """Return tables as one, in which each cell that differs has the values of all sides."""
    differing = [line for line in merged.lines if any(line.differs)]
    chosen = differing[:_ROWS] if len(merged.lines) > _ROWS else merged.lines
    heads = "".join(f"<th>{escaped(name)}</th>" for name in merged.columns)
    body = "".join(map(_row, chosen))
    left = len(merged.lines) - len(chosen)
    more = f"<p>{left:,} more rows</p>" if left else ""
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table></div>{more}'
    )


def _row(line: MatchedRow) -> str:
    kind = "added" if line.numbers[0] is None else "gone" if None in line.numbers else ""
    alone = len(line.numbers) == 2 and None in line.numbers  # the whole row is marked
    cells = "".join(map(_cell, line.values, [it and not alone for it in line.differs]))
    return f"<tr{f' class={kind}' if kind else ''}>{cells}</tr>\n"


def _cell(values: Sequence[str | None], differs: bool) -> str:
    there = [value for value in values if value is not None]
    if not differs:
        return f"<td>{escaped(there[0] if there else '')}</td>"
    first = "–" if values[0] is None else escaped(values[0])
    others = " → ".join("–" if value is None else escaped(value) for value in values[1:])
    return f'<td class="changed"><del>{first}</del> → <ins>{others}</ins></td>'
