"""Builds that a notebook starts show one bar, which ends as the build does."""

from __future__ import annotations

import json
from collections.abc import Mapping

import octavo
from octavo.events import Event
from octavo.show.in_jupyter import Bar, bars
from projects import Folder

PIPELINE = """
    tasks:
      - source: steps.get
        product: a.txt
      - source: steps.fit
        product: b.txt
        upstream: [get]
      - source: note.py
        product: c.ipynb
"""
STEPS = """
    def get(product):
        product.write_text("x")

    def fit(upstream, product):
        raise ValueError("<no> fit")
"""


class Outputs:
    """The outputs of one cell, as a client of Jupyter has them: an update takes the place of what has its id."""

    def __init__(self) -> None:
        self.shown: dict[str, Mapping[str, object]] = {}
        self.count = 0

    def publish(
        self,
        data: Mapping[str, object],
        metadata: None = None,
        *,
        transient: Mapping[str, str],
        update: bool = False,
    ) -> None:
        assert update == (transient["display_id"] in self.shown)
        self.shown[transient["display_id"]] = data
        self.count += 1


def project(folder: Folder) -> Folder:
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("steps.py", STEPS)
    folder.write("note.py", "# %%\nproduct = None\n\n# %%\n1\n")
    return folder


def test_one_output_says_how_far_the_build_is_and_what_failed(folder: Folder) -> None:
    outputs = Outputs()
    said: list[str] = []

    def listen(event: Event) -> None:
        bar(event)
        said.extend(str(data["text/plain"]) for data in outputs.shown.values())

    bar = Bar(outputs, clock=lambda: 7.0)
    with octavo.load(project(folder).path / "pipeline.yaml") as pipeline:
        pipeline.build(jobs=1, listeners=[listen])
    (data,) = outputs.shown.values()
    assert data["text/plain"] == "3 of 3: 2 done, 1 failed, 0.00 s\nfailed fit: ValueError: <no> fit"
    assert "failed fit: ValueError: &lt;no&gt; fit</div>" in str(data["text/html"])
    assert '<progress value="3.00" max="3"' in str(data["text/html"])
    assert any("running get" in text for text in said)
    assert any("running note (cell" in text for text in said)
    many = outputs.count
    with octavo.load(folder.path / "pipeline.yaml") as pipeline:
        folder.write("steps.py", STEPS.replace("raise", "product.write_text('x')  #"))
        pipeline.build(["note"], listeners=[Bar(outputs)])
    assert outputs.count == many, "what is fresh needs no bar"


def test_a_real_notebook_keeps_the_bar_as_it_ended(folder: Folder) -> None:
    project(folder)
    folder.write(
        "outer.py",
        """
        # %%
        import octavo

        with octavo.load("pipeline.yaml") as project:
            report = project.build(jobs=1)
        """,
    )
    assert folder.octavo("run", "outer.py", "outer.ipynb").returncode == 0
    cells = json.loads(folder.read("outer.ipynb"))["cells"]
    (output,) = [output for cell in cells for output in cell.get("outputs", ())]
    assert output["output_type"] == "display_data"
    assert "".join(output["data"]["text/plain"]).startswith("3 of 3: 2 done, 1 failed")


def test_elsewhere_there_is_no_bar() -> None:
    assert bars() == []
