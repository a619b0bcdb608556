"""Copies of painted labels in the user's data folder, a folder for each session of napari."""

import json
import math
import os
import secrets
import zlib
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from napari_saunetv2.errors import CheckpointError, OverwriteError, SaunetError
from napari_saunetv2.files import MAX_UNPACKED, write_beside
from napari_saunetv2.locks import LOCK, only_here

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
    """

    name: str
    labels: NDArray[Any]
    place: dict[str, Any]


class Session:
    """Where this process keeps its copies: a folder that is its own for as long as it runs.

    Raises
    ------
    FileFormatError
        When the folder cannot be made.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self.folder = folder() / f"{datetime.now():%Y-%m-%d-%H%M%S}-{secrets.token_hex(3)}"
        self._open.enter_context(only_here(self.folder))

    def close(self) -> None:
        """Let the folder go; it is removed where no copy is left in it."""
        self._open.close()
        _remove_empty(self.folder)


def write(path: Path, copy: Copy) -> None:
    """Write a copy, in place of the last one; raises FileFormatError when the disk is full and the like."""
    packed = np.frombuffer(zlib.compress(np.ascontiguousarray(copy.labels).tobytes(), 1), np.uint8)
    about = {
        "name": copy.name,
        "dtype": copy.labels.dtype.str,
        "shape": copy.labels.shape,
        "place": copy.place,
    }
    data = safetensors.numpy.save({"labels": packed}, {_KEY: json.dumps(about)})
    write_beside(path, lambda file: file.write(data), overwrite=True)


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
            packed = file.get_tensor("labels")
        shape, dtype = tuple(map(int, about["shape"])), np.dtype(about["dtype"])
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in "iub" or not 0 < size <= MAX_UNPACKED or min(shape) < 1:
            raise ValueError(shape)  # noqa: TRY301
        data = zlib.decompressobj().decompress(packed.tobytes(), size)
        labels = np.frombuffer(data, dtype).reshape(shape).copy()
        return Copy(str(about["name"])[:200], labels, dict(about["place"]))
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
            _remove_empty(session)
    return found


def remove(path: Path) -> None:
    """Remove a copy that is not needed any more, and its session's folder with the last one."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
    _remove_empty(path.parent)


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
