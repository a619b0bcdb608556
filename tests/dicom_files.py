"""DICOM files of others, read or refused in a sentence: ``make dicom-files FOLDERS="one another"``.

Without folders, pydicom's own test files. Those of highdicom are in its repository (``data/test_files``), not
in its package.
"""

import sys
import time
from collections import Counter
from pathlib import Path

import pydicom

from napari_saunetv2 import files
from napari_saunetv2.errors import SaunetError

OWN = Path(pydicom.__file__).parent / "data" / "test_files"

SECONDS = 30.0
"""One file may take that long."""


def main(folders: list[Path]) -> int:
    """Look at every file; gives the number of those that are neither read nor refused as they should be."""
    faults, read, refused = [], 0, Counter()
    found = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    for path in found:
        begun = time.monotonic()
        try:
            pixels = files.load_values(path).pixels
            read += 1
            if pixels.ndim not in (2, 3) or not pixels.size:
                faults.append(f"{path.name}: read as an array of shape {pixels.shape}")
        except SaunetError as error:
            words = str(error)
            refused[type(error).__name__] += 1
            if not words.endswith(".") or "\n" in words or len(words) > 1000:
                faults.append(f"{path.name}: refused in no sentence: {words[:300]!r}")
            print(f"{path.name}: {words}")
        except Exception as error:  # noqa: BLE001
            faults.append(f"{path.name}: {type(error).__name__}: {error}")
        if time.monotonic() - begun > SECONDS:
            faults.append(f"{path.name}: took {time.monotonic() - begun:.0f} s")
    print(f"{len(found)} files: {read} read, refused {dict(refused)}, faults {len(faults)}")
    print("\n".join(faults))
    return min(len(faults), 1) if found else 1


if __name__ == "__main__":
    sys.exit(main([Path(word) for word in sys.argv[1:]] or [OWN]))
