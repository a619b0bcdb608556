"""Read the bytes of an image file, unpacked if gzipped."""

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import IO

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files._decoded import MAX_BYTES
from napari_saunetv2.files.writing import reason

MAX_UNPACKED = 2**30
"""Maximum size of an unpacked gzip file: 1 GiB."""

_GZIP = b"\x1f\x8b"


def contents(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise FileFormatError(f"'{path}' is a folder or a device: give an image file.")
        with path.open("rb") as file:
            if file.read(2) == _GZIP:
                file.seek(0)
                return _unpacked(file, path.name)
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise _too_long(path.name, MAX_BYTES)
            file.seek(0)
            return file.read()
    except FileNotFoundError as error:
        raise FileFormatError(f"'{path}' does not exist: check the name.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileFormatError(f"'{path.name}' is a damaged gzip file: copy it again.") from error
    except OSError as error:
        raise FileFormatError(
            f"'{path}' cannot be read ({reason(error)}): check its permissions and that its disk is "
            "connected."
        ) from error
    except ValueError as error:  # from the name: a null character, or half a Unicode character
        raise FileFormatError(f"{str(path)!r} is not a valid file name: check it.") from error
    except MemoryError as error:
        raise FileFormatError(
            f"'{path.name}' needs more memory than available: crop or shrink it."
        ) from error


def _unpacked(file: IO[bytes], name: str) -> bytes:
    """Unpack piece by piece: unpacking at once, gzip allocates the allowed memory, not the needed memory."""
    unpacked = io.BytesIO()
    with gzip.GzipFile(fileobj=file) as packed:
        while piece := packed.read(2**20):
            if unpacked.tell() + len(piece) > MAX_UNPACKED:
                raise _too_long(name, MAX_UNPACKED)
            unpacked.write(piece)
    return unpacked.getvalue()


def _too_long(name: str, limit: int) -> FileFormatError:
    return FileFormatError(f"'{name}' is larger than {limit / 2**30:.0f} GiB: crop or shrink it.")
