"""Many images in this process, in several, or on a Dask cluster, with one table of the results."""

import csv
import io
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from napari_saunetv2 import __version__, batch
from napari_saunetv2.batch.workers import check_workers, spread
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets.inputs import result_names
from napari_saunetv2.errors import FileFormatError, OverwriteError, SaunetError, SettingsError
from napari_saunetv2.files import make_folder, reason, write_beside
from napari_saunetv2.files.parts import remove_parts
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain

EXISTS = "its results already exist: choose another folder, or pass --resume or --overwrite."


class Row(NamedTuple):
    """Result for an image: one line of the table."""

    file: str
    status: str
    """"done", "kept" (finished in an earlier run) or "failed"."""
    result: str = ""
    height: int = 0
    width: int = 0
    vessel_share_of_fov: float = 0.0
    seconds: float = 0.0
    error: str = ""
    remarks: str = ""
    """Remarks on anything unusual, in sentences."""
    fov: str = ""
    """The field of view that was used."""
    model: str = ""
    threshold: float = 0.0
    version: str = ""
    """Of this program."""
    quality: float | None = None
    """How well the vessels can be seen, range [0, 1]; None if unknown."""
    quality_note: str = ""
    """What is wrong, and where."""


def segment_files(
    files: Iterable[Path] | Mapping[Path, PurePath],
    config: InferenceConfig,
    post: PostProcessing,
    options: batch.OutputOptions,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
) -> Iterator[Row]:
    """Segment files and yield a row for each as it finishes.

    Partial files left by killed workers are removed at the start and at the end.

    Parameters
    ----------
    files : iterable of Path, or mapping of Path to PurePath
        Every worker must see them under the same path; a mapping gives the subfolder for each file's results.
    config : InferenceConfig
        Every worker loads its model once.
    post : PostProcessing
    options : OutputOptions
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler to use instead of local processes, for example ``tcp://node1:8786``.
    resume : bool
        Whether to skip images that already have all their results.

    Yields
    ------
    Row
        The row of a failed file has the reason; the others continue.

    Raises
    ------
    SettingsError
        If dask.distributed is missing or no scheduler responds at the address.
    """
    check_workers(workers)
    below = dict(files) if isinstance(files, Mapping) else dict.fromkeys(files, PurePath())
    folders = sorted({options.folder / part for part in below.values()})
    for folder in folders:
        remove_parts(folder)
    names = result_names(below)
    todo = []
    for file in below:
        # Checked here, not by the worker: a worker that died leaves files behind, and its images are redone.
        there = [path.exists() for path in options.paths(names[file]).values()]
        if resume and all(there):
            yield Row(str(file), "kept", _result(names[file], options))
        elif any(there) and not (resume or options.overwrite):
            yield Row(str(file), "failed", error=EXISTS)
        else:
            todo.append((file, names[file]))
    task = (config, post, replace(options, overwrite=True))
    yield from spread(todo, task, segment_one, _lost, workers=workers, scheduler=scheduler)
    for folder in folders:
        remove_parts(folder)


def segment_one(
    file: Path, name: str, config: InferenceConfig, post: PostProcessing, options: batch.OutputOptions
) -> Row:
    """Segment one file; the work of a worker."""
    begun = time.perf_counter()
    about: dict[str, Any] = {"model": config.model, "threshold": post.threshold, "version": __version__}
    try:
        model = checkpoint.load(config.model)
        done = drain(batch.segment_steps(file, name, model, config, post, options))
    except (SaunetError, OSError, MemoryError) as error:
        seconds = time.perf_counter() - begun
        return Row(str(file), "failed", seconds=seconds, error=str(error) or "no memory", **about)
    return Row(
        str(file),
        "done",
        _result(name, options),
        done.height,
        done.width,
        done.share,
        done.seconds,
        remarks=" ".join(done.remarks),
        fov=done.fov,
        quality=None if done.quality is None else round(done.quality.score, 3),
        quality_note="" if done.quality is None else done.quality.note,
        **about,
    )


def _lost(file: Path, error: BaseException) -> Row:
    return Row(str(file), "failed", error=str(error))


def _result(name: str, options: batch.OutputOptions) -> str:
    """Path of a photograph's mask relative to the results folder."""
    return options.paths(name)["vessels"].relative_to(options.folder).as_posix()


def read_table(path: Path) -> dict[str, Row]:
    """Rows of an earlier table by file; none where there is no table."""
    if not path.is_file():
        return {}
    types: dict[str, Any] = {name: type(value) for name, value in Row._field_defaults.items()}
    types["quality"] = lambda text: float(text) if text else None
    with path.open(newline="", encoding="utf-8") as lines:
        found = {}
        for line in csv.DictReader(lines):
            if None in line.values() or set(line) != set(Row._fields):
                continue  # the last line of a run that was killed
            values: dict[str, Any] = {name: types.get(name, str)(value) for name, value in line.items()}
            found[line["file"]] = Row(**values)
    return found


@contextmanager
def table(path: Path, *, resume: bool, overwrite: bool = False) -> Iterator[Any]:
    """Write a table during a run: yields a function that adds a row.

    A line is on disk as soon as its image is finished; at the end the table is sorted by file. A skipped
    image keeps the row of the run that segmented it. A ``.parquet`` is written from the ``.csv`` beside it.

    Raises
    ------
    OverwriteError
        If the file exists and may be neither continued nor replaced.
    FileFormatError
        When it cannot be written.
    """
    journal = path.with_suffix(".csv")
    make_folder(path.parent)
    ours = resume and _is_table(journal)
    for file in dict.fromkeys((journal, path)):
        if file.exists() and not (overwrite or ours):
            way = (
                "remove it: it was made by another version or program"
                if resume
                else "pass --resume or --overwrite"
            )
            raise OverwriteError(f"'{file}' already exists: choose another name for the table, or {way}.")
    rows = read_table(journal) if ours else {}
    with _written(journal):
        out = journal.open("a" if ours else "w", newline="", encoding="utf-8")
    try:
        writer = csv.writer(out, lineterminator="\n")
        if ours:
            out.write("\n")  # the last line may be incomplete after a kill
        else:
            writer.writerow(Row._fields)

        def add(row: Row) -> None:
            if row.status == "kept" and row.file in rows:
                return
            rows[row.file] = row
            with _written(journal):
                writer.writerow(row)
                out.flush()

        yield add
    finally:
        with suppress(OSError):  # rows that could not be written have been reported
            out.close()
    write_beside(journal, lambda out: out.write(_as_csv(rows.values()).encode()), overwrite=True)
    if path.suffix == ".parquet":
        _write_parquet(path, list(rows.values()))


def _is_table(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline(1000).strip() == ",".join(Row._fields).encode()


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn the system's error into one for the user."""
    try:
        yield
    except OSError as error:
        raise FileFormatError(
            f"'{path}' cannot be written ({reason(error)}): free disk space or get write permission; "
            "finished images are kept, --resume continues from there."
        ) from error


def _as_csv(rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(sorted(rows))
    return text.getvalue()


def _write_parquet(path: Path, rows: list[Row]) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise SettingsError(
            "A .parquet table needs pyarrow: pip install pyarrow, or name it .csv."
        ) from error
    made = pa.Table.from_pylist([row._asdict() for row in sorted(rows)])
    write_beside(path, lambda out: pq.write_table(made, out), overwrite=True)
