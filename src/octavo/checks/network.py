"""NB125: a cell reads from the network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from ..reading.commands import commands
from ..reading.patterns import later
from . import CodeCell, Hit, Severity, Subject, at
from .imported import FullCall, Placed, argument, choose, full_calls

_CALLS_WORDS = """
urllib.request.urlopen urllib.request.urlretrieve urllib.request.build_opener urllib2.urlopen urllib.urlretrieve
urllib3.PoolManager urllib3.request http.client.HTTPConnection http.client.HTTPSConnection ftplib.FTP ftplib.FTP_TLS
smtplib.SMTP socket.create_connection websockets.connect websocket.create_connection
wget.download gdown.download gdown.download_folder gdown.cached_download pooch.retrieve opendatasets.download
requests.Session requests.session httpx.Client httpx.AsyncClient httpx.stream aiohttp.ClientSession aiohttp.request
boto3.client boto3.resource boto3.Session boto3.session.Session botocore.session.get_session s3fs.S3FileSystem
gcsfs.GCSFileSystem adlfs.AzureBlobFileSystem google.cloud.storage.Client google.cloud.bigquery.Client
azure.storage.blob.BlobServiceClient azure.storage.blob.BlobServiceClient.from_connection_string
azure.storage.blob.ContainerClient azure.storage.blob.BlobClient paramiko.SSHClient ee.Initialize minio.Minio
huggingface_hub.hf_hub_download huggingface_hub.snapshot_download huggingface_hub.cached_download
huggingface_hub.hf_hub_url huggingface_hub.InferenceClient kagglehub.dataset_download kagglehub.model_download
kagglehub.dataset_load kagglehub.load_dataset torch.hub.load torch.hub.download_url_to_file
torch.hub.load_state_dict_from_url tensorflow_datasets.load nltk.download spacy.cli.download gensim.downloader.load
seaborn.load_dataset statsmodels.api.datasets.get_rdataset statsmodels.datasets.get_rdataset yfinance.download
yfinance.Ticker yfinance.Tickers pandas_datareader.data.DataReader pandas_datareader.DataReader
openai.OpenAI openai.AzureOpenAI anthropic.Anthropic wikipedia.page wikipedia.summary feedparser.parse
sentence_transformers.SentenceTransformer osmnx.graph_from_place ucimlrepo.fetch_ucirepo
"""
_CALLS = frozenset(_CALLS_WORDS.split()) | {
    f"{client}.{verb}"
    for client in ("requests", "httpx")
    for verb in ("get", "post", "put", "patch", "delete", "head", "options", "request")
}
#: What downloads a data set of its own, by the end or the beginning of its full name.
_OWN = later(
    r"sklearn\.datasets\.fetch_\w+|(?:tensorflow\.)?keras\.datasets\.\w+\.load_data"
    r"|(?:tensorflow\.)?keras\.utils\.get_file|skimage\.data\.download_all"
)
_URL = later(
    r"(?:https?|ftps?|sftp|s3[an]?|gs|gcs|abfss?|wasbs?|adl|az|hdfs|oss|hf|github)://(?!(?:localhost|127\.0\.0\.1|0\.0\.0\.0)\b)",
    re.IGNORECASE,
)
#: Functions that read what their first argument names, whosoever they are.
_READING = re.compile(
    r"(?:read|scan|open|load|download|fetch|retrieve|imread|loadtxt|genfromtxt|get_file|urlretrieve|urlopen|parse)(?:_\w+)?"
    r"|(?:csv|json|parquet|text|orc)|(?:from_file|from_url|urlopen|retrieve|imread|download|get_json)"
)
_PARAMETERS = (
    "filepath_or_buffer",
    "path_or_buf",
    "path",
    "url",
    "source",
    "io",
    "fname",
    "origin",
    "filename",
    "uri",
)
#: Shows a page, or names a server, and reads nothing itself.
_HARMLESS = later(r"webbrowser\.|IPython\.display\.|urllib\.parse\.|\w*[Mm]arkdown")
_COMMAND = later(
    r"(?:wget|curl|aria2c|axel|scp|sftp|rclone|azcopy|gdown|yt-dlp|youtube-dl|lftp|http|https|ftp)\b"
    r"|git\s+(?:-\S+\s+)*(?:clone|pull|fetch|lfs\s+(?:pull|fetch)|submodule\s+update)\b"
    r"|aws\s+(?:-\S+\s+\S+\s+)*s3(?:api)?\s|gsutil\s|gcloud\s+storage\s+(?:cp|rsync|cat)\b|az\s+storage\s|dvc\s+(?:pull|fetch|get|import)\b"
    r"|kaggle\s+(?:datasets|competitions|models|kernels)\s|(?:huggingface-cli|hf)\s+(?:download|repo)\b|rsync\s.*\S:\S"
    r"|(?:python\S*\s+-m\s+)?(?:spacy\s+download|nltk\.downloader|gdown|wget)\b|docker\s+pull\b"
)
_LOCAL = later(r"localhost|127\.0\.0\.1")
_FORMATS = frozenset(
    ("csv", "json", "parquet", "text", "arrow", "pandas", "imagefolder", "audiofolder", "webdataset")
)
_PATH = later(r"^(?:[./~\\]|[A-Za-z]:)|\.\w{2,6}$|^$")
_HINT = "read a copy in the project, which a task downloads, or keep its digest: what is there may change"


class Network:
    """A cell reads from the network while it runs: `requests.get`, `urlopen`, `pd.read_csv("https://…")`, `!curl`.

    What is there may be gone tomorrow, or be another file, and nothing in the notebook says so. Download it once, in a
    task of its own whose product other tasks read, or put it into the repository. Clients of clouds and services, data
    sets and models that a library fetches (`load_dataset`, `from_pretrained`), and commands in shell lines count too.
    It is said once for each cell.
    """

    code = "NB125"
    name = "network"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        values: dict[str, ast.expr] = {}
        for cell in subject.cells:
            values |= cell.once(_given)
        saved = {text for cell in subject.cells for text in cell.once(_saved)}
        said: set[int] = set()
        for call in full_calls(subject, _likely):
            if call.cell.number not in said and _reads(call, values, saved):
                said.add(call.cell.number)
                what = "it" if call.magic or "get_ipython" in call.said else call.said
                yield at(call.cell, call.node, f"{what} reads from the network", _HINT)


#: Methods and functions that start commands.
_STARTING = frozenset(("system", "getoutput", "Popen", "run", "call", "check_call", "check_output"))
_LASTS = _STARTING | {
    *(name.rpartition(".")[2] for name in _CALLS),
    *("from_pretrained", "load_dataset", "pipeline", "load_data"),
}


def _likely(cell: CodeCell) -> list[Placed]:
    return choose(cell, _matters, magics=True)


def _matters(last: str) -> bool:
    return last in _LASTS or last[:1].isupper() or bool(_READING.fullmatch(last)) or last.startswith("fetch_")


def _given(cell: CodeCell) -> dict[str, ast.expr]:
    """Return what a cell gives names, as far as it may be a URL, or a list of them."""
    found: dict[str, ast.expr] = {}
    for assigned in cell.of(ast.Assign):
        if isinstance(
            assigned.value, ast.Constant | ast.JoinedStr | ast.BinOp | ast.List | ast.Tuple | ast.Dict
        ):
            found |= {one.id: assigned.value for one in assigned.targets if isinstance(one, ast.Name)}
    for loop in cell.of(ast.For):
        if isinstance(loop.target, ast.Name):
            found.setdefault(loop.target.id, loop.iter)
    return found


def _saved(cell: CodeCell) -> frozenset[str]:
    """Return the places where a cell keeps models, from which it may read them again."""
    nodes = [*cell.of(ast.Call)] if "save" in cell.source or "output_dir" in cell.source else []
    return frozenset(
        str(value.value)
        for node in nodes
        for value in (*node.args[:1], *(one.value for one in node.keywords if one.arg == "output_dir"))
        if isinstance(value, ast.Constant)
    )


def _reads(call: FullCall, values: Mapping[str, ast.expr], saved: set[str]) -> bool:
    name, node = call.name, call.node
    if name in _CALLS or _OWN.fullmatch(name):
        return not (name.startswith(("requests.", "httpx.", "urllib")) and _local(node, values))
    if call.magic or call.last in _STARTING:
        return any(_COMMAND.match(one) and not _LOCAL.search(one) for one in commands(node, name, call.magic))
    if call.last == "from_pretrained" or name in ("datasets.load_dataset", "transformers.pipeline"):
        return _of_hub(call, values, saved)
    if name.startswith(("torchvision.datasets.", "torchaudio.datasets.")):
        return getattr(argument(node, "download"), "value", False) is True
    if not _READING.fullmatch(call.last) or _HARMLESS.match(name):
        return False
    first = (
        node.args[0] if node.args else next(filter(None, (argument(node, one) for one in _PARAMETERS)), None)
    )
    return _is_url(first, values)


def _local(node: ast.Call, values: Mapping[str, ast.expr]) -> bool:
    """Return whether a server on this machine is asked."""
    return bool(node.args) and bool(_LOCAL.search(_text(node.args[0], values)))


def _of_hub(call: FullCall, values: Mapping[str, ast.expr], saved: set[str]) -> bool:
    """Return whether a model or a data set is fetched by its name, and not read from a folder."""
    node = call.node
    if call.name == "transformers.pipeline":
        model = argument(node, "model", 1)
        return model is None or (isinstance(model, ast.Constant) and not _PATH.search(str(model.value)))
    if getattr(argument(node, "local_files_only"), "value", False) is True:
        return False
    text = _text(node.args[0] if node.args else argument(node, "path"), values)
    if call.last == "load_dataset" and text in _FORMATS:
        return _is_url(argument(node, "data_files"), values)
    return bool(text) and not _PATH.search(text) and text not in saved


def _is_url(node: ast.AST | None, values: Mapping[str, ast.expr], deep: int = 5) -> bool:
    """Return whether a value is a URL, or has one in it, as far as the code tells."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return any(_is_url(one, values, deep - 1) for one in parts[:20])
        case ast.Subscript(value=inner) | ast.Attribute(value=inner) | ast.Await(value=inner):
            return _is_url(inner, values, deep - 1) if deep else False
        case ast.Name(id=name):
            return bool(deep) and name in values and _is_url(values[name], values, deep - 1)
        case ast.Call(func=ast.Attribute(value=inner, attr="format" | "items" | "values" | "strip")):
            return bool(deep) and _is_url(inner, values, deep - 1)
    return bool(_URL.match(_text(node, values)))


def _text(node: ast.AST | None, values: Mapping[str, ast.expr], deep: int = 5) -> str:
    """Return a text as far as it is literal: all of a string, the beginning of an f-string or a sum."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[first, *_]) | ast.BinOp(left=first) | ast.FormattedValue(value=first):
            return _text(first, values, deep - 1) if deep else ""
        case ast.Name(id=name) if deep and name in values:
            return _text(values[name], values, deep - 1)
    return ""


RULE = Network()
