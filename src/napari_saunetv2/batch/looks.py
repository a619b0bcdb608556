"""A first look at many photographs: a thumbnail and the quality of each, kept for the next time."""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import platformdirs
from numpy.typing import NDArray

from napari_saunetv2 import __version__
from napari_saunetv2.batch.catalogue import thumbnail
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.files import load_image, make_folder, write_beside
from napari_saunetv2.imaging.modality import pictured
from napari_saunetv2.imaging.quality import of_picture


class Look(NamedTuple):
    """What a look at a photograph gives.

    Attributes
    ----------
    picture : array, shape (h, w, 3), uint8, or None
        Its thumbnail.
    score : float, range [0, 1], or None
        Its quality.
    note : str
        What is wrong with it.
    error : str
        Why it cannot be read, or "".
    """

    picture: NDArray[np.uint8] | None = None
    score: float | None = None
    note: str = ""
    error: str = ""


def folder() -> Path:
    """Folder of what is kept; it may be deleted at any time."""
    return Path(platformdirs.user_cache_dir("napari-saunetv2", appauthor=False)) / "looks"


def looks(files: Sequence[Path]) -> Iterator[Look]:
    """Look at photographs in turn; one that was looked at before and has not changed is not read again."""
    return (look(file) for file in files)


def look(file: Path) -> Look:
    """Look at a photograph; never raises for one that cannot be read, but says why."""
    kept = _kept(file)
    if kept is not None:
        try:
            return _read(json.loads(kept.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # never looked at, or damaged
    try:
        image = load_image(file).pixels
        seen = of_picture(pictured(image))
        found = Look(thumbnail(image), round(seen.score, 3), seen.note)
    except (SaunetError, OSError, MemoryError) as error:
        return Look(error=str(error) or "no memory")
    if kept is not None:
        _keep(kept, found)
    return found


def _kept(file: Path) -> Path | None:
    """Where the look at a file is kept: under its place, size and time, and the program's version."""
    try:
        told = file.stat()
        place = f"{__version__}\0{file.resolve()}\0{told.st_size}\0{told.st_mtime_ns}"
    except OSError:
        return None
    name = hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()
    return folder() / name[:2] / f"{name[2:]}.json"


def _read(found: dict[str, Any]) -> Look:
    pixels = np.frombuffer(base64.b64decode(found["pixels"], validate=True), np.uint8)
    return Look(pixels.reshape(found["shape"]), float(found["score"]), str(found["note"]))


def _keep(path: Path, found: Look) -> None:
    """Keep a look; a full disk costs time the next time, and nothing else."""
    assert found.picture is not None
    text = json.dumps(
        {
            "shape": found.picture.shape,
            "pixels": base64.b64encode(found.picture.tobytes()).decode(),
            "score": found.score,
            "note": found.note,
        }
    ).encode()
    try:
        make_folder(path.parent)
        write_beside(path, lambda out: out.write(text), overwrite=True)
    except SaunetError:
        return
