"""What a reviewer said of each photograph of a study, and where its work stands."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from napari_saunetv2.batch.exports import check
from napari_saunetv2.cohort import Cohort, read
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.progress import relay
from napari_saunetv2.study.about import StudyOptions
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.looking import result_names
from napari_saunetv2.study.photograph import Outcome
from napari_saunetv2.study.record import digest, edits, read_record
from napari_saunetv2.study.run import study_steps
from napari_saunetv2.study.state import read_records, read_state
from napari_saunetv2.study.verdicts import read_review

NOT_DONE, DONE, EDITED, FAILED = "not done", "done", "edited", "failed"
"""Where the work on a photograph stands; an edited mask waits to be measured."""


class Status(NamedTuple):
    """Where a photograph stands.

    Attributes
    ----------
    name : str
        Of its results.
    work : "not done", "done", "edited" or "failed"
    verdict : "accepted", "set aside" or ""
    changed : bool
        Whether a mask has changed since the verdict.
    error : str
        Why it failed, or "".
    """

    name: str
    work: str = NOT_DONE
    verdict: str = ""
    changed: bool = False
    error: str = ""


@dataclass(frozen=True)
class Source:
    """Where the photographs of a study come from, and where its results are.

    Attributes
    ----------
    folder : Path
    output : Path
    sheet : Path, optional
    pattern, date_format : str, optional
        As of :func:`napari_saunetv2.cohort.read`.
    """

    folder: Path
    output: Path
    sheet: Path | None = None
    pattern: str | None = None
    date_format: str | None = None

    def in_words(self) -> dict[str, str]:
        """Describe where the photographs come from, for ``study.json``, without names."""
        told = {
            "sheet (sha256)": "" if self.sheet is None else digest(self.sheet),
            "pattern": self.pattern or "",
            "date format": self.date_format or "",
        }
        given = {key: value for key, value in told.items() if value}
        return given or {"folders": "subfolders are patients and visits"}

    @property
    def layout(self) -> Layout:
        """Files of the results."""
        return Layout(self.output)


class Survey(NamedTuple):
    """The photographs of a study, with the names of their results in the same order."""

    cohort: Cohort
    names: tuple[str, ...]


def survey(source: Source) -> Survey:
    """List the photographs of a study, named as its results are.

    Raises
    ------
    SaunetError
        As :func:`napari_saunetv2.cohort.read`; for results under pseudonyms.
    """
    cohort = read(
        source.folder,
        sheet=source.sheet,
        pattern=source.pattern,
        date_format=source.date_format,
        output=source.output,
    )
    if read_state(source.layout).get("key"):
        raise SettingsError(
            f"'{source.output}' holds pseudonyms, so that no result can be told to belong to a photograph: "
            "choose another folder for the results."
        )
    recorded = {record.file: name for name, record in read_records(source.layout).items()}
    names = result_names(cohort, recorded, None)
    return Survey(cohort, tuple(names[case.name] for case in cohort.cases))


def status(layout: Layout, name: str) -> Status:
    """Look where a photograph stands; reads a few small files."""
    record, review = read_record(layout.record(name)), read_review(layout, name)
    error = "" if record is None else record.error
    work = NOT_DONE
    if record is not None and record.made:
        work = DONE if edits(layout, name, record) == record.edits else EDITED
    elif error:
        work = FAILED
    elif edits(layout, name, record):
        work = EDITED
    if review is None:
        return Status(name, work, error=error)
    return Status(name, work, review.verdict, review.is_outdated(layout, name), error)


def run(
    source: Source,
    found: Survey,
    config: InferenceConfig,
    into: list[Status],
    exports: Sequence[str] = (),
) -> Generator[float, None, str]:
    """Do the study, or what is left of it.

    Parameters
    ----------
    source : Source
    found : Survey
    config : InferenceConfig
    into : list of Status
        Gets where each photograph stands, as it is done.
    exports : sequence of str
        Formats for other programs that are also written, "excel" among them.

    Yields
    ------
    float, range [0, 1]
        Share done.

    Returns
    -------
    str
        What came of it, in a sentence.

    Raises
    ------
    SaunetError
        As :func:`napari_saunetv2.study.run.study_steps`.
    """
    names = {case.name: name for case, name in zip(found.cohort.cases, found.names, strict=True)}

    def note(outcome: Outcome) -> float:
        into.append(status(source.layout, names[outcome.file]))
        return len(into) / len(names)

    excel = "excel" in exports
    formats = check([one for one in exports if one != "excel"], excel=excel)
    options = StudyOptions(source.output, config, source=source.in_words(), exports=formats, excel=excel)
    summary = yield from relay(study_steps(found.cohort, options), note)
    by_hand = f" {summary.edited} with masks edited by hand." if summary.edited else ""
    return (
        f"{summary.done} photograph{'s' * (summary.done != 1)} done, {summary.kept} unchanged, "
        f"{summary.failed} failed.{by_hand} Report: {summary.report}"
    )


def statuses(layout: Layout, names: Sequence[str]) -> Iterator[Status]:
    """Look where each photograph stands."""
    return (status(layout, name) for name in names)
