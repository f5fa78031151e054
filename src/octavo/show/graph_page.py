"""Draw the graph as an HTML page, with details on hover."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .steps import counted, plain, state
from .svg import STYLE, escaped, svg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Step

_MEANING = {
    "fresh": "its result is that of its source, parameters and inputs",
    "stale": "it must run",
    "blocked": "it will not run: its product was changed by hand",
    "waits": "judged again when what it waits for has run",
}

_LOOK = """
body{margin:0;font:15px/1.5 system-ui,sans-serif;background:#fff;color:#1c1c1c}
header{padding:20px 24px 8px}h1{font-size:20px;margin:0 0 2px}p{margin:0;color:#5c6470}
ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 22px;margin:10px 0 0;padding:0;font-size:13px;color:#5c6470}
li b{display:inline-block;width:11px;height:11px;border-radius:4px;border:1.5px solid;margin-right:7px}
main{overflow:auto;padding:8px 4px 130px}
aside{position:fixed;left:0;right:0;bottom:0;padding:12px 24px;background:#f6f7f9;border-top:1px solid #d8dce1;
font-size:13px;max-height:40vh;overflow:auto}
aside:empty{display:none}aside strong{font:600 14px ui-monospace,monospace;margin-right:10px}
aside div{overflow-wrap:anywhere}
.octavo .task{cursor:default;outline:none}.octavo .task,.octavo path{transition:opacity .12s}
.octavo .task:focus-visible rect{stroke-width:3}
.far .task:not(.near),.far>path:not(.near){opacity:.18}.far>path.near{opacity:1;stroke:var(--ink)}
@media(prefers-color-scheme:dark){body{background:#14161a;color:#ececec}p,ul{color:#a9b1bb}
aside{background:#1d2026;border-color:#343a43}}
"""

# Everything of the project reaches the page as text or as JSON, never as markup.
_SCRIPT = """
const tasks = new Map(JSON.parse(document.getElementById("tasks").textContent).map(t => [t.task, t]));
const picture = document.querySelector("svg.octavo"), about = document.querySelector("aside");
const below = new Map();
for (const t of tasks.values()) for (const up of t.upstream) below.set(up, [...(below.get(up) ?? []), t.task]);
function reach(name, next) {
  const found = new Set([name]);
  for (const n of found) for (const other of next(n) ?? []) if (tasks.has(other)) found.add(other);
  return found;
}
function line(text, tag = "div") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
function show(name) {
  const up = reach(name, n => tasks.get(n)?.upstream), down = reach(name, n => below.get(n));
  picture.classList.add("far");
  for (const box of picture.querySelectorAll(".task"))
    box.classList.toggle("near", up.has(box.dataset.task) || down.has(box.dataset.task));
  for (const path of picture.querySelectorAll("path[data-from]")) {
    const {from, to} = path.dataset;
    path.classList.toggle("near", up.has(from) && up.has(to) || down.has(from) && down.has(to));
  }
  const task = tasks.get(name), head = line("");
  head.append(line(name, "strong"), `${task.state} · ${task.kind} · ${task.source}`);
  about.replaceChildren(head, ...task.reasons.map(r => line(r.text)));
  if (task.waits.length) about.append(line("waits for " + task.waits.join(", ")));
  if (task.products.length) about.append(line("makes " + task.products.join(", ")));
}
function rest() {
  picture.classList.remove("far");
  about.replaceChildren();
}
for (const box of picture.querySelectorAll(".task"))
  for (const [event, act] of [["pointerenter", show], ["focus", show], ["pointerleave", rest], ["blur", rest]])
    box.addEventListener(event, () => act(box.dataset.task));
"""


def head(title: str, look: str) -> str:
    """Return how a page begins that fetches nothing, with the colours of states and a look of its own."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'\">\n"
        f"<title>{escaped(title)}</title>\n<style>{STYLE}{look}</style></head>\n"
    )


def html(steps: Mapping[str, Step], title: str) -> str:
    """Return a page that fetches nothing: the picture, a legend, and the details of the task pointed at."""
    present = dict.fromkeys(state(step) for step in steps.values())
    legend = "".join(
        f'<li><b style="border-color:var(--{word});background:var(--{word}-fill)"></b>{word}: {_MEANING[word]}</li>'
        for word in present
    )
    data = json.dumps([plain(step) for step in steps.values()], default=str).replace("<", "\\u003c")
    return (
        f"{head(title, _LOOK)}"
        f"<body><header><h1>{escaped(title)}</h1><p>{counted(steps)}</p>"
        f'<ul class="octavo">{legend}</ul></header>\n'
        f"<main>{svg(steps, title, style=False)}</main>\n<aside></aside>\n"
        f'<script type="application/json" id="tasks">{data}</script>\n<script>{_SCRIPT}</script>\n</body></html>\n'
    )
