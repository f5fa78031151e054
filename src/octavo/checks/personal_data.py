"""NB143: data about people stand in the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from . import Hit, Severity, Subject
from .secret import texts

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,12}\b", re.IGNORECASE)
#: Domains that belong to nobody (RFC 2606), and addresses of machines.
_NOBODY = re.compile(
    r"@(?:.*\.)?(?:example(?:\.\w+)?|test|invalid|localhost|local|domain\.com|email\.com|foo\.com|bar\.com)$"
    r"|@[\w.-]*(?:gserviceaccount\.com|noreply\.github\.com)$|^(?:no-?reply|git|info|support|user)@",
    re.IGNORECASE,
)
_CARD = re.compile(r"[2456]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?![\d.-]|[ ,]\d)")
_IBAN = re.compile(r"[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_ISSUER = re.compile(r"4|5[1-5]|2[2-7]|6011")
#: What makes a number that follows a part of another.
_MORE = re.compile(r"[\d.-]$|\d[ ,]$")
_SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")
_SSN_SAID = re.compile(r"\bssn\b|social[ _]security", re.IGNORECASE)
#: So many addresses are a list of people, and not an author.
_MANY = 3


class PersonalData:
    """The notebook shows data about people: three or more addresses of e-mail, a bank account, a card, a US SSN.

    Outputs are copied, committed and mailed with the notebook. Clear the output, or show a part without these columns.
    Accounts and cards count if their check digits are right, and SSNs if the text says that it is about them. Single
    addresses, such as that of an author, and those of example.com are not reported.
    """

    code = "NB143"
    name = "personal-data"
    severity: Severity = "warning"

    def check(self, subject: Subject) -> Iterator[Hit]:
        for cell in subject.cells:
            lines = cell.source.splitlines() if _kind(cell.source) else []
            for number, line in enumerate(lines, start=1):
                if kind := _kind(line):
                    yield Hit(f"{kind} stands in the code", cell, number)
            text = "\n".join(texts(cell.outputs))
            if kind := _kind(text):
                yield Hit(f"{kind} stands in the output", cell, hint="clear it, or show what is about nobody")


def _kind(text: str) -> str:
    """Return what kind of personal data stands in a text; "" for none."""
    if "@" in text:
        found = {one.lower() for one in _EMAIL.findall(text) if not _NOBODY.search(one)}
        if len(found) >= _MANY:
            return f"a list of {len(found)} addresses of e-mail"
    if any(_issued(one) and _luhn(one[0]) for one in _CARD.finditer(text)):
        return "the number of a payment card"
    if any(_begins(one) and _mod_97(one[0]) for one in _IBAN.finditer(text)):
        return "the number of a bank account (IBAN)"
    lower = text.lower()
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
