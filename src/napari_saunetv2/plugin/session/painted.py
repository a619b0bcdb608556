"""Copies of painted labels in the user's data folder, a folder for each session of napari."""

import json
import math
import os
import secrets
import zlib
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from napari_saunetv2.errors import CheckpointError, FileFormatError, OverwriteError, SaunetError
from napari_saunetv2.files import MAX_UNPACKED, write_beside
from napari_saunetv2.files.locks import LOCK, only_here

SUFFIX = ".labels"
PLACE = "SAUNETV2_AUTOSAVE"
"""Environment variable that names another folder for the copies."""

_KEY = "saunetv2 labels"


def folder() -> Path:
    """Folder of the copies (it may not exist yet)."""
    data = platformdirs.user_data_dir("napari-saunetv2", appauthor=False)
    return Path(os.environ.get(PLACE) or Path(data) / "autosave")


@dataclass(frozen=True)
class Copy:
    """A copy of a Labels layer.

    Attributes
    ----------
    name : str
        The layer's.
    labels : array of integers
    place : dict
        Scale, translation and the like, as ``Viewer.add_labels`` takes them.
    metadata : dict
        The layer's, as far as JSON holds it: whose eye it is, and which model found the vessels.
    drawn : array of the labels' shape, or None
        What the layer showed before somebody painted on it.
    """

    name: str
    labels: NDArray[Any]
    place: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    drawn: NDArray[Any] | None = None


class Session:
    """A folder of copies that is this process's own for as long as it is open.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    OverwriteError
        When another process, or another viewer of this one, has it.
    FileFormatError
        When the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._open = ExitStack()
        self.folder = folder
        self._open.enter_context(only_here(folder))

    @classmethod
    def new(cls) -> "Session":
        """Begin a folder; raises FileFormatError when none can be made."""
        for attempt in range(5):
            try:
                session = cls(_name())
            except SaunetError:
                # Who looks for what was left may have taken it for an empty one, and removed it.
                if attempt == 4:
                    raise
            else:
                if session.stands():
                    return session
                session.close()
        raise FileFormatError(f"The folder '{folder()}' does not stay: choose another place by {PLACE}.")

    @classmethod
    def claim(cls, ended: Path) -> "Session | None":
        """Take over the folder of a session that has ended; None where another one did, or it is gone."""
        if not ended.is_dir():
            return None
        try:
            return cls(ended)
        except SaunetError:
            return None

    def stands(self) -> bool:
        """Say whether the folder is still there: somebody may have tidied up."""
        return (self.folder / LOCK).exists()

    def close(self) -> None:
        """Let the folder go; it is removed where no copy is left in it."""
        _remove_empty(self.folder)
        self._open.close()


def _name() -> Path:
    return folder() / f"{datetime.now():%Y-%m-%d-%H%M%S}-{secrets.token_hex(3)}"


def write(path: Path, copy: Copy) -> None:
    """Write a copy, in place of the last one; raises FileFormatError when the disk is full and the like."""
    about = {
        "name": copy.name,
        "dtype": copy.labels.dtype.str,
        "shape": copy.labels.shape,
        "place": copy.place,
        "metadata": copy.metadata,
    }
    parts = {"labels": _packed(copy.labels)}
    if copy.drawn is not None:
        parts["drawn"] = _packed(copy.drawn.astype(copy.labels.dtype))
    data = safetensors.numpy.save(parts, {_KEY: json.dumps(about)})
    write_beside(path, lambda file: file.write(data), overwrite=True)


def _packed(labels: NDArray[Any]) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.compress(np.ascontiguousarray(labels).tobytes(), 1), np.uint8)


def read(path: Path) -> Copy:
    """Read a copy.

    Raises
    ------
    CheckpointError
        When it is damaged.
    """
    try:
        with safetensors.safe_open(path, framework="np") as file:
            about = json.loads(file.metadata()[_KEY])
            packed = {name: file.get_tensor(name) for name in list(file.keys())}
        shape, dtype = tuple(map(int, about["shape"])), np.dtype(about["dtype"])
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in "iub" or not 0 < size <= MAX_UNPACKED or min(shape) < 1:
            raise ValueError(shape)  # noqa: TRY301
        parts = {
            name: np.frombuffer(zlib.decompressobj().decompress(part.tobytes(), size), dtype)
            .reshape(shape)
            .copy()
            for name, part in packed.items()
        }
        return Copy(
            str(about["name"])[:200], parts["labels"], dict(about["place"]), dict(about.get("metadata", {})),
            parts.get("drawn"),
        )  # fmt: skip
    except Exception as error:  # a damaged file holds anything
        raise CheckpointError(f"'{path}' is damaged: these labels cannot be brought back.") from error


def left_behind() -> list[Path]:
    """Copies of sessions that have ended, oldest first."""
    found: list[Path] = []
    with suppress(OSError):
        for session in sorted(p for p in folder().iterdir() if p.is_dir()):
            with _ended(session) as it_has:
                if it_has:
                    found += sorted(session.glob(f"[!.]*{SUFFIX}"))
                    _remove_empty(session)  # that of a session which lives is empty until somebody paints
    return found


def remove(path: Path) -> None:
    """Remove a copy that is not needed any more; its folder goes when its session is closed."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


@contextmanager
def _ended(session: Path) -> Generator[bool]:
    """Whether nobody works in a session's folder; nobody starts to meanwhile."""
    try:
        with only_here(session):
            yield True
    except OverwriteError:
        yield False
    except SaunetError:  # a folder that cannot be written to can be read all the same
        yield True


def _remove_empty(session: Path) -> None:
    with suppress(OSError):
        if {p.name for p in session.iterdir()} <= {LOCK}:
            (session / LOCK).unlink(missing_ok=True)
            session.rmdir()


def plain_place(place: dict[str, Any]) -> dict[str, Any]:
    """What puts a layer in its place, as JSON holds it."""
    numbers = ("scale", "translate", "rotate", "shear", "affine")
    plain: dict[str, Any] = {name: np.asarray(place[name]).tolist() for name in numbers}
    return plain | {name: [str(one) for one in place[name]] for name in ("units", "axis_labels")}


def plain_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """What JSON holds of a layer's metadata; other plugins keep anything there."""
    kept = {}
    for name, value in metadata.items():
        with suppress(TypeError, ValueError):
            kept[str(name)] = json.loads(json.dumps(value))
    return kept
