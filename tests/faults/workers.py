"""Workers of a Dask cluster that are killed in a batch."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from fuzz.corpus import WIDTHS
from napari_saunetv2 import batch
from napari_saunetv2.batch import cluster
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import inputs
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import SAUNetV2

HALF = PostProcessing(threshold=0.5)
IMAGES = 16
SETTINGS = {"engine": "torch", "precision": "float32", "rescale": "off"}


def lost_workers(folder: Path, count: int, draw: random.Random) -> str:
    """Table and files are those of a plain run, whatever worker is killed, and whenever."""
    run = _batch(folder)
    whole = run("plain", None, None)
    with _scheduler() as address, ExitStack() as stop:
        workers = [_worker(address, stop) for _ in range(2)]

        def kill(how_many: int) -> Callable[[], None]:
            def misfortune() -> None:
                for lost in draw.sample(workers, how_many):
                    assert lost.poll() is None
                    lost.kill()
                    assert lost.wait() == -signal.SIGKILL
                    workers.remove(lost)

            return misfortune

        for number in range(count):
            _wait_for(address, workers)
            after = draw.randrange(IMAGES - 4), draw.uniform(0, 0.2)
            _same(run(f"lost{number}", address, (*after, kill(1))), whole)
            workers.append(_worker(address, stop))
        workers.append(_worker(address, stop))
        _wait_for(address, workers)
        _same(run("gone", address, (3, 0.05, kill(2))), whole)
    return (
        f"{count} times one of 2 workers killed in a batch of {IMAGES} images, and once 2 of 3: tables and "
        "files as those of one process"
    )


@contextmanager
def _scheduler() -> Iterator[str]:
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            words = (word for line in process.stderr for word in line.split())
            address = next(word for word in words if word.startswith("tcp://"))
            threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would hold it up
            yield address
        finally:
            process.kill()


def _worker(address: str, stop: ExitStack) -> subprocess.Popen:
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address]
    process = subprocess.Popen(
        [*command, "--no-nanny", "--nthreads", "1", "--no-dashboard"],
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    stop.callback(process.wait)
    stop.callback(process.kill)
    return process


def _wait_for(address: str, workers: list[subprocess.Popen]) -> None:
    from distributed import Client

    options, end = {worker.pid for worker in workers}, time.monotonic() + 300
    with Client(address) as client:
        while options != set(client.run(os.getpid, on_error="ignore").values()):
            assert time.monotonic() < end, "the workers do not come"
            time.sleep(0.2)


def _same(one: tuple, other: tuple) -> None:
    for row, options in zip(one[0], other[0], strict=True):
        assert row == options, (row, options)
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
    files = list(inputs.gather([str(eyes)]).files)

    def run(
        name: str, scheduler: str | None, misfortune: tuple[int, float, Callable] | None
    ) -> tuple[list[cluster.Row], dict[str, bytes]]:
        out = folder / name
        out.mkdir()
        table = out.with_suffix(".csv")
        options = batch.OutputOptions(out, probability=True)
        config = InferenceConfig(model=str(model), **SETTINGS)
        rows = cluster.segment_files(files, config, HALF, options, scheduler=scheduler)
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
