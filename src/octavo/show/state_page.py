"""Show the state of a pipeline as one HTML page: graph, reasons, times, and links to products."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..dataclass import dataclass
from .graph_page import head
from .screen import many, seconds
from .steps import counted, state
from .svg import escaped, svg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model import Step
    from ..state.store import PastRun

#: How many of the last runs of a task are drawn.
RUNS = 16
_HIGH, _WIDE = 22, 5


@dataclass(frozen=True, slots=True)
class ProductLink:
    """Something that a task made. ``link`` is relative to the page, None for what is no file; ``size`` None if gone."""

    name: str
    link: str | None = None
    size: str | None = None
    report: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task on the page, with its last runs (the newest first) and why the last one failed, if it did.

    ``taken_as``: how its results came to be taken without a run, "adopted" or "accepted".
    """

    step: Step
    source: str
    products: tuple[ProductLink, ...] = ()
    runs: tuple[PastRun, ...] = ()
    failure: str = ""
    taken_as: str = ""


_LOOK = """
*{box-sizing:border-box}
body{--bg:#fff;--fg:#1c1c1c;--dim:#5c6470;--rule:#e2e5e9;--panel:#f6f7f9;--link:#0b57a8;--bad:#b3261e;
margin:0 auto;max-width:1280px;padding:28px 28px 60px;font:15px/1.5 system-ui,sans-serif;
background:var(--bg);color:var(--fg)}
h1{font-size:24px;line-height:1.2;margin:0 0 4px}h2{font-size:16px;margin:34px 0 10px}p{margin:0;color:var(--dim)}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
.count{display:flex;flex-wrap:wrap;gap:10px;margin:18px 0 0;padding:0;list-style:none}
.count li{padding:8px 16px 7px;border:1px solid var(--rule);border-radius:10px;background:var(--panel);
font-size:13px;color:var(--dim)}
.count b{display:block;font-size:20px;line-height:1.25;color:var(--fg)}
.graph{overflow:auto;border:1px solid var(--rule);border-radius:10px;max-height:70vh}
.graph svg{display:block}.graph .task{cursor:pointer;outline:none}.graph .task:focus-visible rect{stroke-width:3}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;font-weight:600;font-size:12px;color:var(--dim);padding:0 14px 6px 0;
border-bottom:1px solid var(--rule)}
td{vertical-align:top;padding:11px 14px 11px 0;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}
td:first-child{min-width:11em}td:nth-child(2){min-width:13em}td:nth-child(3){min-width:9.5em;white-space:nowrap}
td:last-child{min-width:15em}
tr:target td,tr.shown td{background:var(--panel)}
.name{font:600 14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}
small,.soft{font-size:12.5px;color:var(--dim)}
.pill{display:inline-block;padding:0 9px;border-radius:99px;font-size:12.5px;font-weight:600;border:1px solid var(--c);
color:var(--c);background:var(--f)}
.fresh{--c:var(--fresh);--f:var(--fresh-fill)}.stale{--c:var(--stale);--f:var(--stale-fill)}
.waits{--c:var(--waits);--f:var(--waits-fill)}.blocked{--c:var(--blocked);--f:var(--blocked-fill)}
.failed{--c:var(--bad);--f:transparent}
ul.why,ul.made{list-style:none;margin:4px 0 0;padding:0}ul.made{margin:0}
.why li{font-size:13px;color:var(--dim)}.bad{color:var(--bad);font-size:13px}
.made li{margin-bottom:2px}.made .report a{font-weight:600}.gone{color:var(--dim);text-decoration:line-through}
.bars{display:block;margin-top:3px}.bars rect{fill:var(--fresh)}.bars .not{fill:var(--bad)}.bars .kept{fill:var(--line)}
footer{margin-top:34px;font-size:12.5px;color:var(--dim)}
@media(prefers-color-scheme:dark){body{--bg:#14161a;--fg:#ececec;--dim:#a9b1bb;--rule:#2c313a;--panel:#1d2026;
--link:#7db8ff;--bad:#ff8a80}}
@media print{body{max-width:none;padding:0}.graph{max-height:none}}
"""

# a task in the picture leads to its row
_SCRIPT = """
for (const box of document.querySelectorAll(".graph .task")) {
  const row = document.getElementById("task " + box.dataset.task);
  const go = () => { location.hash = encodeURIComponent(row.id); row.scrollIntoView({block: "center"}); };
  box.addEventListener("click", go);
  box.addEventListener("keydown", e => { if (e.key === "Enter") go(); });
  row.addEventListener("pointerenter", () => box.querySelector("rect").style.strokeWidth = 3);
  row.addEventListener("pointerleave", () => box.querySelector("rect").style.strokeWidth = "");
}
"""


