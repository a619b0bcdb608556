"""What tables say of who and when: in clear, or under pseudonyms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath

from napari_saunetv2.cohort import Case
from napari_saunetv2.cohort.folders import is_visit, says_nothing
from napari_saunetv2.datasets.partners import stem
from napari_saunetv2.study.pseudonyms import Pseudonyms

KEEP = ("eye", "date")
"""What may be kept beside pseudonyms."""

_SHORT = 3  # letters: shorter parts of a name may be words of a sentence


@dataclass(frozen=True)
class People:
    """How photographs are named.

    Attributes
    ----------
    pseudonyms : Pseudonyms or None
        None: all in clear.
    keep : frozenset of str
        What is kept in clear beside pseudonyms: "eye", "date".
    """

    pseudonyms: Pseudonyms | None = None
    keep: frozenset[str] = field(default_factory=frozenset)

    def file(self, case: Case) -> str:
        """Name a photograph, or a file that was left out."""
        return case.name if self.pseudonyms is None else self.pseudonyms.of("file", case.name)

    def eye(self, case: Case) -> str:
        """Which eye, where it may be told."""
        return (case.eye or "") if self.pseudonyms is None or "eye" in self.keep else ""

    def rows(self, cases: Sequence[Case]) -> list[dict[str, str]]:
        """Columns ``WHO`` of each photograph."""
        first: dict[str, str] = {}
        for case in cases:
            if case.patient and case.date:
                first[case.patient] = min(case.date, first.get(case.patient, case.date))
        return [self._row(case, first) for case in cases]

    def _row(self, case: Case, first: Mapping[str, str]) -> dict[str, str]:
        day = ""
        if case.patient and case.date:
            day = str((date.fromisoformat(case.date) - date.fromisoformat(first[case.patient])).days)
        row = {
            "file": self.file(case),
            "patient": case.patient,
            "eye": self.eye(case),
            "date": case.date,
            "day": day,
            "visit": case.visit,
        }
        if self.pseudonyms is None:
            return row
        kept = "date" in self.keep
        row["patient"] = self.pseudonyms.of("patient", case.patient)
        row["date"] = case.date if kept else ""
        if not is_visit(case.visit) and not (kept and case.visit == case.date):
            row["visit"] = self.pseudonyms.of("visit", case.visit)
        return row

    def hide(self, case: Case) -> tuple[tuple[str, str], ...]:
        """Names of a photograph that may appear in an error, and what replaces them, the longest first."""
        if self.pseudonyms is None:
            return ()
        path = PurePosixPath(case.name)
        shown = self.file(case)
        names = {str(case.file), str(case.file.parent), case.name, path.name, stem(path), case.patient}
        names |= {part for part in path.parts if len(part) > _SHORT and not says_nothing(part)}
        return tuple((name, shown) for name in sorted(names - {"", "/"}, key=lambda name: (-len(name), name)))
