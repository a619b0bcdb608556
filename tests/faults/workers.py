"""Workers of a Dask cluster that are killed in a batch."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from fuzz.corpus import WIDTHS
from napari_saunetv2 import batch, checkpoint, cluster
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.networks import SAUNetV2

IMAGES = 16
SETTINGS = {"engine": "torch", "precision": "float32", "rescale": "off"}


def lost_workers(folder: Path, count: int, draw: random.Random) -> str:
    """Table and files are those of a plain run, whatever worker is killed, and whenever."""
    from distributed import Client, LocalCluster

    run = _batch(folder)
    whole = run("plain", None, None)
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, env={"OMP_NUM_THREADS": "1"},
            silence_logs=50,
        ) as local,
        Client(local) as client,
    ):  # fmt: skip
        dead: set[int] = set()

        def alive() -> list[int]:
            return sorted(set(client.run(os.getpid, on_error="ignore").values()) - dead)

        def kill_one() -> None:
            one = draw.choice(alive())
            dead.add(one)
            os.kill(one, signal.SIGKILL)

        for number in range(count):
            end = time.monotonic() + 300
            while len(alive()) < 2:
                assert time.monotonic() < end, "a killed worker was not started again"
                time.sleep(0.1)
            after = draw.randrange(IMAGES - 4), draw.uniform(0, 0.2)
            _same(run(f"lost{number}", local.scheduler_address, (*after, kill_one)), whole)
    gone = _never_back(run, whole, draw)
    return (
        f"{count} workers killed in as many batches of {IMAGES} images, and {gone} of 3 that nobody starts "
        "again: tables and files as those of one process"
    )


def _never_back(run: Callable, whole: object, draw: random.Random) -> int:
    """Two of three workers, each a command of its own, go for good."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True)]
    try:
        address = next(
            word for line in processes[0].stderr for word in line.split() if word.startswith("tcp://")
        )
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address]
        command += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        processes += [
            subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
            for _ in range(3)
        ]
        from distributed import Client

        with Client(address) as client:
            client.wait_for_workers(3, timeout=120)
        lost = draw.sample(processes[1:], 2)

        def kill_two() -> None:
            for process in lost:
                process.kill()

        _same(run("gone", address, (3, 0.05, kill_two)), whole)
        assert all(process.wait() == -signal.SIGKILL for process in lost)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return len(lost)


def _same(one: tuple, other: tuple) -> None:
    for row, wanted in zip(one[0], other[0], strict=True):
        assert row == wanted, (row, wanted)
    assert sorted(one[1]) == sorted(other[1])
    assert not [name for name, data in one[1].items() if data != other[1][name]]


def _batch(folder: Path) -> Callable:
    """Images, one of them damaged, a model, and a function that segments them and tells what it made."""
    eyes = folder / "eyes"
    eyes.mkdir(parents=True)
    for number in range(IMAGES - 1):
        write_image(eyes / f"eye{number}.png", fundus((120, 140), number).image)
    (eyes / "damaged.png").write_bytes(b"no image")
    model = folder / "m.safetensors"
    torch.manual_seed(0)
    checkpoint.save(model, SAUNetV2(widths=WIDTHS), checkpoint.Header(network_arguments={"widths": WIDTHS}))
    files = batch.image_files([str(eyes)])

    def run(
        name: str, scheduler: str | None, misfortune: tuple[int, float, Callable] | None
    ) -> tuple[list[cluster.Row], dict[str, bytes]]:
        out = folder / name
        out.mkdir()
        table = out.with_suffix(".csv")
        wanted = batch.Wanted(out, probability=True)
        rows = cluster.segment_files(files, str(model), 0.5, wanted, scheduler=scheduler, **SETTINGS)
        with cluster.table(table, resume=False) as add:
            for number, row in enumerate(rows):
                add(row)
                if misfortune is not None and number == misfortune[0]:
                    time.sleep(misfortune[1])
                    misfortune[2]()
        lines = [row._replace(seconds=0.0) for row in cluster.read_table(table).values()]
        assert sorted(row.status for row in lines) == ["done"] * (IMAGES - 1) + ["failed"]
        # A kill may leave a hidden file, half written; who else writes into this folder nobody knows.
        return lines, {path.name: path.read_bytes() for path in out.glob("[!.]*")}

    return run
