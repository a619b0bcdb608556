"""Measure many images in this process, in several, or on a Dask cluster."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from napari_saunetv2 import __version__, inference
from napari_saunetv2.batch.exports import Export, write_export
from napari_saunetv2.batch.workers import check_workers, spread
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets.inputs import result_names
from napari_saunetv2.datasets.partners import is_mask
from napari_saunetv2.errors import FileFormatError, SaunetError, SettingsError
from napari_saunetv2.exchange.formats import FORMATS
from napari_saunetv2.files import make_folder, read_acquisition, write_beside
from napari_saunetv2.files.parts import remove_parts
from napari_saunetv2.imaging import modality
from napari_saunetv2.imaging.classes import is_artery_vein
from napari_saunetv2.inference.landmarks import find_landmarks
from napari_saunetv2.measure import files as measured
from napari_saunetv2.measure.classes import vote
from napari_saunetv2.measure.names import Peer
from napari_saunetv2.models import checkpoint

SETTINGS = "measure.json"
"""File in the results folder with the settings of the run, by which another run can be told apart."""


class Measured(NamedTuple):
    """Result for an image."""

    file: str
    status: str
    """"done", "kept" (measured in an earlier run) or "failed"."""
    segments: int = 0
    error: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasureOutputs:
    """What is written of a run, and where.

    Attributes
    ----------
    folder : Path
    peer : "automorph", "pvbm", "vascx" or None
        Program under whose names and formulas there is a table too.
    exports : tuple of str
        Formats for other programs: "imagej", "geojson", "ome-tiff", "dicom-seg".
    """

    folder: Path
    peer: Peer | None = None
    exports: tuple[Export, ...] = ()

    def paths(self, name: str) -> dict[str, Path]:
        """Files written for an image of that name, by their contents; the last one is written last."""
        tables = ("measurements", "segments", *(() if self.peer is None else (self.peer,)))
        endings = {table: f"{table}.csv" for table in tables}
        endings |= {export: FORMATS[export].ending for export in self.exports}
        return {
            what: self.folder / f"{name}_{end}"
            for what, end in (endings | {"labels": "segments.tif"}).items()
        }


def measure_files(
    files: Mapping[Path, PurePath],
    options: measured.MeasureOptions,
    config: InferenceConfig,
    outputs: MeasureOutputs,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Iterator[Measured]:
    """Measure files, photographs or masks, and yield a result for each as it finishes.

    Each image has tables of its own, and its network runs on one thread: so the numbers are the same, to the
    last digit, whatever the number of workers, and a run that was killed goes on where it stopped.

    Parameters
    ----------
    files : mapping of Path to PurePath
        Each file, with the subfolder for its results.
    options : MeasureOptions
    config : InferenceConfig
        For photographs. Every worker loads its model once.
    outputs : MeasureOutputs
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler to use instead.
    resume : bool
        Whether to skip images that are measured already and have not changed since.
    overwrite : bool
        Whether existing results may be replaced.

    Yields
    ------
    Measured
        That of a failed file has the reason; the others continue.

    Raises
    ------
    SettingsError
        If dask.distributed is missing, no scheduler responds, or the folder holds results of other settings.
    """
    check_workers(workers)
    folder = outputs.folder
    make_folder(folder)
    if scheduler is None and workers > 1 and any(not is_mask(file) for file in files):
        # Once, here: workers that measure at the same time might choose different engines.
        config = inference.resolved(checkpoint.opened(config.model), config)
    settings = {
        **asdict(options),
        "model": config.model,
        "names": outputs.peer,
        "export": outputs.exports,
        "version": __version__,
    }
    _check_settings(folder, settings, resume=resume)
    names = result_names(dict(files))
    for part in sorted({folder / part for part in files.values()}):
        remove_parts(part)
    todo = []
    for file, name in names.items():
        paths = outputs.paths(name).values()
        there = [path.exists() for path in paths]
        if resume and all(there) and _is_older(file, paths):
            yield Measured(str(file), "kept")
        elif any(there) and not (resume or overwrite):
            yield Measured(str(file), "failed", error="its results already exist: choose another folder.")
        else:
            todo.append((file, name))
    task = (options, config, outputs)
    yield from spread(todo, task, measure_one, _lost, workers=workers, scheduler=scheduler)
    for part in sorted({folder / part for part in files.values()}):
        remove_parts(part)


def _is_older(file: Path, results: Iterable[Path]) -> bool:
    """Whether a file was not changed after its results were written: a corrected mask is measured again."""
    try:
        return file.stat().st_mtime <= min(path.stat().st_mtime for path in results)
    except OSError:
        return False


def measure_one(
    file: Path,
    name: str,
    options: measured.MeasureOptions,
    config: InferenceConfig,
    outputs: MeasureOutputs,
) -> Measured:
    """Measure one file and write its tables; the work of a worker."""
    try:
        with one_thread():
            found = measured.measure_file(file, options, _segmenter(config), find_landmarks)
        where = outputs.paths(name)
        make_folder(where["labels"].parent)
        tables = {"measurements": found.image, "segments": found.segments}
        if outputs.peer is not None:
            tables[outputs.peer] = measured.under_names_table(found, outputs.peer)
        for what, table in tables.items():
            text = measured.named(table, below(file, name)).to_csv(index=False, lineterminator="\n").encode()
            write_beside(where[what], lambda out, text=text: out.write(text), overwrite=True)  # type: ignore[misc]
        for export in outputs.exports:
            write_export(export, where[export], found, file)
        measured.write_labels(where["labels"], found.labels, overwrite=True)
    except (SaunetError, OSError, MemoryError) as error:
        return Measured(str(file), "failed", error=str(error) or "no memory")
    remarks = (*found.remarks, *_of_spacing(file, options))
    return Measured(str(file), "done", len(found.segments), remarks=remarks)


def below(file: Path, name: str) -> str:
    """Name of a file with its subfolder, which the name of its results has."""
    return (PurePath(name).parent / file.name).as_posix()


def _segmenter(config: InferenceConfig) -> measured.Segment:
    def segment(photograph: NDArray[np.generic]) -> measured.Segmented:
        model = checkpoint.opened(config.model)
        picture = modality.pictured(photograph, model.header.modality)
        prediction = inference.predict(picture, model, config)
        threshold = inference.threshold_of(model, "auto", config.tta)
        if not is_artery_vein(model.header.classes):
            return measured.Segmented(prediction.probability, threshold, None, picture.fov)
        mask = inference.binarise(prediction.probability, threshold)
        classes = vote(prediction.classes, mask, threshold=threshold)
        return measured.Segmented(prediction.probability, threshold, classes, picture.fov)

    return segment


def _of_spacing(file: Path, options: measured.MeasureOptions) -> tuple[str, ...]:
    """What a DICOM file says of its pixel size."""
    try:
        said = read_acquisition(file) if options.spacing == "auto" else None
    except FileFormatError:
        return ()
    if said is None or said.spacing is None:
        return ()
    size = f"{1000 * said.spacing.width:.4g} µm"
    if said.on_retina:
        return (f"A pixel is {size} wide by {said.spacing_source}.",)
    return (f"The file gives {size} a pixel {said.spacing_source}: no length on the retina; give --spacing.",)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the network add up in one order; beside the measurements it takes little of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_settings(folder: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Write the settings of a run, or compare them with those of the run that is resumed."""
    wanted = json.loads(json.dumps(settings, default=str))
    path = folder / SETTINGS
    if resume and path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        other = sorted(name for name in wanted if before.get(name) != wanted[name])
        if other:
            raise SettingsError(
                f"'{folder}' holds measurements with another {', '.join(other)}: choose another folder, or "
                "pass --overwrite instead of --resume."
            )
        return
    text = json.dumps(wanted, indent=1).encode()
    write_beside(path, lambda out: out.write(text), overwrite=True)


def _lost(file: Path, error: BaseException) -> Measured:
    return Measured(str(file), "failed", error=str(error))
