"""Files that are written beside their place and moved there; what a kill left of them is removed."""

import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = re.compile(r"\.[0-9a-f]{12}\.part")
_ABANDONED = 3600.0  # seconds; where locks do not tell


def part_beside(target: Path) -> Path:
    """Name what is written beside a place and moved there: shortly, names of 250 characters leave no room."""
    return target.with_name(f".{secrets.token_hex(6)}.part")


@contextmanager
def new_part(target: Path) -> Iterator[Path]:
    """Make an empty file beside a place, which no other process removes until it is left; it is gone then.

    Raises
    ------
    OSError
        When the folder cannot be written to.
    """
    while True:
        beside = part_beside(target)
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if sys.platform == "win32":  # refuses to move an open file; see _abandoned
            os.close(handle)
            break
        if lock(handle) is not False and os.fstat(handle).st_nlink:
            break
        os.close(handle)  # taken for a dead one between the two lines above
        beside.unlink(missing_ok=True)
    try:
        yield beside
    finally:
        with suppress(OSError):  # a share that vanished cannot be tidied up
            beside.unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(handle)


def remove_parts(folder: Path) -> None:
    """Remove half-written files that killed processes left in a folder; others may be writing there.

    What a living process writes is locked. Where the file system has no locks, nothing is removed. A folder,
    such as half a zarr, stays too.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                with suppress(OSError):
                    _remove_abandoned(path)


if sys.platform == "win32":
    import msvcrt

    def lock(handle: int) -> bool | None:
        """Lock an open file until it is closed; False where another has it, None where there are no locks."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _remove_abandoned(path: Path) -> None:
        # Windows removes no file that is open; the time covers a file that is closed and not yet moved.
        if time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink(missing_ok=True)

else:
    import fcntl

    def lock(handle: int) -> bool | None:
        """Lock an open file until it is closed; False where another has it, None where there are no locks."""
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
