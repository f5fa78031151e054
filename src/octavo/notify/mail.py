"""Send a message by e-mail, through a server that speaks SMTP (RFC 5321)."""

from __future__ import annotations

import mimetypes
import os
import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Error
from .message import value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Json
    from .message import Message

#: Seconds for each answer of the server.
_PATIENCE = 10
#: Bytes that are attached at most: servers refuse more.
_ROOM = 8_000_000


def send(said: Json, found: Message, root: str) -> None:
    """Send a message as ``email`` of an entry says; raise an error, of whatever kind, when it was not taken."""
    mail = EmailMessage()
    host = socket.getfqdn()
    mail["Subject"] = found.subject
    mail["From"] = said.get("from", f"octavo@{host}")
    mail["To"] = ", ".join(said["to"])
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = make_msgid(domain="octavo")
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    mail.set_content(found.text)
    room = _ROOM
    for path in _attached(said.get("attach", False), found, root):
        data = path.read_bytes()
        room -= len(data)
        if room >= 0:
            main, _, sub = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
            mail.add_attachment(data, maintype=main, subtype=sub, filename=path.name)
    with _connected(said) as server:
        refused = server.send_message(mail)
    if refused:
        raise Error(f"the server refused {', '.join(refused)}")


def _attached(said: bool | list[str], found: Message, root: str) -> Iterator[Path]:
    """Yield the files to attach that are there: the notebooks of failed tasks, or those that are named."""
    names = said if isinstance(said, list) else found.notebooks if said else ()
    for name in names:
        path = Path(root, name)
        if path.is_file():
            yield path


def _connected(said: Json) -> smtplib.SMTP:
    name, colon, port = str(said.get("server", "localhost")).rpartition(":")
    host = name if colon and port.isdigit() else str(said.get("server", "localhost"))
    tls = said.get("tls", "auto")
    number = int(port) if colon and port.isdigit() else 465 if tls == "ssl" else 587 if "user" in said else 25
    secure = ssl.create_default_context()
    try:
        if tls == "ssl":
            return _logged_in(smtplib.SMTP_SSL(host, number, timeout=_PATIENCE, context=secure), said)
        server = smtplib.SMTP(host, number, timeout=_PATIENCE)
    except OSError as error:
        raise Error(f"{host}:{number}: {error.strerror or error}") from error
    try:
        server.ehlo_or_helo_if_needed()
        if tls == "starttls" or (tls == "auto" and server.has_extn("starttls")):
            server.starttls(context=secure)
        elif tls == "auto" and "password" in said:
            raise Error(
                f'{host}:{number} offers no encryption for the password: "tls: none" sends it all the same'
            )
        return _logged_in(server, said)
    except BaseException:
        server.close()
        raise


def _logged_in(server: smtplib.SMTP, said: Json) -> smtplib.SMTP:
    if "user" in said:
        password = value(said["password"], os.environ) if "password" in said else ""
        try:
            server.login(value(said["user"], os.environ), password)
        except smtplib.SMTPAuthenticationError as error:
            raise Error(f"the server refused the user or the password ({error.smtp_code})") from None
    return server
