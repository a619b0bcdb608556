"""The long form: ``PYTHONPATH=tests python -m fuzz`` (``make fuzz``)."""

import argparse
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

import torch

from fuzz.run import fuzz
from fuzz.targets import Target


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--files", type=int, default=20_000)
    parse.add_argument("--arrays", type=int, default=2_000)
    parse.add_argument("--dicom", type=int, default=5_000)
    parse.add_argument("--seed", type=int, help="a new one each time unless given; it is printed")
    parse.add_argument("--largest", type=int, default=100_000, help="bytes of the real files to damage")
    parse.add_argument("--keep", type=Path, help="folder for the files that brought a fault")
    wanted = parse.parse_args()
    seed = secrets.randbelow(10**8) if wanted.seed is None else wanted.seed
    print(f"seed {seed}", flush=True)
    torch.set_num_threads(1)
    found = Path(os.environ.get("SAUNETV2_SHARED") or Path(__file__).parents[3] / "shared")
    shared = found if found.is_dir() else None
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder), shared, wanted.largest)
        print(f"{len(target.images)} whole images, {'real and synthetic' if shared else 'all synthetic'}")
        for kind, count in (("file", wanted.files), ("array", wanted.arrays), ("dicom", wanted.dicom)):
            begun = time.monotonic()
            done = fuzz(target, kind, count, seed=seed, keep=wanted.keep)
            refused = ", ".join(f"{n} {name}" for name, n in done.refused.most_common())
            print(
                f"{done.attempts} {kind}s in {time.monotonic() - begun:.0f} s: {done.read} read, refused by "
                f"{refused}; slowest {done.slowest:.2f} s (number {done.slowest_number}), peak "
                f"{done.peak / 2**20:.0f} MiB, most memory that one of {done.workers} workers kept "
                f"{done.gained / 2**20:.0f} MiB, handles left {done.handles}, faults {len(done.faults)}"
            )
            print("\n".join(done.faults))
            faults += len(done.faults)
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
