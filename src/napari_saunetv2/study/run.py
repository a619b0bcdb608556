"""Run a study: what is to be done, doing it, and what comes of it."""

from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

from napari_saunetv2 import __version__, inference
from napari_saunetv2.batch.workers import check_workers, spread
from napari_saunetv2.cohort import Cohort
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SaunetError, SettingsError
from napari_saunetv2.files.locks import exclusive
from napari_saunetv2.files.parts import remove_parts
from napari_saunetv2.models import checkpoint
from napari_saunetv2.study.about import StudyOptions, models, study_of
from napari_saunetv2.study.identifiers import write_identifiers
from napari_saunetv2.study.layout import KINDS, Layout
from napari_saunetv2.study.looking import Looked, look, result_names, twice
from napari_saunetv2.study.people import People
from napari_saunetv2.study.photograph import Job, Outcome, Task, made, outcome, study_one
from napari_saunetv2.study.record import Record, edits, fingerprint, write_record
from napari_saunetv2.study.results import write_results
from napari_saunetv2.study.state import read_records, read_state, refuse_other, write_state
from napari_saunetv2.study.workbook import write_workbook

FORMAT = 1
"""Raised where results change in form: all photographs are then done again."""


class Summary(NamedTuple):
    """What came of a study.

    Attributes
    ----------
    photographs, done, kept, failed : int
        Photographs, and those done now, done before and not done.
    edited : int
        Those with a mask that was edited by hand.
    abandoned : int
        Results of photographs that are no longer in the study.
    report : Path
    """

    photographs: int
    done: int
    kept: int
    failed: int
    edited: int
    abandoned: int
    report: Path


def study_steps(
    cohort: Cohort, options: StudyOptions, *, workers: int = 1, scheduler: str | None = None
) -> Generator[Outcome, None, Summary]:
    """Segment, measure and judge every photograph, and write tables and pages.

    Photographs are done again only if something changed that their results depend on: the file, the pixel
    size, a setting, the model, this program, or a mask that was edited by hand. Such a mask is measured and
    never overwritten.

    Parameters
    ----------
    cohort : Cohort
    options : StudyOptions
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler to use instead.

    Yields
    ------
    Outcome
        Of each photograph as it is done. That of a failed one has the reason; the others continue.

    Returns
    -------
    Summary

    Raises
    ------
    OverwriteError
        If the folder holds something else, or another process uses it.
    SettingsError
        If it holds results under another key, or some in clear.
    SaunetError
        For a model that cannot be used, or a result that cannot be written.
    """
    check_workers(workers)
    layout = Layout(options.output)
    refuse_other(layout)
    with exclusive(options.output):
        config = _begun(layout, options)
        records = read_records(layout)
        recorded = {record.file: name for name, record in records.items()}
        pseudonyms = options.people.pseudonyms
        names = result_names(cohort, recorded, pseudonyms)
        looked = [look(c, names[c.name], records.get(names[c.name]), pseudonyms) for c in cohort.cases]
        if options.identifiers is not None:
            cases = [one.case for one in looked]
            write_identifiers(options.identifiers, options.people, cases, cohort.left_out)
        task = Task(layout, config, options.measure, only_fov=pseudonyms is not None, exports=options.exports)
        base = _base(task)
        shown = {one.name: options.people.file(one.case) for one in looked}
        equal = twice(looked, shown)
        todo, done = [], []
        for one in looked:
            job = _job(one, options.people, base, (*one.remarks, *filter(None, [equal.get(one.name)])))
            record = records.get(one.name)
            if record is not None and _is_kept(task, job, record):
                if record.stamp != job.stamp:
                    write_record(layout.record(one.name), replace(record, stamp=job.stamp))
                done.append(outcome(record, "kept"))
                yield done[-1]
            else:
                todo.append((one.case.file, job))

        def lost(file: Path, error: BaseException) -> Outcome:
            job = next(job for path, job in todo if path == file)
            return Outcome(job.file, "failed", error=f"Its worker was lost ({type(error).__name__}).")

        for result in spread(todo, (task,), study_one, lost, workers=workers, scheduler=scheduler):
            done.append(result)
            yield result
        exports = options.exports
        for folder in {
            path.parent for name in names.values() for path in layout.results(name, KINDS, exports)
        }:
            remove_parts(folder)
        errors = {result.file: result.error for result in done if result.status == "failed"}
        study = study_of(cohort, options, task, looked, errors)
        write_results(study)
        if options.excel:
            write_workbook(layout)
    count = [result.status for result in done].count
    return Summary(
        len(looked),
        count("done"),
        count("kept"),
        count("failed"),
        sum(bool(item.record.edits) for item in study.items),
        len(records.keys() - set(names.values())),
        layout.report(1),
    )


def _begun(layout: Layout, options: StudyOptions) -> InferenceConfig:
    """Compare with earlier runs of the same folder; returns how the network runs, in all of them alike."""
    pseudonyms = options.people.pseudonyms
    key = "" if pseudonyms is None else pseudonyms.check
    before = read_state(layout)
    if before and before.get("key") != key:
        held = "results with names in clear" if not before.get("key") else "pseudonyms under another key"
        if before.get("key") and not key:
            held = "pseudonyms"
        raise SettingsError(f"'{layout.folder}' holds {held}: choose another folder, or run as before.")
    model = checkpoint.load(options.config.model)
    wish = f"{options.config.device} {options.config.engine} {options.config.precision}"
    chosen = before.get("engines", {}).get(wish)
    try:
        # What "auto" chose before is chosen again: another engine gives other last digits.
        tried = options.config if chosen is None else replace(options.config, **chosen)
        config = inference.resolved(model, tried)
    except SaunetError:
        if chosen is None:
            raise
        config = inference.resolved(model, options.config)
    how = {name: getattr(config, name) for name in ("device", "engine", "precision")}
    write_state(layout, {"key": key, "engines": {**before.get("engines", {}), wish: how}})
    return config


def _base(task: Task) -> str:
    """Fingerprint of all that is the same for every photograph."""
    return fingerprint(
        {
            "format": FORMAT,
            "version": __version__,
            "models": models(task.config),
            "config": task.config.options(),
            "model": checkpoint.load(task.config.model).name,
            "measure": asdict(task.options),
            "only_fov": task.only_fov,
        }
    )


def _job(one: Looked, people: People, base: str, remarks: tuple[str, ...]) -> Job:
    case = one.case
    parts = {"base": base, "image": one.image, "spacing": case.spacing, "eye": people.eye(case)}
    return Job(
        one.name,
        people.file(case),
        one.image,
        one.stamp,
        fingerprint(parts | {"remarks": remarks}),
        case.spacing,
        people.eye(case),
        remarks,
        people.hide(case),
    )


def _is_kept(task: Task, job: Job, record: Record) -> bool:
    """Whether the results of a photograph are there and would be the same."""
    layout = task.layout
    return (
        bool(job.image)
        and record.made == made(job.base, edits(layout, job.name, record))
        and all(path.exists() for path in layout.results(job.name, record.written, task.exports))
    )
