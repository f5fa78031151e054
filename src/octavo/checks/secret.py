"""NB141: a key, a token or a password stands in the notebook: in its code, its outputs or its metadata."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator

from ..reading.patterns import later
from . import CodeCell, Hit, Severity, Subject

#: Formats that are told by their beginning, each as its issuer documents it; before it what stands in all of them.
_KINDS = {
    "an AWS access key": ("AKIA ASIA ABIA ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    "a GitHub token": (
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    ),
    "a GitLab token": (
        "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- gloas-",
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[A-Za-z0-9_-]{20,}\b",
    ),
    "a Slack token": ("xox xapp-", r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}|\bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]{20,}"),
    "a Slack webhook": (
        "hooks.slack.com",
        r"\bhooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,}",
    ),
    "a Discord webhook": ("/api/webhooks/", r"\bdiscord(?:app)?\.com/api/webhooks/\d{16,}/[\w-]{50,}"),
    "a Teams webhook": (
        "webhook.office.com",
        r"\b[\w-]+\.webhook\.office\.com/webhookb2/[\w@-]{36,}/IncomingWebhook/[a-z0-9]{32}",
    ),
    "a Stripe key": ("k_live_ whsec_", r"\b(?:[rs]k_live|whsec)_[A-Za-z0-9]{20,}\b"),
    "a Google API key": ("AIza", r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "a Google OAuth secret": ("GOCSPX- ya29.", r"\bGOCSPX-[A-Za-z0-9_-]{28}\b|\bya29\.[A-Za-z0-9_-]{30,}"),
    "a Hugging Face token": ("hf_ api_org_", r"\b(?:hf|api_org)_[A-Za-z0-9]{34,}\b"),
    "an Anthropic key": ("sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{32,}"),
    "an OpenAI key": ("sk-", r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{40,}\b"),
    "a Replicate token": ("r8_", r"\br8_[A-Za-z0-9]{37}\b"),
    "a Groq key": ("gsk_", r"\bgsk_[A-Za-z0-9]{40,}\b"),
    "a PyPI token": ("pypi-", r"\bpypi-[A-Za-z0-9_-]{50,}\b"),
    "an npm token": ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a Docker Hub token": ("dckr_", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}"),
    "a SendGrid key": ("SG.", r"\bSG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}\b"),
    "a Mailgun key": ("key-", r"\bkey-[0-9a-f]{32}\b"),
    "a Mailchimp key": ("-us", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    "a Twilio key": ("SK", r"\bSK[0-9a-f]{32}\b"),
    "a Telegram token": (":AA", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    "a Databricks token": ("dapi", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    "a DigitalOcean token": ("dop_v1_ doo_v1_ dor_v1_", r"\bdo[por]_v1_[0-9a-f]{64}\b"),
    "a Shopify token": ("shpat_ shpca_ shppa_ shpss_", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    "a Square token": ("sq0 EAAA", r"\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,}|\bEAAA[A-Za-z0-9_-]{60}\b"),
    "a Grafana token": ("glsa_ glc_", r"\bglsa_[A-Za-z0-9]{32}_[0-9a-f]{8}\b|\bglc_[A-Za-z0-9+/]{32,}"),
    "a New Relic key": ("NRAK-", r"\bNRAK-[A-Z0-9]{27}\b"),
    "a Postman key": ("PMAK-", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    "a Linear key": ("lin_api_", r"\blin_api_[A-Za-z0-9]{40}\b"),
    "a Notion token": ("secret_ ntn_", r"\b(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{46})\b"),
    "a Pulumi token": ("pul-", r"\bpul-[0-9a-f]{40}\b"),
    "a HashiCorp Vault token": ("hvs. hvb. hvr.", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    "a Terraform token": (".atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}"),
    "a Dynatrace token": ("dt0c01.", r"\bdt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b"),
    "an Atlassian token": ("ATATT3", r"\bATATT3[A-Za-z0-9_=-]{60,}"),
    "an age key": ("AGE-SECRET-KEY-", r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
    "a JSON web token": ("eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    "an Azure key": ("AccountKey= AccessKey=", r"\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}"),
    "a signed URL": (
        "Signature= sig=",
        r"[?&](?:X-Amz-Signature=[0-9a-f]{64}|X-Goog-Signature=[0-9a-f]{100,}"
        r"|sig=[A-Za-z0-9%+/]{40,})",
    ),
    "a private key": ("KEY", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "a URL with a password": (
        "://",
        r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\x22{}<>]*:(?!(?:password|passwort|pass|passwd|pwd|pw|secret"
        r"|token|mypassword|my_password|your_?password|changeme|\*+|x{3,}|…|•+|\.\.\.)@)"
        r"[^\s:/@'\x22{}$<>]{3,}@[^\s/]+",
    ),
    "a connection string with a password": (
        "assword ASSWORD wd= WD=",
        r"(?i:\b(?:Server|Data Source|Host|DSN|Driver|Uid|User ?Id)\s*=[^;\n\x22']*;(?:"
        r"[^;\n\x22']*;)*?\s*(?:Password|Pwd)\s*=(?!\s*(?:\*|<|\{|\$|your|password\b|xxx))"
        r"[^;\s\x22']{3,})",
    ),
    "an authorization header": (
        "uthorization",
        r"\b[Aa]uthorization[\x22']?\s*[:,]\s*[\x22']?(?:Bearer|Basic|token)\s+(?!YOUR|<|\{"
        r"|\$)[A-Za-z0-9+/._=-]{20,}",
    ),
}
#: To look for what is in all of a kind costs a tenth of a search for it.
_FORMS = tuple((kind, tuple(signs.split()), later(form)) for kind, (signs, form) in _KINDS.items())
_HINT = "revoke it: what was stored once is known; read it from the environment"
#: A name that says what its value is, in code, in JSON and in settings: api_key = "…", "password": "…".
_NAMED = later(
    r"(?<![\w.])(?:[\w-]*[_-])?(?P<word>password|passwd|pwd|passphrase|secret|secret_?key|api_?key|apikey|access_?key"
    r"|auth_?token|access_?token|refresh_?token|api_?token|client_?secret|private_?key|token|account_?key)"
    r"(?:_\d)?[\"']?\s*\]?\s*(?::\s*str\s*)?(?:=(?!=)|:)\s*[rbu]?(?P<quote>[\"'])(?P<value>[^\"'\s{}<>]{6,200})(?P=quote)",
    re.IGNORECASE,
)
_PLACEHOLDER = later(
    r"(?i)your|example|placeholder|change_?me|dummy|sample|fake|test|insert|enter|redacted|todo|xxx|\*\*|\.\.\.|…|•"
    r"|password|secret|token|api.?key|abcdef|123456|none|null|undefined|^env|^[./~]|://|\.\w{2,4}$"
    r"|^[a-z]+(?:[_.-][a-z]+)*\d?$|^[A-Z]+(?:_[A-Z]+)*$"
)
_LARGE = 100_000
_SAID = ("pass", "pwd", "secret", "key", "token")


class Secret:
    """A key, a token, a private key or a password stands in code, text, outputs, attachments or metadata.

    Whoever sees the notebook, or a copy of it, or the history of the repository, has it. Revoke it first, then read it
    from the environment. Found are the formats of some fifty issuers, passwords in URLs and connection strings, and
    values that look random of names such as `api_key`. Placeholders (`user:password@host`, `{token}`) are not reported.
    """

    code = "NB141"
    name = "secret"
    severity: Severity = "error"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            for number, column, kind in cell.once(_in_code):
                yield Hit(f"{kind} stands in the code", cell, number, column, _HINT)
            if cell.outputs and (kind := _first(texts(cell.outputs))):
                yield Hit(f"{kind} stands in the output", cell, hint=_HINT)
            extra = [one for one in (cell.data.get("metadata"), cell.data.get("attachments")) if one]
            if extra and (kind := _first(texts(extra))):
                yield Hit(f"{kind} stands in the metadata of a cell", cell, hint=_HINT)
        rest = [subject.notebook.data.get("metadata", {})]
        for other in subject.notebook.cells:
            if other.get("cell_type") != "code":
                rest += [other["source"], other.get("metadata"), other.get("attachments")]
        if kind := _first(texts(rest)):
            yield Hit(f"{kind} stands in the text or the metadata", hint=_HINT)


def _in_code(cell: CodeCell) -> list[tuple[int, int, str]]:
    """Return the lines of a cell in which a secret stands, each with the column and the kind."""
    if _find(cell.source) is None:
        return []
    lines = enumerate(cell.source.splitlines(), start=1)
    found = ((number, _find(line)) for number, line in lines)
    return [(number, one[1] + 1, one[0]) for number, one in found if one is not None]


def _first(several: Iterator[str]) -> str:
    """Return the kind of the first secret in some texts; "" for none."""
    return next((found[0] for text in several if (found := _find(text)) is not None), "")


#: All of a private key; of one that is cut off what is there.
_KEY = later(r"(-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----).*?(?=-----END|\Z)", re.DOTALL)


def hidden(text: str) -> str:
    """Return a text with ••• for each secret in it; the very same where there is none."""
    if _find(text) is None:
        return text
    text = _KEY.sub(r"\1", text)
    for _, signs, form in _likely(text):
        if any(map(text.__contains__, signs)):
            text = form.sub("•••", text)
    return _NAMED.sub(_hide, text)


def _likely(text: str) -> Iterator[tuple[str, tuple[str, ...], re.Pattern[str]]]:
    """Yield the forms that may be in a text by the characters it has: in a large one each look takes its time."""
    absent = tuple(char for char in "_-.:=/" if char not in text) if len(text) > _LARGE else ()
    for kind, signs, form in _FORMS:
        left = tuple(one for one in signs if not any(map(one.__contains__, absent))) if absent else signs
        if left:
            yield kind, left, form


def _hide(found: re.Match[str]) -> str:
    return found[0].replace(found["value"], "•••") if _random(found) else found[0]


def _find(text: str) -> tuple[str, int] | None:
    """Return the kind and the place of a secret in a text: told by its form, or by the name that it has."""
    for kind, signs, form in _likely(text):
        if any(map(text.__contains__, signs)) and (found := form.search(text)):
            return kind, found.start()
    lower = text.lower()
    if any(map(lower.__contains__, _SAID)):
        for found in _NAMED.finditer(text):
            if _random(found):
                return _said(found["word"]), found.start("value")
    return None


def _random(found: re.Match[str]) -> bool:
    """Return whether a value looks drawn by chance: it mixes letters with digits or signs, and repeats little."""
    value, password = (
        found["value"],
        found["word"].lower().startswith("pass") or found["word"].lower() == "pwd",
    )
    if _PLACEHOLDER.search(value) or not re.search(r"[A-Za-z]", value):
        return False
    if not re.search(r"\d|[^\w.-]" if password else r"\d", value) or (not password and len(value) < 16):
        return False
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(one * math.log2(one) for one in shares) >= (2.5 if len(value) < 16 else 3.0)


def _said(word: str) -> str:
    plain = word.lower().replace("_", " ")
    if plain.startswith("pass") or plain == "pwd":
        return "a password"
    return f"the value of {'an' if plain[0] == 'a' else 'a'} {plain}"


def texts(value: object) -> Iterator[str]:
    """Yield the texts in JSON; images and the like are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and _NAMED_KEY.search(key):
                yield f'{key}: "{inner}"'
            if not (isinstance(key, str) and key.startswith(("image/", "application/pdf"))):
                yield from texts(
                    inner if not isinstance(inner, dict) or "/json" not in str(key) else json.dumps(inner)
                )


_NAMED_KEY = later(r"(?i)pass|pwd|secret|key|token")

RULE = Secret()
