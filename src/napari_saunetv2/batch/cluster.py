"""Many images: in this process, in several, or on a Dask cluster; with one table of what became of them."""

import csv
import io
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from napari_saunetv2 import __version__, batch
from napari_saunetv2.batch._dask import on_cluster
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets.inputs import result_names
from napari_saunetv2.errors import FileFormatError, OverwriteError, SaunetError, SettingsError
from napari_saunetv2.files import make_folder, reason, write_beside
from napari_saunetv2.files.parts import remove_parts
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain

EXISTS = "its results exist already: choose another folder, or pass --resume or --overwrite."


class Row(NamedTuple):
    """What became of an image; one line of the table."""

    file: str
    status: str
    """"done", "kept" (it was finished before) or "failed"."""
    result: str = ""
    height: int = 0
    width: int = 0
    vessel_share_of_fov: float = 0.0
    seconds: float = 0.0
    error: str = ""
    remarks: str = ""
    """What is unusual, in sentences."""
    fov: str = ""
    """The field of view that was used."""
    model: str = ""
    threshold: float = 0.0
    version: str = ""
    """Of this program."""


def segment_files(
    files: Iterable[Path] | Mapping[Path, PurePath],
    config: InferenceConfig,
    post: PostProcessing,
    wanted: batch.Wanted,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
) -> Iterator[Row]:
    """Segment files and give a row for each as it is finished.

    What a worker that was killed left half written in the folder is removed, at the start and at the end.

    Parameters
    ----------
    files : iterable of Path, or mapping of Path to PurePath
        Seen under the same path by every worker; a mapping gives the subfolder of each one's results.
    config : InferenceConfig
        Every worker loads its model once.
    post : PostProcessing
    wanted : Wanted
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler, for example ``tcp://node1:8786``, in place of own processes.
    resume : bool
        Whether images that have all their results are left as they are.

    Yields
    ------
    Row
        A file that fails has its reason in it; the others go on.

    Raises
    ------
    SettingsError
        When dask.distributed is missing or nobody answers at the scheduler's address.
    """
    if workers < 1:
        raise SettingsError(f"workers is {workers}: it must be 1 or more.")
    below = dict(files) if isinstance(files, Mapping) else dict.fromkeys(files, PurePath())
    folders = sorted({wanted.folder / part for part in below.values()})
    for folder in folders:
        remove_parts(folder)
    names = result_names(below)
    todo = []
    for file in below:
        # Looked up here, not by the worker: one that died left files behind, and its images are done again.
        there = [path.exists() for path in wanted.paths(names[file]).values()]
        if resume and all(there):
            yield Row(str(file), "kept", _result(names[file], wanted))
        elif any(there) and not (resume or wanted.overwrite):
            yield Row(str(file), "failed", error=EXISTS)
        else:
            todo.append((file, names[file]))
    task = (config, post, replace(wanted, overwrite=True))
    if workers == 1 and scheduler is None:
        yield from (segment_one(file, name, *task) for file, name in todo)
    elif todo:
        yield from on_cluster(todo, task, workers, scheduler, segment_one, _lost)
    for folder in folders:
        remove_parts(folder)


def segment_one(
    file: Path, name: str, config: InferenceConfig, post: PostProcessing, wanted: batch.Wanted
) -> Row:
    """Segment one file; the work of a worker."""
    begun = time.perf_counter()
    about: dict[str, Any] = {"model": config.model, "threshold": post.threshold, "version": __version__}
    try:
        model = checkpoint.load(config.model)
        done = drain(batch.segment_steps(file, name, model, config, post, wanted))
    except (SaunetError, OSError, MemoryError) as error:
        seconds = time.perf_counter() - begun
        return Row(str(file), "failed", seconds=seconds, error=str(error) or "no memory", **about)
    return Row(
        str(file),
        "done",
        _result(name, wanted),
        done.height,
        done.width,
        done.share,
        done.seconds,
        remarks=" ".join(done.remarks),
        fov=done.fov,
        **about,
    )


def _lost(file: Path, error: BaseException) -> Row:
    return Row(str(file), "failed", error=str(error))


def _result(name: str, wanted: batch.Wanted) -> str:
    """Path of a photograph's mask below the folder of the results."""
    return wanted.paths(name)["vessels"].relative_to(wanted.folder).as_posix()


def read_table(path: Path) -> dict[str, Row]:
    """Rows of an earlier table by file; none where there is no table."""
    if not path.is_file():
        return {}
    kinds = {name: type(value) for name, value in Row._field_defaults.items()}
    with path.open(newline="", encoding="utf-8") as lines:
        found = {}
        for line in csv.DictReader(lines):
            if None in line.values() or set(line) != set(Row._fields):
                continue  # the last line of a run that was killed
            values: dict[str, Any] = {name: kinds.get(name, str)(value) for name, value in line.items()}
            found[line["file"]] = Row(**values)
    return found


@contextmanager
def table(path: Path, *, resume: bool, overwrite: bool = False) -> Iterator[Any]:
    """Keep a table while a run goes on: gives a function that takes each row as it comes.

    A line is on the disc as soon as its image is finished; at the end the table is sorted by file. A kept
    image has the row of the run that made it. A ``.parquet`` is written from the ``.csv`` beside it.

    Raises
    ------
    OverwriteError
        When there is such a file, and it is neither gone on with nor may be replaced.
    FileFormatError
        When it cannot be written.
    """
    journal = path.with_suffix(".csv")
    make_folder(path.parent)
    ours = resume and _is_table(journal)
    for file in dict.fromkeys((journal, path)):
        if file.exists() and not (overwrite or ours):
            way = (
                "remove it: another version or program made it" if resume else "pass --resume or --overwrite"
            )
            raise OverwriteError(f"'{file}' exists already: choose another name for the table, or {way}.")
    rows = read_table(journal) if ours else {}
    with _written(journal):
        out = journal.open("a" if ours else "w", newline="", encoding="utf-8")
    try:
        writer = csv.writer(out, lineterminator="\n")
        if ours:
            out.write("\n")  # the last line may have been cut by a kill
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
        with suppress(OSError):  # what is not in the file has been told
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
    """Say what a system has against writing a file."""
    try:
        yield
    except OSError as error:
        raise FileFormatError(
            f"'{path}' cannot be written ({reason(error)}): free space or ask for permission; what is done "
            "is kept, --resume goes on from there."
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
