"""One process at a time in a folder."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from napari_saunetv2.errors import FileFormatError, OverwriteError
from napari_saunetv2.files import make_folder, reason
from napari_saunetv2.files.parts import lock, remove_parts

LOCK = ".lock"


@contextmanager
def only_here(folder: Path) -> Generator[None]:
    """Keep other processes that ask for the same out of a folder, which is made if it is missing.

    The lock is the operating system's: it ends with the process, also with one that is killed. What a
    killed one left half written is removed. File systems without locks are used without.

    Raises
    ------
    OverwriteError
        When another process works there.
    FileFormatError
        When the folder cannot be made or written to.
    """
    make_folder(folder)
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FileFormatError(
            f"The folder '{folder}' cannot be written to ({reason(error)}): choose another place."
        ) from error
    try:
        if lock(handle) is False:
            raise OverwriteError(
                f"Another process works in '{folder}': wait until it is done, or choose another folder."
            )
        remove_parts(folder)
        yield
    finally:
        os.close(handle)
