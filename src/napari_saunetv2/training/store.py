"""Tensors of many images: in memory up to a bound, the others in one file that vanishes with the training."""

import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import make_folder, reason

KEPT = 32 * 2**20
"""Bytes of prepared images that a training keeps in memory: some five photographs of DRIVE."""

_SPARE = 2**28
"""Bytes that stay free on the disk, for the run's own files."""

_PACKED = (np.uint8, np.uint16)
"""Types in which pixels of unchanged files fit without a loss."""


@dataclass(frozen=True, eq=False)
class Held:
    """A tensor in the file of a :class:`Store`.

    Attributes
    ----------
    store : Store
    start : int
        Byte of the file at which it begins.
    dtype : dtype
        In which it was written: whole numbers are shares of their highest value.
    shape : torch.Size
    device : torch.device
        On which it is wanted.
    """

    store: "Store"
    start: int
    dtype: np.dtype[Any]
    shape: torch.Size
    device: torch.device

    def read(self) -> Tensor:
        """Read it: every value exactly as it was given, float32."""
        stored = self.store.read(self.start, self.dtype, self.shape.numel())
        return torch.from_numpy(_unpacked(stored)).view(self.shape).to(self.device)


def tensor_of(held: Tensor | Held) -> Tensor:
    """Return a tensor, read from its store if it is there."""
    return held.read() if isinstance(held, Held) else held


class Store:
    """Where a training puts its tensors.

    The file has no name where the system allows it, so nothing stays behind, even of a killed process. It
    lies in the folder of the run rather than among temporary files, which some systems hold in memory.

    Parameters
    ----------
    folder : Path
        Where the file is made as soon as one is needed; created if missing.
    kept : int
        Bytes kept in memory; what comes later goes to the file.
    """

    def __init__(self, folder: Path, kept: int = KEPT) -> None:
        self._folder, self._room = folder, kept
        self._file: IO[bytes] | None = None
        self._end = 0
        self._lock = threading.Lock()

    @property
    def on_disk(self) -> int:
        """Bytes in the file."""
        return self._end

    def put(self, tensor: Tensor, device: torch.device, *, more: int = 0) -> Tensor | Held:
        """Keep a tensor, float32: itself on the device while there is room in memory, else in the file.

        Parameters
        ----------
        tensor : tensor
        device : torch.device
        more : int
            How many like it are still to come, to see early whether the disk can hold them.

        Raises
        ------
        FileFormatError
            If the disk is too small, or the folder cannot be written to.
        """
        size = tensor.numel() * tensor.element_size()
        if size <= self._room:
            self._room -= size
            return tensor.to(device)
        self._room = 0  # the others too, in their order: which ones are kept does not depend on their sizes
        packed = _packed(tensor.cpu().numpy())
        with self._lock:
            start = self._end
            self._write(packed, 1 + more)
        return Held(self, start, packed.dtype, tensor.shape, device)

    def read(self, start: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """Read numbers that were written from a place on; raises FileFormatError if they are gone."""
        wanted = count * dtype.itemsize
        with self._lock:
            assert self._file is not None
            try:
                self._file.seek(start)
                found = bytearray(self._file.read(wanted))
            except OSError as error:
                raise self._lost(reason(error)) from error
        if len(found) != wanted:
            raise self._lost("it is too short")
        return np.frombuffer(found, dtype)

    def _lost(self, why: str) -> FileFormatError:
        return FileFormatError(
            f"The prepared images in '{self._folder}' cannot be read ({why}): continue with --resume, which "
            "prepares them again."
        )

    def _write(self, packed: NDArray[Any], alike: int) -> None:
        try:
            if self._file is None:
                make_folder(self._folder)
                # Open as long as something is held in it.
                self._file = tempfile.TemporaryFile(dir=self._folder, prefix=".images-")  # noqa: SIM115
            free = shutil.disk_usage(self._folder).free - _SPARE
            if free < packed.nbytes * alike:
                raise self._too_small(packed.nbytes * alike, max(0, free))
            self._file.seek(self._end)
            self._file.write(packed.data.cast("B"))
            self._file.flush()  # a full disk is told here, not when something else is read
        except OSError as error:
            raise FileFormatError(
                f"The prepared images cannot be written to '{self._folder}' ({reason(error)}): free disk "
                "space, or choose another folder for the run."
            ) from error
        self._end += packed.nbytes

    def _too_small(self, needed: int, free: int) -> FileFormatError:
        return FileFormatError(
            f"The prepared images need {needed / 1e9:.1f} GB more in '{self._folder}', where "
            f"{free / 1e9:.1f} GB can be used: free disk space, choose another folder for the run, or "
            "use fewer images."
        )


def _packed(values: NDArray[np.float32]) -> NDArray[Any]:
    """Write values as whole numbers where that loses nothing, as in photographs that are not scaled."""
    for kind in _PACKED if values.min() >= 0 and values.max() <= 1 else ():
        whole = np.rint(values * np.float32(np.iinfo(kind).max))
        packed = np.ascontiguousarray(whole, kind)
        if np.array_equal(_unpacked(packed), values):
            return packed
    return np.ascontiguousarray(values)


def _unpacked(stored: NDArray[Any]) -> NDArray[np.float32]:
    if stored.dtype.kind == "f":
        return stored
    values: NDArray[np.float32] = np.divide(stored, np.float32(np.iinfo(stored.dtype).max), dtype=np.float32)
    return values
