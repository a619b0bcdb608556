"""Exclusive use of a folder by one process."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from napari_saunetv2.errors import FileFormatError, OverwriteError
from napari_saunetv2.files import make_folder, reason
from napari_saunetv2.files.parts import lock, remove_parts

LOCK = ".lock"


@contextmanager
def exclusive(folder: Path) -> Generator[None]:
    """Lock a folder for this process; it is created if missing.

    The operating system holds the lock, so it ends with the process, even a killed one. Partial files of
    killed processes are removed. On file systems without locks nothing is locked.

    Raises
    ------
    OverwriteError
        If another process uses the folder.
    FileFormatError
        If the folder cannot be created or written to.
    """
    make_folder(folder)
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FileFormatError(
            f"The folder '{folder}' cannot be written to ({reason(error)}): choose another folder."
        ) from error
    try:
        if lock(handle) is False:
            raise OverwriteError(
                f"Another process uses '{folder}': wait until it has finished, or choose another folder."
            )
        remove_parts(folder)
        yield
    finally:
        os.close(handle)
