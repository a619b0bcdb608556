"""The settings of a study, and what its tables and ``study.json`` say of it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_saunetv2.batch.exports import Export
from napari_saunetv2.cohort import Cohort
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.inference.landmarks import MODEL as LANDMARKS
from napari_saunetv2.measure.files import MeasureOptions
from napari_saunetv2.models import checkpoint
from napari_saunetv2.study.content import Item, Study
from napari_saunetv2.study.looking import Looked
from napari_saunetv2.study.people import People
from napari_saunetv2.study.photograph import Task
from napari_saunetv2.study.record import Record, digest, read_record
from napari_saunetv2.study.verdicts import read_review


@dataclass(frozen=True)
class StudyOptions:
    """Settings of a study.

    Attributes
    ----------
    output : Path
        Folder for the results.
    config : InferenceConfig
    measure : MeasureOptions
    people : People
        How photographs are named.
    source : mapping of str to str
        Where the photographs come from, for ``study.json``: hash of the sheet, pattern, date format.
    exports : tuple of str
        Formats for other programs in which each photograph is written too.
    excel : bool
        Whether all tables are written into a workbook too.
    identifiers : Path or None
        File for the table of identifiers and pseudonyms, which is otherwise not written.
    """

    output: Path
    config: InferenceConfig
    measure: MeasureOptions = field(default_factory=MeasureOptions)
    people: People = field(default_factory=People)
    source: Mapping[str, str] = field(default_factory=dict)
    exports: tuple[Export, ...] = ()
    excel: bool = False
    identifiers: Path | None = None


def models(config: InferenceConfig) -> dict[str, str]:
    """SHA-256 of the files of both models, by what they find."""
    return {
        "vessels": digest(checkpoint.find(config.model)),
        "landmarks": digest(checkpoint.find(LANDMARKS)),
    }


def study_of(
    cohort: Cohort, options: StudyOptions, task: Task, looked: list[Looked], errors: Mapping[str, str]
) -> Study:
    """Put together what tables and pages show; ``errors`` are those of this run, by file."""
    people = options.people
    rows = people.rows([one.case for one in looked])
    items = []
    for one, who in zip(looked, rows, strict=True):
        record = read_record(task.layout.record(one.name)) or Record(who["file"], image=one.image)
        if error := errors.get(who["file"], ""):
            record = replace(record, made="", error=error)
        review = read_review(task.layout, one.name)
        outdated = review is not None and review.is_outdated(task.layout, one.name)
        items.append(Item(one.name, who, record, review, outdated))
    if people.pseudonyms is not None:
        items.sort(key=lambda item: item.who["file"])  # the order of names would tell of them
    left_out = []
    for case in cohort.left_out:
        # A reason may quote the name, the patient, or the row of a sheet.
        reason = case.left_out if people.pseudonyms is None else _without_names(case.left_out)
        left_out.append((people.file(case), reason))
    return Study(task.layout, items, sorted(left_out), _about(cohort, options, task))


def _without_names(reason: str) -> str:
    """A reason without what it quotes."""
    return re.sub("'.*'", "...", reason, flags=re.DOTALL)


def _about(cohort: Cohort, options: StudyOptions, task: Task) -> dict[str, Any]:
    """What ``study.json`` says of the settings."""
    people = options.people
    measure = asdict(options.measure)
    measure.pop("beside")
    header = checkpoint.load(task.config.model).header
    clear = people.pseudonyms is None
    return {
        "model": checkpoint.load(task.config.model).name,
        "classes": list(header.classes),
        "sha256 of models": models(task.config),
        "settings": {**task.config.options(), **measure},
        "photographs from": {
            key: told if clear or key != "pattern" else "given" for key, told in options.source.items()
        },
        "names": "in clear" if clear else "pseudonyms by HMAC-SHA256",
        "kept beside pseudonyms": sorted(people.keep) if not clear else [],
        "remarks": list(cohort.remarks) if clear else [],
    }
