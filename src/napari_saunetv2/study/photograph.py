"""One photograph of a study: segmented, measured, judged and drawn; the work of a worker."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from napari_saunetv2.batch.exports import NAMES, Export, write_export
from napari_saunetv2.batch.images import Found, find_steps
from napari_saunetv2.batch.measuring import one_thread
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.files import load_image, make_folder, write_artery_vein, write_beside, write_mask
from napari_saunetv2.imaging import overlay
from napari_saunetv2.imaging.classes import is_artery_vein, split
from napari_saunetv2.imaging.quality import Quality, of_picture
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.inference import threshold_of
from napari_saunetv2.inference.landmarks import find_landmarks
from napari_saunetv2.measure import Measurements
from napari_saunetv2.measure.files import MeasureOptions, Source, measure_source, spacing_of, write_labels
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain
from napari_saunetv2.study import masks, pictures
from napari_saunetv2.study.layout import KINDS, Layout
from napari_saunetv2.study.numbers import headlines, page_rows, values_of
from napari_saunetv2.study.pseudonyms import hidden
from napari_saunetv2.study.record import Record, digest, edits, fingerprint, read_record, write_record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Task:
    """What is the same for all photographs.

    Attributes
    ----------
    layout : Layout
    config : InferenceConfig
        With device, engine and precision chosen, so that every worker has the same.
    options : MeasureOptions
    only_fov : bool
        Whether pictures show the field of view alone: beside it a camera may write names.
    exports : tuple of str
        Formats for other programs, as of :mod:`napari_saunetv2.batch.exports`.
    """

    layout: Layout
    config: InferenceConfig
    options: MeasureOptions
    only_fov: bool = False
    exports: tuple[Export, ...] = ()


@dataclass(frozen=True)
class Job:
    """What is to be done with a photograph.

    Attributes
    ----------
    name : str
        Of its results.
    file : str
        The photograph, as tables name it.
    image : str
        SHA-256 of its file.
    stamp : str
    base : str
        Fingerprint of all that its results depend on, but the edits.
    spacing : float or None
        Micrometres a pixel, where the sheet gives them.
    eye : str
        "right", "left" or "", to compare with the picture.
    remarks : tuple of str
        Known before.
    hide : tuple of (str, str)
        Names that may appear in errors, and what replaces them.
    """

    name: str
    file: str
    image: str
    stamp: str
    base: str
    spacing: float | None = None
    eye: str = ""
    remarks: tuple[str, ...] = ()
    hide: tuple[tuple[str, str], ...] = ()


class Outcome(NamedTuple):
    """What became of a photograph."""

    file: str
    status: Literal["done", "kept", "failed"]
    quality: float | None = None
    segments: int = 0
    edited: str = ""
    error: str = ""


def made(base: str, edited: dict[str, str]) -> str:
    """Fingerprint of all that results depend on, with the edits."""
    return fingerprint({"base": base, "edits": edited})


def study_one(file: Path, job: Job, task: Task) -> Outcome:
    """Do one photograph and write its results; what was edited by hand is measured, never overwritten."""
    layout = task.layout
    before = read_record(layout.record(job.name))
    by_hand = edits(layout, job.name, before)
    begun = Record(job.file, image=job.image, written={} if before is None else before.written, edits=by_hand)
    for path in (layout.record(job.name), layout.mask(job.name, "vessels"), layout.overlay(job.name)):
        make_folder(path.parent)
    for export in NAMES:  # those of an earlier mask, which a failure would leave behind
        layout.export(job.name, export).unlink(missing_ok=True)
    try:
        with one_thread():
            record = _done(file, job, task, begun)
    except Exception as error:  # noqa: BLE001 - one photograph must not end the work on thousands
        known = isinstance(error, (SaunetError, OSError, MemoryError))
        said = str(error) or "no memory"
        words = hidden(said if known else f"{type(error).__name__}: {said}: please report this.", job.hide)
        failed = replace(read_record(layout.record(job.name)) or begun, made="", row={}, error=words)
        write_record(layout.record(job.name), failed)
        return Outcome(job.file, "failed", error=words)
    write_record(layout.record(job.name), record)
    return outcome(record, "done")


def outcome(record: Record, status: Literal["done", "kept"]) -> Outcome:
    """What a record says, for who waits."""
    row = record.row
    return Outcome(record.file, status, row["quality"], row["segments"], row["edited"])


def _done(file: Path, job: Job, task: Task, begun: Record) -> Record:
    layout, name = task.layout, job.name
    model = checkpoint.load(task.config.model)
    threshold = threshold_of(model, "auto", task.config.tta)
    image = load_image(file)
    found = drain(find_steps(image, model, task.config, PostProcessing(threshold=threshold, fov="auto")))
    own = masks.of_program(found, threshold, artery_vein=is_artery_vein(model.header.classes))
    used = own
    if begun.edits:
        used = masks.edited(own, found, threshold, layout, name, begun.edits)
    options = task.options if job.spacing is None else replace(task.options, spacing=job.spacing)
    spacing = spacing_of(file, options)
    arteries = veins = None
    if used.classes is not None:
        arteries, veins = np.moveaxis(split(used.classes, 2, overlapping=True) & used.fov[..., None], 2, 0)
    source = Source(used.vessels, used.fov, arteries, veins, found.probability, found.unit, threshold)
    measured, _ = measure_source(source, options, spacing, find_landmarks)

    written = _write_masks(job, layout, own, begun)
    _write_part(layout.part(name, "measurements"), measured.image)
    _write_part(layout.part(name, "segments"), measured.segments)
    write_labels(layout.labels(name), measured.labels, overwrite=True)
    _draw(name, task, found, used, measured)
    unwritten = _export(file, job, task, measured)
    seen = found.quality or of_picture(found.picture)
    row = _row(found, measured, seen, spacing) | {"threshold": threshold, "model": model.name}
    remarks = (
        *job.remarks,
        *found.remarks,
        *used.remarks,
        *_of_eye(job, measured),
        *_of_pictures(task, found),
        *(f"{export} was not written: {why}" for export, why in unwritten.items()),
        *measured.remarks,
        measured.landmarks.note,
    )
    row["remarks"] = hidden(" ".join(filter(None, dict.fromkeys(remarks))), job.hide)
    row["edited"] = " ".join(begun.edits)
    values = values_of(measured.image)
    return replace(
        begun,
        made=made(job.base, begun.edits),
        stamp=job.stamp,
        written=written,
        row=row,
        numbers=headlines(values),
        shown=page_rows(values),
    )


def _write_masks(job: Job, layout: Layout, own: masks.Masks, begun: Record) -> dict[str, list[str]]:
    """Write the masks that nobody edited, and note before a file is there that it is the program's."""
    name = job.name
    for kind in KINDS:
        layout.staged(name, kind).unlink(missing_ok=True)
    write_mask(layout.staged(name, "vessels"), own.vessels)
    if own.classes is not None:
        write_artery_vein(layout.staged(name, "av"), own.classes)
    new = {kind: digest(layout.staged(name, kind)) for kind in KINDS}
    # What was written before stays known until the new file has taken its place.
    known = {
        kind: list(dict.fromkeys([*filter(None, [new[kind]]), *begun.written.get(kind, [])]))
        for kind in KINDS
    }
    write_record(layout.record(name), replace(begun, written=known))
    by_hand = edits(layout, name, replace(begun, written=known))
    for kind in KINDS:
        staged, mask = layout.staged(name, kind), layout.mask(name, kind)
        if kind in by_hand:  # before this run began or since
            staged.unlink(missing_ok=True)
        elif new[kind]:
            staged.replace(mask)
        else:  # of a model that told arteries from veins
            mask.unlink(missing_ok=True)
    return {kind: [found] for kind, found in new.items() if found}


