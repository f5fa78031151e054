"""Messages of a kernel as outputs of nbformat 4."""

from __future__ import annotations

from ..model import Json


def as_output(kind: str, content: Json) -> Json | None:
    """Return a message as an output of nbformat 4, or None when it is not one.

    The order of its keys is nbformat's: code in a notebook sees it in an ``Output`` widget.
    """
    match kind:
        case "stream":
            return {"output_type": "stream", "name": content["name"], "text": _whole_letters(content["text"])}
        case "display_data":
            return {"output_type": kind, "metadata": content.get("metadata") or {}, "data": content["data"]}
        case "execute_result":
            return {
                "output_type": kind,
                "metadata": content.get("metadata") or {},
                "data": content["data"],
                "execution_count": content["execution_count"],
            }
        case "error":
            return {
                "output_type": kind,
                "ename": content["ename"],
                "evalue": content["evalue"],
                "traceback": list(content["traceback"] or ()),
            }
    return None


def _whole_letters(text: str) -> str:
    """Return text that can be written as UTF-8: halves of letters are joined or, alone, replaced as Jupyter does."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def same_stream(last: Json, output: Json) -> bool:
    """Return whether an output only goes on with the stream before it."""
    return bool(last["output_type"] == "stream" and last["name"] == output["name"])
