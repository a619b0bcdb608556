"""What the names of files say, by a pattern that the user gives: ``{patient}_{eye}_{date}``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from napari_saunetv2.cohort.fields import EYES, date_of, eye_of
from napari_saunetv2.datasets.partners import stem
from napari_saunetv2.errors import SettingsError

FIELDS = ("patient", "eye", "date", "visit")
"""What a pattern may name."""

_TOKEN = re.compile(r"\{([^{}]*)\}|\*|([^{}*]+)|[{}]")
_EYE = "|".join(sorted((re.escape(word) for word in EYES), key=len, reverse=True))
_DATE = r"\d{4}([-_.]?)\d{1,2}\%d\d{1,2}|\d{1,2}([-.])\d{1,2}\%d\d{4}"


@dataclass(frozen=True)
class Pattern:
    """A pattern of names.

    Attributes
    ----------
    text : str
        ``{patient}``, ``{eye}``, ``{date}`` and ``{visit}`` stand for what they name, ``*`` for anything;
        with "/" it includes that many folders above the file. The suffix of a file does not count.
    date_format : str, optional
        How dates are written, as of ``datetime.strptime``.

    Raises
    ------
    SettingsError
        If it names nothing, or something else, or twice the same, or leaves no mark between two of them.
    """

    text: str
    date_format: str | None = None

    def __post_init__(self) -> None:
        """Check the pattern."""
        tokens = self._tokens()
        names = [name for name, _ in tokens if name]
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        if wrong := [name for name in names if name not in (*FIELDS, "*")]:
            raise SettingsError(f"The pattern '{self.text}' names {{{wrong[0]}}}: it may name {known} and *.")
        named = [name for name in names if name != "*"]
        if not named:
            raise SettingsError(f"The pattern '{self.text}' names nothing: it must name one of {known}.")
        if twice := {name for name in named if named.count(name) > 1}:
            raise SettingsError(f"The pattern '{self.text}' names {{{twice.pop()}}} twice: name it once.")
        free = {"patient", "visit", "*"}
        for (one, _), (other, _) in pairwise(tokens):
            if one in free and other in free:
                raise SettingsError(
                    f"The pattern '{self.text}' has nothing between two parts: where one ends would be a "
                    "guess; put what stands between them in the names."
                )

    def fields(self, name: str) -> dict[str, str]:
        """Read a name, with its folders before it; eye and date are as :class:`Case` has them.

        Raises
        ------
        SettingsError
            If the name does not fit, or fits in two ways, or has a date that is none.
        """
        folders = self.text.count("/")
        parts = PurePosixPath(name).parts[-1 - folders :]
        whole = "/".join(parts)
        bare = "/".join((*parts[:-1], stem(PurePosixPath(parts[-1]))))
        for text in (bare, whole):
            found = [self._matched(text, lazy=lazy) for lazy in (True, False)]
            if found[0] is None or found[1] is None:
                continue
            if found[0] != found[1]:
                ways = " or ".join(", ".join(f"{k} '{v}'" for k, v in one.items()) for one in found if one)
                raise SettingsError(f"The name fits '{self.text}' in two ways ({ways}): use another pattern.")
            return self._read(found[0])
        raise SettingsError(f"The name does not fit '{self.text}': rename the file, or use another pattern.")

    def _tokens(self) -> list[tuple[str, str]]:
        """Fields and the text between them: ("patient", "") or ("", "_")."""
        found = []
        for match in _TOKEN.finditer(self.text.strip("/")):
            if match[0] in "{}":
                raise SettingsError(f"The pattern '{self.text}' has a bracket too many: write {{patient}}.")
            found.append(("", match[2]) if match[2] else ("*" if match[0] == "*" else match[1], ""))
        return found

    def _matched(self, text: str, *, lazy: bool) -> Mapping[str, str] | None:
        """Fields of a text if what is free takes as little, or as much, as it can."""
        some = "[^/]+?" if lazy else "[^/]+"
        parts, groups = [], 0
        for name, between in self._tokens():
            groups += name in FIELDS
            if name == "eye":
                parts.append(f"(?P<eye>{_EYE})")
            elif name == "date" and self.date_format is None:
                parts.append(f"(?P<date>{_DATE % (groups + 1, groups + 2)})")
                groups += 2
            elif name == "*":
                parts.append("[^/]*?" if lazy else "[^/]*")
            else:
                parts.append(f"(?P<{name}>{some})" if name else re.escape(between))
        found = re.fullmatch("".join(parts), text, re.IGNORECASE)
        return None if found is None else found.groupdict()

    def _read(self, found: Mapping[str, str]) -> dict[str, str]:
        read = {name: text.strip() for name, text in found.items()}
        if "date" in read:
            separated = read["date"] if self.date_format else read["date"].replace("_", "-")
            read["date"] = date_of(separated, self.date_format)
        if "eye" in read:
            read["eye"] = eye_of(read["eye"]) or ""
        return read