def _write_part(path: Path, rows: "pd.DataFrame") -> None:
    text = rows.to_csv(index=False, header=False, lineterminator="\n").encode()
    packed = gzip.compress(text, 6, mtime=0)  # without a time: the same rows give the same file
    write_beside(path, lambda out: out.write(packed), overwrite=True)


def _export(file: Path, job: Job, task: Task, measured: Measurements) -> dict[Export, str]:
    """Write it for other programs; returns why it was not, such as in DICOM for want of identifiers.

    What was not written is not there, by which the next run knows to try again.
    """
    unwritten: dict[Export, str] = {}
    for export in task.exports:
        target = task.layout.export(job.name, export)
        make_folder(target.parent)
        try:
            write_export(export, target, measured, file, spacing=job.spacing, alone=task.only_fov)
        except SaunetError as error:
            unwritten[export] = str(error)
    return unwritten


def _draw(name: str, task: Task, found: Found, used: masks.Masks, measured: Measurements) -> None:
    unit = found.unit
    if task.only_fov:
        unit = unit * found.fov[..., None]
    drawn = overlay.drawn(unit, used.vessels & used.fov, used.classes)
    layout = task.layout
    whole = pictures.reduced(drawn, replace(measured.landmarks, disc=None, fovea=None), max(drawn.shape))
    pictures.write_jpeg(layout.overlay(name), whole, "overlay")
    for what, side in (("page", pictures.PAGE), ("thumbnail", pictures.THUMBNAIL)):
        small = pictures.reduced(drawn, measured.landmarks, side)
        pictures.write_jpeg(layout.picture(name, what), small, what)


def _row(found: Found, measured: Measurements, seen: Quality, spacing: float | None) -> dict[str, Any]:
    """Row of the table of photographs; numbers rounded to what means something."""
    landmarks = measured.landmarks
    disc, fovea = landmarks.disc, landmarks.fovea
    height, width = found.mask.shape

    def rounded(value: float | None, digits: int) -> float | None:
        return None if value is None else round(float(value), digits)

    return {
        "status": "done",
        "height": height,
        "width": width,
        "fov_diameter": rounded(found.picture.diameter, 1),
        "quality": rounded(seen.score, 3),
        "quality_note": seen.note,
        "fundus": "yes" if seen.is_fundus else "no",
        "lit": rounded(seen.lit, 3),
        "sharp": rounded(seen.sharp, 3),
        "contrast": rounded(seen.contrast, 3),
        "vessel_share_of_fov": rounded(found.share, 4),
        "segments": len(measured.segments),
        "disc_x": rounded(disc and disc.x, 1),
        "disc_y": rounded(disc and disc.y, 1),
        "disc_r": rounded(disc and disc.r, 1),
        "disc_confidence": rounded(landmarks.disc_confidence, 3),
        "fovea_x": rounded(fovea and fovea.x, 1),
        "fovea_y": rounded(fovea and fovea.y, 1),
        "fovea_confidence": rounded(landmarks.fovea_confidence, 3),
        "eye_seen": landmarks.eye or "",
        "eye_confidence": rounded(landmarks.eye_confidence, 3),
        "spacing": rounded(spacing, 4),
    }


def _of_eye(job: Job, measured: Measurements) -> tuple[str, ...]:
    eye = measured.landmarks.eye
    if not job.eye or eye is None or eye == job.eye:
        return ()
    return (f"The picture looks like a {eye} eye, and a {job.eye} one is stated: check it.",)


def _of_pictures(task: Task, found: Found) -> tuple[str, ...]:
    if not task.only_fov or found.picture.diameter is not None:
        return ()
    return ("No field of view was found, so the pictures show all of the photograph: look for names in it.",)
