"""Autosave files of painted labels in the user's data folder, one folder per napari session."""

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
from napari_saunetv2.files.locks import LOCK, exclusive

SUFFIX = ".labels"
PLACE = "SAUNETV2_AUTOSAVE"
"""Environment variable for another autosave folder."""

_KEY = "saunetv2 labels"


def folder() -> Path:
    """Autosave folder (it may not exist yet)."""
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
    transform : dict
        Scale, translation and so on, as keyword arguments of ``Viewer.add_labels``.
    metadata : dict
        The layer's, as far as JSON holds it: whose eye it is, and which model found the vessels.
    drawn : array of the labels' shape, or None
        What the layer showed before somebody painted on it.
    """

    name: str
    labels: NDArray[Any]
    transform: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    drawn: NDArray[Any] | None = None


class Session:
    """A session folder, locked by this process while it is open.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    OverwriteError
        If another process, or another viewer of this one, uses it.
    FileFormatError
        If the folder cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        self._open = ExitStack()
        self.folder = folder
        self._open.enter_context(exclusive(folder))

    @classmethod
    def new(cls) -> "Session":
        """Create a session folder; raises FileFormatError if that fails."""
        for attempt in range(5):
            try:
                session = cls(_name())
            except SaunetError:
                # Another process looking for leftovers may have removed it as empty.
                if attempt == 4:
                    raise
            else:
                if session.stands():
                    return session
                session.close()
        raise FileFormatError(f"The folder '{folder()}' disappears: choose another one with {PLACE}.")

    @classmethod
    def claim(cls, ended: Path) -> "Session | None":
        """Take over the folder of a finished session; None if another process did, or it is gone."""
        if not ended.is_dir():
            return None
        try:
            return cls(ended)
        except SaunetError:
            return None

    def stands(self) -> bool:
        """Whether the folder still exists: it may have been cleaned up."""
        return (self.folder / LOCK).exists()

    def close(self) -> None:
        """Release the folder; it is removed if it is empty."""
        _remove_empty(self.folder)
        self._open.close()


def _name() -> Path:
    return folder() / f"{datetime.now():%Y-%m-%d-%H%M%S}-{secrets.token_hex(3)}"


def write(path: Path, copy: Copy) -> None:
    """Write a copy, replacing the last one; raises FileFormatError for a full disk and the like."""
    about = {
        "name": copy.name,
        "dtype": copy.labels.dtype.str,
        "shape": copy.labels.shape,
        "place": copy.transform,
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
    except Exception as error:  # a damaged file may hold anything
        raise CheckpointError(f"'{path}' is damaged: these labels cannot be recovered.") from error


def left_behind() -> list[Path]:
    """Copies of finished sessions, oldest first."""
    found: list[Path] = []
    with suppress(OSError):
        for session in sorted(p for p in folder().iterdir() if p.is_dir()):
            with _ended(session) as it_has:
                if it_has:
                    found += sorted(session.glob(f"[!.]*{SUFFIX}"))
                    _remove_empty(session)  # a running session's folder is empty until the user paints
    return found


def remove(path: Path) -> None:
    """Remove a copy that is not needed any more; its folder is removed with its session."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


@contextmanager
def _ended(session: Path) -> Generator[bool]:
    """Whether a session's folder is unused; it is locked during the check."""
    try:
        with exclusive(session):
            yield True
    except OverwriteError:
        yield False
    except SaunetError:  # a read-only folder can still be read
        yield True


def _remove_empty(session: Path) -> None:
    with suppress(OSError):
        if {p.name for p in session.iterdir()} <= {LOCK}:
            (session / LOCK).unlink(missing_ok=True)
            session.rmdir()


def plain_place(transform: dict[str, Any]) -> dict[str, Any]:
    """Spatial metadata of a layer, for JSON."""
    numbers = ("scale", "translate", "rotate", "shear", "affine")
    plain: dict[str, Any] = {name: np.asarray(transform[name]).tolist() for name in numbers}
    return plain | {name: [str(one) for one in transform[name]] for name in ("units", "axis_labels")}


def plain_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """What JSON holds of a layer's metadata; other plugins keep anything there."""
    kept = {}
    for name, value in metadata.items():
        with suppress(TypeError, ValueError):
            kept[str(name)] = json.loads(json.dumps(value))
    return kept
