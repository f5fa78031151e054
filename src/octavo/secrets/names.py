"""Tell by its name whether a parameter or variable holds a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: A capital begins a word, and the last of several capitals does where a small letter follows: dbPassword, APIKey.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that say it alone, wherever they stand.
_ALONE = _words(
    "password passwords passwd pwd passphrase passphrases passcode secret secrets credential credentials cred creds"
    " token auth authorization bearer apikey apikeys accesskey privatekey secretkey authtoken accesstoken"
)
#: Words that say it after one of others: api_key, DB_PASS, access_tokens.
_AFTER: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("key", "keys"),
        _words(
            "api access private secret encryption decryption signing signature auth account storage service ssh"
            " hmac aes rsa license subscription shared webhook"
        ),
    ),
    "tokens": _words("api access auth refresh bearer session secret"),
    "pass": _words(
        "db database user smtp mail email ftp ssh sql mysql postgres pg redis admin root login proxy api"
    ),
    "signature": frozenset(("access", "amz", "goog")),
}
#: What is about a secret, and none itself, when the name ends so: password_file, token_url, secret_name.
_ABOUT = _words(
    "file files filename path paths dir folder name names url uri endpoint host port count counts limit limits length"
    " len size type types kind format field column col columns policy expiry expires ttl timeout lifetime age max min"
    " budget dim embedding embeddings index prefix suffix pattern regex var variable header method mode required"
    " enabled scope scopes provider backend manager store vault algorithm"
)
#: Tokens that are pieces of text: pad_token, max_token, n_token.
_PIECES = _words(
    "pad eos bos unk mask sep cls special stop start end next first last max min num n per prev image text"
)
#: Longer words of which people leave out the separator: dbpassword.
_ENDS = ("password", "passwd", "passphrase")


def is_secret(name: str, marked: Mapping[str, bool] | None = None) -> bool:
    """Return whether a name says that its value is secret.

    ``marked`` are names that a person has decided on; "*" in it stands for all others.
    """
    if marked and (said := marked.get(name, marked.get("*"))) is not None:
        return said
    if name in ("PWD", "OLDPWD"):  # a shell's folder
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words or words[-1] in _ABOUT:
        return False
    return any(_says(word, words[at - 1] if at else "") for at, word in enumerate(words))


def _says(word: str, before: str) -> bool:
    if word == "token":
        return before not in _PIECES
    return word in _ALONE or word.endswith(_ENDS) or before in _AFTER.get(word, ())
