"""Pseudonyms: identifiers replaced by a keyed hash, so that only who has the key can tell who is who."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2.errors import FileFormatError, SettingsError
from napari_saunetv2.files import reason, write_beside

LEAST_KEY = 16
"""Bytes: a shorter key could be found by trying."""

DIGITS = 16
"""Hexadecimal digits of a pseudonym: among a million, two are alike with a chance of 1 in 37 million."""


@dataclass(frozen=True)
class Pseudonyms:
    """Pseudonyms under a key.

    Attributes
    ----------
    key : bytes
        Not shown.
    """

    key: bytes

    def __repr__(self) -> str:
        return "Pseudonyms(key=...)"

    def of(self, kind: str, text: str) -> str:
        """Replace an identifier: HMAC-SHA256 [1]_ of its kind and text, as "p-3f9a..."; "" stays "".

        References
        ----------
        .. [1] Krawczyk, Bellare and Canetti (1997), RFC 2104.
        """
        if not text:
            return ""
        digest = hmac.new(self.key, f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()
        return f"{kind[0]}-{digest[:DIGITS]}"

    @property
    def check(self) -> str:
        """What tells whether two runs have the same key, and nothing more."""
        return self.of("key", "napari-saunetv2")


def read_key(path: Path) -> tuple[Pseudonyms, bool]:
    """Read the key, or make a new one where there is no such file.

    Parameters
    ----------
    path : Path
        Any file of 16 bytes or more; white space at its ends does not count.

    Returns
    -------
    pseudonyms : Pseudonyms
    made : bool
        Whether the key is new.

    Raises
    ------
    FileFormatError
        If the file cannot be read or written.
    SettingsError
        If the key is too short.
    """
    if not path.exists():
        key = secrets.token_hex(32).encode()
        write_beside(path, lambda out: out.write(key + b"\n"))
        path.chmod(0o600)
        return Pseudonyms(key), True
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise FileFormatError(
            f"The key '{path}' cannot be read ({reason(error)}): give a file with the key."
        ) from error
    if len(key) < LEAST_KEY:
        raise SettingsError(
            f"The key '{path.name}' has {len(key)} bytes: it must have {LEAST_KEY} or more; name a file that "
            "does not exist yet, and a new key is made."
        )
    return Pseudonyms(key), False


def hidden(text: str, names: Iterable[tuple[str, str]]) -> str:
    """Replace names in a text, such as that of an error, by what they are called in the results.

    Parameters
    ----------
    text : str
    names : iterable of (str, str)
        Each name, as a word or words of its own, with what replaces it; the longest first.
    """
    for name, shown in names:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", shown, text, flags=re.IGNORECASE)
    return text
