"""Results compared by meaning: what is the same in spite of other bytes, and what is not."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import time
from typing import Any

import pytest

from octavo.compare import Likeness, Tolerance, likeness, outputs, pixels
from octavo.compare.outputs import differences

NOW = 1_795_000_000.0  # a constant: each process of pytest-xdist must name the same tests
TOLERANCE = Tolerance(now=NOW)


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(mime: str, value: object) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {mime: value}}


def judged(before: object, after: object, mime: str = "stdout", tolerance: Tolerance = TOLERANCE) -> Likeness:
    one, other = (
        (stream(str(value)) if mime == "stdout" else shown(mime, value)) for value in (before, after)
    )
    return likeness(differences([one], [other], tolerance))


def said(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [str(found) for found in differences([before], [after], TOLERANCE)]


FRAME = "     mean  n\na    0.91  1\nb    0.50  2"
TODAY = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW))

SAME = [
    ("<object object at 0x7f00aa01>", "<object object at 0x7fbbccdd>"),
    ("wrote /tmp/tmpab12/x.csv", "wrote /tmp/tmpzz99/x.csv"),
    ("3f0c7d6e-8a7b-4c3d-9e2f-1a2b3c4d5e6f", "11111111-8a7b-4c3d-9e2f-1a2b3c4d5e6f"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("1%\r50%\r100%", "100%"),
    (
        "100%|██████████| 9/9 [00:01<00:00,  8.9it/s]",
        "100%|██████████| 9/9 [00:07<00:00,  1.2it/s]",
    ),
    ("1.23 ms ± 4 µs per loop", "1.31 ms ± 9 µs per loop"),
    ("Wall time: 3.2 s", "Wall time: 871 ms"),
    ("/tmp/ipykernel_1/12.py:3: UserWarning: x", "/tmp/ipykernel_99/7.py:3: UserWarning: x"),
    ("made 2020-01-02 03:04:05", f"made {TODAY}"),
    ("pid 12", "pid 99"),
    ("x \n", "x"),
    ("Working ━━━━━━━━ 100% 0:00:01", "Working ━━━━━━━━ 100% 0:00:03"),
    ("32/32 ━━━━━━━━ 1s 3ms/step - loss: 0.5", "32/32 ━━━━━━━━ 2s 5ms/step - loss: 0.5"),
    ("9/9 [=====] - 1s 3ms/step - loss: 0.5", "9/9 [=====] - 2s 5ms/step - loss: 0.5"),
    (
        "1 µs ± 2 ns per loop (mean of 7 runs, 1,000 loops each)",
        "2 µs ± 1 ns per loop (mean of 7 runs, 100 loops each)",
    ),
    ("Wall time: 2.2 s", "Wall time: 1min 12s"),
    (
        "/a/site-packages/pandas/frame.py:12: FutureWarning: x",
        "/b/c/site-packages/pandas/frame.py:14: FutureWarning: x",
    ),
    (
        "C:\\lib\\site-packages\\sklearn\\base.py:450: UserWarning: y",
        "/opt/sklearn/base.py:465: UserWarning: y",
    ),
    ("NVIDIA A100-SXM4-40GB", "Tesla T4"),
    ("name='NVIDIA GeForce RTX 3090'", "name='NVIDIA L4'"),
    ("Dashboard: http://127.0.0.1:8787/status", "Dashboard: http://127.0.0.1:45123/status"),
    ("Dask Name: read-csv-" + "ab" * 16, "Dask Name: read-csv-" + "cd" * 16),
    ("{'id': 140234567890123}", "{'id': 140234567990123}"),
    ("<Thread(Thread-5, started 140234567890123)>", "<Thread(Thread-7, started 140234567990123)>"),
    ("<function <lambda> at 0x7f1234567890>", "<function <lambda> at 0x7fabcdef1234>"),
    ("peak memory: 123.45 MiB, increment: 0.12 MiB", "peak memory: 99.10 MiB, increment: -0.02 MiB"),
]
CLOSE = [
    ("0.30000000000000004", "0.3"),
    ("loss 1.00000001e-3", "loss 1.00000002e-3"),
    ("[1.0, nan]", "[1.00000001, nan]"),
]
DIFFERS = [
    ("0.91", "0.93"),
    ("1000000", "1000001"),
    ("version 1.2.3", "version 1.2.4"),
    ("2020-01-02 03:04:05", "2020-01-02 03:04:06"),
    ("0xff", "0xfe"),
    ("nan", "1.0"),
    ("a", ""),
    ("one\ntwo", "one\ntwo\nthree"),
    ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427f"),
    ("it lasts 10 days", "it lasts 11 days"),
    (FRAME, FRAME.replace("0.91", "0.92")),
    ("3f0c7d6e-8a7b-1c3d-9e2f-1a2b3c4d5e6f", "11111111-8a7b-1c3d-9e2f-1a2b3c4d5e6f"),  # not a random one
    ("-1.5", "1.5"),
    ("/a/frame.py:12: FutureWarning: x", "/a/frame.py:12: FutureWarning: y"),
    ("/a/frame.py:12: FutureWarning: x", "/a/base.py:12: FutureWarning: x"),
    ("9/9 [=====] - 1s 3ms/step - loss: 0.5", "9/9 [=====] - 1s 3ms/step - loss: 0.7"),
    ("Tesla 3 costs", "Tesla 5 costs"),
    ("GeForce RTX 3090: 12 fps", "GeForce RTX 3090: 14 fps"),
    ("http://example.com:80", "http://example.com:81"),
]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        *((*pair, Likeness.SAME) for pair in SAME),
        *((*pair, Likeness.CLOSE) for pair in CLOSE),
        *((*pair, Likeness.DIFFERS) for pair in DIFFERS),
    ],
)
def test_a_text_is_compared_by_what_it_says(before: str, after: str, expected: Likeness) -> None:
    assert judged(before, after) is expected
    assert judged(before, before) is Likeness.SAME


def test_a_difference_says_where_it_is() -> None:
    assert said(stream(FRAME), stream(FRAME.replace("0.91", "0.93"))) == [
        'row "a", column "mean": 0.91 → 0.93'
    ]
    assert said(stream("a\n0.5"), stream("a\n0.7")) == ["stdout, line 2: 0.5 → 0.7"]
    table = "<table><thead><tr><th></th><th>mean</th></tr></thead><tr><th>a</th><td>0.91</td></tr></table>"
    assert said(shown("text/html", table), shown("text/html", table.replace("0.91", "0.93"))) == [
        'output (text/html), row "a", column "mean": 0.91 → 0.93'
    ]
    assert said(shown("application/json", {"a": [1, 2]}), shown("application/json", {"a": [1, 3]})) == [
        "output (application/json).a[1]: 2 → 3"
    ]


def test_an_exception_is_compared_by_its_name_and_text_not_by_its_traceback() -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no 3", "traceback": ["line 1"]}
    assert said(error, {**error, "traceback": ["line 2"]}) == []
    assert said(error, {**error, "evalue": "no 4"}) == ["output (exception): 3 → 4"]
    assert said(error, {**error, "ename": "KeyError"}) == [
        "output (exception): ValueError: no 3 → KeyError: no 3"
    ]


def test_streams_are_joined_and_more_or_fewer_outputs_are_told() -> None:
    parts = [stream("a"), stream("x", "stderr"), stream("b")]
    assert not list(differences(parts, [stream("ab"), stream("x", "stderr")], TOLERANCE))
    (found,) = differences([shown("text/plain", "a")], [], TOLERANCE)
    assert str(found) == "output: text/plain → nothing"
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider()"}
    other = {**view, "application/vnd.jupyter.widget-view+json": {"model_id": "2"}}
    assert not list(outputs.bundles(view, other, "output", TOLERANCE))


def test_html_and_svg_are_compared_by_structure() -> None:
    svg = '<svg><path id="{0}" d="M 0 {1}"/><use href="#{0}" style="fill: #ffffff"/></svg>'
    mime = "image/svg+xml"
    assert judged(svg.format("m12ab", "10.5"), svg.format("mffee", "10.5"), mime) is Likeness.SAME
    assert judged(svg.format("m1", "10.5"), svg.format("m1", "12.5"), mime) is Likeness.DIFFERS
    assert judged('<p a="1" b="2">x</p>', '<p b="2"  a="1">x</p>', "text/html") is Likeness.SAME
    assert judged("<p>x</p>", "<b>x</b>", "text/html") is Likeness.DIFFERS
    rows = "<table><tr><td>1</td></tr></table>"
    assert judged(rows, rows.replace("</tr>", "</tr><tr><td>2</td></tr>"), "text/html") is Likeness.DIFFERS
    styled = (
        '<style>#T_{0} td {{ color: red }}</style><table id="T_{0}"><tr><td id="T_{0}_r">1</td></tr></table>'
    )
    assert judged(styled.format("ab12c"), styled.format("ff00e"), "text/html") is Likeness.SAME


def test_charts_are_compared_by_their_data() -> None:
    def plotly(*values: float) -> dict[str, Any]:
        packed = base64.b64encode(struct.pack(f"<{len(values)}d", *values))
        return {
            "data": [{"uid": str(values), "y": {"dtype": "f8", "bdata": packed.decode()}}],
            "layout": {"a": 1, "b": 2},
        }

    mime = "application/vnd.plotly.v1+json"
    one = plotly(1.0, 2.0)
    assert judged(one, {**one, "layout": {"b": 2, "a": 1}}, mime) is Likeness.SAME
    assert judged(one, plotly(1.0, 2.0 + 1e-9), mime) is Likeness.CLOSE
    assert judged(one, plotly(1.0, 2.5), mime) is Likeness.DIFFERS
    vega = {"data": {"name": "data-aa"}, "datasets": {"data-aa": [{"a": 1}]}}
    renamed = json.loads(json.dumps(vega).replace("data-aa", "data-bb"))
    assert judged(vega, renamed, "application/vnd.vegalite.v5+json") is Likeness.SAME
    renamed["datasets"]["data-bb"][0]["a"] = 2
    assert judged(vega, renamed, "application/vnd.vegalite.v5+json") is Likeness.DIFFERS
    script = 'const docs_json = {{"{0}": {{"y": [1, {1}]}}}}; show("{0}")'
    ids = ("3f0c7d6e-8a7b-4c3d-9e2f-1a2b3c4d5e6f", "9f0c7d6e-8a7b-4c3d-9e2f-1a2b3c4d5e6f")
    mime = "application/javascript"
    assert judged(script.format(ids[0], 2), script.format(ids[1], 2), mime) is Likeness.SAME
    assert judged(script.format(ids[0], 2), script.format(ids[1], 3), mime) is Likeness.DIFFERS


def picture(grey: int = 255, size: tuple[int, int] = (200, 100), mode: str = "RGB", **box: Any) -> str:
    from PIL import Image, ImageDraw

    image = Image.new("RGB" if mode == "P" else "RGBA", size, (grey, grey, grey))
    if box:
        ImageDraw.Draw(image).rectangle(box["at"], fill=(20, 30, 200))
    file = io.BytesIO()
    image.convert(mode).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "LA"])
def test_a_picture_is_decoded_as_pillow_decodes_it(mode: str) -> None:
    from PIL import Image

    text = picture(size=(37, 11), mode=mode, at=(3, 2, 20, 8))
    image = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")
    assert pixels.decoded(text).pixels == image.tobytes()


def test_a_picture_differs_by_its_pixels_not_by_how_it_is_compressed() -> None:
    plain = picture(at=(10, 20, 30, 90))
    mime = "image/png"
    assert judged(plain, picture(mode="RGBA", at=(10, 20, 30, 90)), mime) is Likeness.SAME
    assert judged(picture(), picture(250), mime) is Likeness.CLOSE
    assert judged(plain, picture(at=(10, 19, 30, 90)), mime) is Likeness.DIFFERS  # a bar, one pixel higher
    assert said(shown(mime, plain), shown(mime, picture(at=(10, 19, 30, 90)))) == [
        "output (image/png): a picture → 21 other pixels of 20000, in 10–30 × 19–19"
    ]
    assert judged(plain, picture(size=(200, 101)), mime) is Likeness.DIFFERS
    assert judged(plain, plain[:100], mime) is Likeness.DIFFERS  # cut off
    assert judged(plain, "not a picture", mime, TOLERANCE.loose()) is Likeness.DIFFERS


def test_tolerances_and_replacements_are_obeyed() -> None:
    assert judged("0.91", "0.913", tolerance=Tolerance(rtol=0.01)) is Likeness.CLOSE
    assert judged("0.91", "0.913", tolerance=TOLERANCE.loose()) is Likeness.CLOSE
    assert judged("3 rows", "4 rows", tolerance=TOLERANCE.loose()) is Likeness.DIFFERS
    replaced = Tolerance(sanitize=((re.compile(r"run \d+"), "run"),))
    assert judged("run 1", "run 2", tolerance=replaced) is Likeness.SAME
    assert judged(f"at {TODAY}", "at 2020-01-02 03:04:05") is Likeness.DIFFERS


def test_data_that_is_deep_or_odd_is_compared_all_the_same() -> None:
    deep: object = 1
    for _ in range(900):
        deep = [deep]
    assert judged(deep, [deep], "application/json") is Likeness.DIFFERS
    assert judged({"a": True}, {"a": 1}, "application/json") is Likeness.DIFFERS
    assert judged({"a": None}, {}, "application/json") is Likeness.DIFFERS
    assert judged("\ud800", "\ud800x", "text/plain") is Likeness.DIFFERS
    assert judged("x\n" * 3000, "x\n" * 3001 + "y", "text/plain") is Likeness.DIFFERS


def test_pictures_of_bokeh_and_folium_are_numbered_anew_and_their_data_count() -> None:
    script = 'root["%s"] = {"docs_json": {"roots": [{"id": "p%d", "attributes": {"data": [1, %d]}}]}}'
    assert (
        judged(script % ("ab" * 16, 1001, 2), script % ("cd" * 16, 1045, 2), "application/javascript")
        is Likeness.SAME
    )
    assert (
        judged(script % ("a", 1001, 2), script % ("a", 1045, 3), "application/javascript") is Likeness.DIFFERS
    )
    html = '<div data-root-id="p%d"></div><script>var marker_%s = L.marker([1, %d]);</script>'
    assert judged(html % (1001, "ab" * 16, 2), html % (1099, "cd" * 16, 2), "text/html") is Likeness.SAME
    assert judged(html % (1001, "ab" * 16, 2), html % (1099, "cd" * 16, 3), "text/html") is Likeness.DIFFERS


def test_comments_of_a_jpeg_and_dates_of_a_pdf_are_nothing_that_is_shown() -> None:
    def jpeg(comment: bytes, picture: bytes) -> str:
        return base64.b64encode(
            b"\xff\xd8\xff\xfe\x00" + bytes([len(comment) + 2]) + comment + b"\xff\xda" + picture
        ).decode()

    assert judged(jpeg(b"monday", b"pixels"), jpeg(b"on tuesday", b"pixels"), "image/jpeg") is Likeness.SAME
    assert judged(jpeg(b"monday", b"pixels"), jpeg(b"monday", b"others"), "image/jpeg") is Likeness.DIFFERS
    pdf = "%%PDF-1.7 /CreationDate (D:%s) /ID [<%s>] drawn %s"
    one, same, other = (
        base64.b64encode((pdf % words).encode()).decode()
        for words in (("2024", "ab", "a"), ("2026", "cd", "a"), ("2024", "ab", "b"))
    )
    assert judged(one, same, "application/pdf") is Likeness.SAME
    assert judged(one, other, "application/pdf") is Likeness.DIFFERS
    assert judged("no base64!", "neither!", "image/jpeg") is Likeness.DIFFERS


def test_a_line_among_thousands_is_found_whatever_stands_around_it() -> None:
    lines = [f"{number} at 0x7f{number:010x}" for number in range(5000)]
    fresh = [line.replace("0x7f", "0x7e") for line in lines]
    assert judged("\n".join(lines), "\n".join(fresh)) is Likeness.SAME
    longer = [*lines[:4000], "one more", *lines[4000:]]
    assert said(stream("\n".join(lines)), stream("\n".join(longer))) == [
        "stdout, line 4001: nothing → one more"
    ]
    fresh[4321] = "another"
    assert [one.partition(":")[0] for one in said(stream("\n".join(lines)), stream("\n".join(fresh)))] == [
        "stdout, line 4322"
    ]
