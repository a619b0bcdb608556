"""Temporary files, moved to their final name when complete; leftovers of killed processes are removed."""

import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = re.compile(r"\.[0-9a-f]{12}\.part")
_ABANDONED = 3600.0  # seconds; used where locks are missing


def part_beside(target: Path) -> Path:
    """Short name for a temporary file next to its target: names of 250 characters leave no room."""
    return target.with_name(f".{secrets.token_hex(6)}.part")


@contextmanager
def new_part(target: Path, mode: int = 0o666) -> Iterator[Path]:
    """Create a locked empty file next to the target, deleted at the end unless moved.

    Parameters
    ----------
    target : Path
    mode : int
        The rights of the file, less those that the system withholds; Windows has none of them.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    while True:
        beside = part_beside(target)
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        if sys.platform == "win32":  # cannot move an open file; see _abandoned
            os.close(handle)
            break
        if lock(handle) is not False and os.fstat(handle).st_nlink:
            break
        os.close(handle)  # another process may have removed it between the two lines above
        beside.unlink(missing_ok=True)
    try:
        yield beside
    finally:
        with suppress(OSError):  # a network share that vanished cannot be cleaned up
            beside.unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(handle)


def remove_parts(folder: Path) -> None:
    """Remove partial files of killed processes from a folder; other processes may be writing there.

    Files of running processes are locked. On file systems without locks nothing is removed. Folders, such as
    a partial zarr, stay too.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                with suppress(OSError):
                    _remove_abandoned(path)


if sys.platform == "win32":
    import msvcrt

    def lock(handle: int) -> bool | None:
        """Lock an open file until it is closed; False if another process has it, None without locks."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _remove_abandoned(path: Path) -> None:
        # Windows cannot remove an open file; the age covers a file that is closed but not yet moved.
        if time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink(missing_ok=True)

else:
    import fcntl

    def lock(handle: int) -> bool | None:
        """Lock an open file until it is closed; False if another process has it, None without locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except (OSError, NotImplementedError):  # a network share without locks
            return None
        return True

    def _remove_abandoned(path: Path) -> None:
        handle = os.open(path, os.O_RDWR)
        try:
            if lock(handle):
                path.unlink(missing_ok=True)
        finally:
            os.close(handle)