def html(rows: Sequence[TaskRow], title: str, footer: str, notes: Sequence[str] = ()) -> str:
    """Return the page; ``footer`` says when and by what. It fetches nothing, and its links are relative."""
    steps = {row.step.task.name: row.step for row in rows}
    paragraphs = "".join(f"<p>{escaped(note)}</p>" for note in notes)
    return (
        f"{head(title, _LOOK)}"
        f'<body class="octavo"><h1>{escaped(title)}</h1><p>{counted(steps)}</p>\n'
        f'<ul class="count">{"".join(_counts(rows))}</ul>\n'
        f'<h2>Graph</h2>\n<div class="graph">{svg(steps, title, style=False)}</div>\n'
        f'<h2>Tasks</h2>\n<div class="wide"><table><thead><tr><th>task<th>state<th>last run<th>made</tr></thead>\n'
        f"<tbody>{''.join(map(_row, rows))}</tbody></table></div>\n"
        f"{f'<h2>Notes</h2>{paragraphs}' if paragraphs else ''}"
        f"<footer>{escaped(footer)}</footer>\n<script>{_SCRIPT}</script>\n</body></html>\n"
    )


def _counts(rows: Sequence[TaskRow]) -> Iterator[str]:
    yield f"<li><b>{len(rows):,}</b>{'task' if len(rows) == 1 else 'tasks'}</li>"
    states = [state(row.step) for row in rows]
    for word in dict.fromkeys(states):
        yield f"<li><b>{states.count(word):,}</b>{word}</li>"
    broken = [row for row in rows if row.runs and row.runs[0].outcome == "failed" and not row.step.fresh]
    if failed := len(broken):
        yield f"<li><b>{failed:,}</b>failed in their last run</li>"
    took = [run.seconds for row in rows if (run := _last(row.runs))]
    if took:
        yield f"<li><b>{seconds(sum(took))}</b>of work in the last runs</li>"


def _row(row: TaskRow) -> str:
    step, task = row.step, row.step.task
    word = state(step)
    why = [str(reason) for reason in step.reasons]
    why += [f"waits for {up}" for up in step.waits]
    lines = "".join(f"<li>{escaped(line)}</li>" for line in why)
    failed = f'<div class="bad">{escaped(row.failure)}</div>' if row.failure else ""
    products = "".join(map(_product, row.products))
    return (
        f'\n<tr id="task {escaped(task.name)}"><td><div class="name">{escaped(task.name)}</div>'
        f"<small>{escaped(task.kind)} · {_anchor(row.source, task.source.entry or task.source.path)}</small></td>"
        f'<td><span class="pill {word}">{word}</span>{f"<ul class=why>{lines}</ul>" if lines else ""}{failed}</td>'
        f'<td>{_ran(row.runs, row.taken_as)}</td><td><ul class="made">{products}</ul></td></tr>'
    )


def _ran(runs: Sequence[PastRun], taken_as: str) -> str:
    if not runs:
        return f'<span class="soft">{taken_as or "never"}</span>'
    newest, last = runs[0], _last(runs)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(newest.at))
    outcome = '<span class="pill failed">failed</span>' if newest.outcome == "failed" else newest.outcome
    took = seconds(last.seconds) if last else ""
    return f'{took}{_bars(runs)}<div class="soft">{when} · {outcome}</div>'


def _last(runs: Sequence[PastRun]) -> PastRun | None:
    """Return the newest run that did the work, which a result from the cache did not."""
    return next((run for run in runs if run.outcome == "done"), None)


def _bars(runs: Sequence[PastRun]) -> str:
    """Return a bar for each of the last runs, the oldest first, as high as it took long."""
    shown = [run for run in runs[:RUNS] if run.outcome in ("done", "failed", "restored")][::-1]
    if len(shown) < 2:
        return ""
    longest = max(run.seconds for run in shown) or 1.0
    bars = ""
    for place, run in enumerate(shown):
        height = max(2.0, run.seconds / longest * _HIGH)
        look = {"failed": ' class="not"', "restored": ' class="kept"'}.get(run.outcome, "")
        bars += (
            f'<rect{look} x="{place * (_WIDE + 2)}" y="{_HIGH - height:.1f}" width="{_WIDE}" height="{height:.1f}" '
            f'rx="1"><title>{run.outcome}, {seconds(run.seconds)}</title></rect>'
        )
    width = len(shown) * (_WIDE + 2)
    words = f"the last {many(len(shown), 'run')}"
    return f'<svg class="bars" width="{width}" height="{_HIGH}" role="img" aria-label="{words}">{bars}</svg>'


def _product(product: ProductLink) -> str:
    if product.link is None:
        shown = escaped(product.name)
    elif product.size is None:
        shown = f'<span class="gone">{escaped(product.name)}</span>'
    else:
        shown = _anchor(product.link, product.name)
    kind = "report" if product.report else "bad" if product.failed else ""
    words = [word for word in (product.size, "of the run that failed" if product.failed else "") if word]
    if product.link is not None and product.size is None:
        words.append("not there")
    return f"<li{f' class={kind}' if kind else ''}>{shown} <small>{escaped(' · '.join(words))}</small></li>"


def _anchor(link: str, text: str) -> str:
    return f'<a href="{escaped(link)}">{escaped(text)}</a>'
