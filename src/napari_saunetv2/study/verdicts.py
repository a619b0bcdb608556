"""What a reviewer said of a photograph: one small file each, with the masks that were seen."""

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Literal, get_args

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import make_folder, reason, write_beside
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.record import masks
from napari_saunetv2.study.state import prepare

Verdict = Literal["accepted", "set aside"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Review:
    """What a reviewer said of a photograph.

    Attributes
    ----------
    file : str
        The photograph, as tables name it.
    verdict : "accepted" or "set aside"
    when : str
        Time in UTC, ISO 8601.
    masks : dict of str to str
        SHA-256 of each mask that was seen: what is written later was not.
    reviewer : str
        Who says so, as given, or "".
    """

    file: str
    verdict: Verdict
    when: str
    masks: dict[str, str] = field(default_factory=dict)
    reviewer: str = ""

    def is_outdated(self, layout: Layout, name: str) -> bool:
        """Whether a mask has changed since; ``name`` is that of the results."""
        return self.masks != masks(layout, name)


def review(layout: Layout, name: str, file: str, verdict: Verdict, reviewer: str = "") -> Review:
    """Write what a reviewer says of a photograph, whole or not at all, with the masks that are there.

    Parameters
    ----------
    layout : Layout
    name : str
        Of the results.
    file : str
        The photograph, as tables name it.
    verdict : "accepted" or "set aside"
    reviewer : str
        Who says so: a name, initials, or "".

    Raises
    ------
    OverwriteError
        If the folder holds something else than a study.
    FileFormatError
        If it cannot be written.
    """
    prepare(layout)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    said = Review(file, verdict, when, masks(layout, name), reviewer.strip())
    path = layout.review(name)
    make_folder(path.parent)
    text = json.dumps(asdict(said), indent=1).encode()
    write_beside(path, lambda out: out.write(text), overwrite=True)
    return said


def withdraw(layout: Layout, name: str) -> None:
    """Forget what a reviewer said; masks stay as they are.

    Raises
    ------
    FileFormatError
        If the file cannot be removed.
    """
    path = layout.review(name)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FileFormatError(
            f"'{path}' cannot be removed ({reason(error)}): get write permission for its folder."
        ) from error


def read_review(layout: Layout, name: str) -> Review | None:
    """Read what a reviewer said; None where nobody said anything."""
    try:
        found = json.loads(layout.review(name).read_text(encoding="utf-8"))
        # Reviews of earlier versions name nobody.
        known = {"reviewer": ""} | found
        said = Review(**{one.name: known[one.name] for one in fields(Review)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return said if said.verdict in VERDICTS else None
