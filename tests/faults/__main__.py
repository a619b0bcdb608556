"""The long form: ``PYTHONPATH=tests python -m faults`` (``make faults``)."""

import argparse
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch

from faults import kills, places, workers, world


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--training", type=int, default=50)
    parse.add_argument("--batch", type=int, default=50)
    parse.add_argument("--saves", type=int, default=200)
    parse.add_argument("--pairs", type=int, default=20)
    parse.add_argument("--workers", type=int, default=20)
    parse.add_argument("--seed", type=int, default=0)
    parse.add_argument("--only", help="run only what is named so")
    parse.add_argument("--skip", default="", help="names, with commas, of what not to run")
    wanted = parse.parse_args()
    torch.set_num_threads(1)
    faults = (
        (kills.training, wanted.training),
        (kills.batch, wanted.batch),
        (kills.save, wanted.saves),
        (places.full_disk, 1),
        (places.vanished_share, 1),
        (places.failing_writes, 1),
        (places.revoked, 1),
        (places.model_deleted, 1),
        (places.names, 1),
        (places.two_processes, wanted.pairs),
        (places.out_of_memory, 1),
        (world.decimal_comma, 1),
        (world.clock_jumps, 20),
        (workers.lost_workers, wanted.workers),  # last: its threads would not live through forks
    )
    failed = 0
    for fault, count in faults:
        if wanted.only not in (None, fault.__name__) or fault.__name__ in wanted.skip.split(","):
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve() / "fault"
            folder.mkdir()
            try:
                told = fault(folder, count, random.Random(wanted.seed))
            except Exception as error:  # noqa: BLE001
                traceback.print_exc()
                told, failed = f"FAILED: {error}", failed + 1
        print(f"{fault.__name__} ({time.monotonic() - begun:.0f} s): {told}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
