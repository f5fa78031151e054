"""NB143: data about people stand in the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from ..reading.patterns import later
from . import CodeCell, Hit, Severity, Subject
from .secret import texts

_EMAIL = later(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,12}\b", re.IGNORECASE)
#: Domains that belong to nobody (RFC 2606), and addresses of machines.
_NOBODY = later(
    r"@(?:.*\.)?(?:example(?:\.\w+)?|test|invalid|localhost|local|domain\.com|email\.com|foo\.com|bar\.com)$"
    r"|@[\w.-]*(?:gserviceaccount\.com|noreply\.github\.com)$|^(?:no-?reply|git|info|support|user|\w)@|@\w\.\w+$",
    re.IGNORECASE,
)
_CARD = later(r"[2456]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?![\d.-]|[ ,]\d)")
_IBAN = later(r"[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_ISSUER = later(r"4|5[1-5]|2[2-7]|6011|3[47]")
_PLAIN_CARD = later(r"(?<![\w.-])(?:[2456]\d{15}|3[47]\d{13}|3[47]\d\d[ -]\d{6}[ -]\d{5})(?![\w.-])")
_CARD_SAID = later(
    r"(?:credit|debit|payment|bank)[ _-]?card|card[ _-]?(?:no|num|number)\b|\b(?:visa|mastercard|amex)\b",
    re.IGNORECASE,
)
#: In a table or a dictionary: a column "email", a key 'customer_email'.
_EMAIL_SAID = later(
    r"(?:\"|'|<th>|^|\s)(?:\w+[_ ])?e-?mail(?:[_ ]address)?(?:\"|'|</th>|\s{2,}|:)", re.IGNORECASE
)
_PHONE = later(
    r"(?<![\w+./)\]\\-])(?:\+[1-9]\d{0,2}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{1,4}(?:[ -]?\d{2,4}){2,4}"
    r"|\+[1-9]\d{9,13}|(?:1[ -])?(?:\([2-9]\d\d\) ?|[2-9]\d\d-)[2-9]\d\d-\d{4})(?![\w-]|\.\d)"
)
_PHONE_SAID = later(r"phone|\b(?:tel|mobile|handy|cell[ _]?(?:no|number)|telefon)\b", re.IGNORECASE)
_FICTION = later(r"55501\d\d$|^(?:1?555\d{7})$|123456|7890$")
#: What makes a number that follows a part of another.
_MORE = later(r"[\d.-]$|\d[ ,]$")
_SSN = later(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")
_SSN_SAID = later(r"\bssn\b|social[ _]security", re.IGNORECASE)
#: So many addresses are a list of people, and not an author.
_MANY = 3


class PersonalData:
    """The notebook shows data about people: addresses of e-mail, phone numbers, a bank account, a card, a US SSN.

    Outputs are copied, committed and mailed with the notebook. Clear the output, or show a part without these columns.
    Accounts and cards count if their check digits are right, and SSNs if the text says that it is about them. Addresses
    and phones count if there are several, or if the text says what they are. A single address in the code, such as that
    of an author, those of example.com and numbers that belong to nobody (555-01…) are not reported.
    """

    code = "NB143"
    name = "personal-data"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            for number, kind in cell.once(_in_code):
                yield Hit(f"{kind} stands in the code", cell, number)
            text = "\n".join(texts(cell.outputs)) if cell.outputs else ""
            if kind := _kind(text, 2):
                yield Hit(f"{kind} stands in the output", cell, hint="clear it, or show what is about nobody")
        metadata = {**subject.notebook.data.get("metadata", {})}
        metadata.pop("authors", None)
        others = [cell["source"] for cell in subject.notebook.cells if cell.get("cell_type") != "code"]
        if kind := _kind("\n".join(texts([metadata, *others])), _MANY, contacts=False):
            yield Hit(f"{kind} stands in the text or the metadata")


def _in_code(cell: CodeCell) -> list[tuple[int, str]]:
    """Return the lines of a cell in which personal data stand, each with the kind; the first if it takes several."""
    kind = _kind(cell.source, _MANY)
    if not kind:
        return []
    lines = [*enumerate(cell.source.splitlines(), start=1)]
    found = [(number, one) for number, line in lines if (one := _kind(line, _MANY))]
    return found or [(next((number for number, line in lines if _contacts(line, 1)), 1), kind)]


def _contacts(text: str, many: int) -> str:
    """Return the addresses and phone numbers in a text, if it has many, or says what they are."""
    if "@" in text:
        found = {one.lower() for one in _EMAIL.findall(text) if not _NOBODY.search(one)}
        if len(found) >= many:
            return (
                f"a list of {len(found)} addresses of e-mail"
                if found - {*[*found][:1]}
                else "an address of e-mail"
            )
        if found and _EMAIL_SAID.search(text):
            return "someone's address of e-mail"
    if "-" in text or "+" in text:
        phones = {one.group() for one in _PHONE.finditer(text) if _of_someone(one.group())}
        spaced = {one for one in phones if re.search(r"\d[ -]", one)}  # other digits are numbers of any kind
        if phones and (len(spaced) >= many or _PHONE_SAID.search(text)):
            return "someone's phone number" if len(phones) == 1 else f"a list of {len(phones)} phone numbers"
    return ""


def _of_someone(phone: str) -> bool:
    """Return whether a phone number may be one: not of those kept for stories, nor digits in a row."""
    digits = re.sub(r"\D", "", phone)
    return 9 <= len(digits) <= 15 and not _FICTION.search(digits) and len(set(digits)) > 3


def _kind(text: str, many: int, *, contacts: bool = True) -> str:
    """Return what kind of personal data stands in a text; "" for none."""
    if contacts and (said := _contacts(text, many)):
        return said
    lower = text.lower()
    card = any(map(lower.__contains__, ("card", "visa", "amex"))) and _CARD_SAID.search(text)
    if card and any(_luhn(one[0]) and _ISSUER.match(one[0]) for one in _PLAIN_CARD.finditer(text)):
        return "the number of a payment card"
    if any(_issued(one) and _luhn(one[0]) for one in _CARD.finditer(text)):
        return "the number of a payment card"
    if any(_begins(one) and _mod_97(one[0]) for one in _IBAN.finditer(text)):
        return "the number of a bank account (IBAN)"
    if ("ssn" in lower or "social" in lower) and _SSN_SAID.search(text) and _SSN.search(text):
        return "a US social security number"
    return ""


# What stands before is looked at afterwards: a pattern that begins with certain characters is found ten times as fast


def _issued(found: re.Match[str]) -> bool:
    """Return whether a number begins as those of cards do, and is no part of a longer one."""
    before = found.string[max(0, found.start() - 2) : found.start()]
    return _ISSUER.match(found[0]) is not None and not _MORE.search(before)


def _begins(found: re.Match[str]) -> bool:
    """Return whether a word begins here."""
    before = found.string[max(0, found.start() - 1) : found.start()]
    return not (before.isalnum() or before == "_")


def _luhn(number: str) -> bool:
    """Return whether the check digit of a card is right (ISO/IEC 7812-1)."""
    digits = [int(one) for one in number if one.isdigit()][::-1]
    return sum(chain(digits[::2], (sum(divmod(2 * one, 10)) for one in digits[1::2]))) % 10 == 0


def _mod_97(number: str) -> bool:
    """Return whether the check digits of an IBAN are right (ISO 13616)."""
    plain = number.replace(" ", "")
    return (
        15 <= len(plain) <= 34 and int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1
    )


RULE = PersonalData()
