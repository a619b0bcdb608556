"""Places that are full, forbidden, gone, oddly named or shared."""

import errno
import os
import random
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import torch

from faults.child import Child
from faults.kills import CONFIG
from following import follow
from fuzz.corpus import TINY, WIDTHS, pairs
from napari_saunetv2 import files, inference
from napari_saunetv2.cli import app
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import FileFormatError, OverwriteError, SaunetError
from napari_saunetv2.files.locks import exclusive
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import SAUNetV2
from napari_saunetv2.training import fine_tune, loop
from napari_saunetv2.training.losses import LOSSES

NAMES = (
    "with some spaces",
    "Netzhaut ÄÖÜß 網膜 сетчатка 👁",
    "[brackets] and 'quotes' & $signs; #1 %20",
    "x" * 250,
    "-o",
    "trailing.dot.",
)


def full_disk(folder: Path, _count: int, _draw: random.Random) -> str:
    """A disk that fills up in a training: one sentence, and the last good state is gone on with."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], check=False)
    if mounted.returncode:
        return "skipped: no right to mount a small disk"
    try:
        run = disk / "run"
        loop.SAVE_EVERY = 0.0
        work = fine_tune(pairs(), CONFIG, run)
        for _ in range(3):
            next(work)
        good = (run / "state.safetensors").read_bytes()
        (disk / "filler").write_bytes(b"\0" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))
        try:
            next(work)
        except FileFormatError as error:
            message = str(error)
        assert "No space left" in message, message
        assert (run / "state.safetensors").read_bytes() == good
        assert not list(run.glob(".*.part"))
        (disk / "filler").unlink()
        assert next(fine_tune(pairs(), CONFIG, run, resume=True)).step == 4
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
    return "a disk of 3 MB filled up in a training: told in a sentence, gone on with from the last state"


def vanished_share(folder: Path, _count: int, _draw: random.Random) -> str:
    """A share that goes in a training and comes back: one sentence, and the last state is gone on with."""
    behind, share = folder / "server", folder / "share"
    behind.mkdir(parents=True), share.mkdir()

    def mount() -> int:
        return subprocess.run(["mount", "--bind", behind, share], check=False).returncode

    if mount():
        return "skipped: no right to mount a folder"
    try:
        loop.SAVE_EVERY = 0.0
        work = fine_tune(pairs(), CONFIG, share / "run")
        for _ in range(3):
            next(work)
        good = (behind / "run" / "state.safetensors").read_bytes()
        subprocess.run(["umount", "-l", share], check=True)
        _refused(lambda: next(work), "cannot be written")
        assert not list(share.iterdir()), "something was written where the share had been"
        assert (behind / "run" / "state.safetensors").read_bytes() == good
        assert mount() == 0
        assert next(fine_tune(pairs(), CONFIG, share / "run", resume=True)).step == 4
    finally:
        subprocess.run(["umount", "-l", share], check=False)
    return "a share that vanished in a training: told in a sentence, gone on with when it was back"


def failing_writes(folder: Path, _count: int, _draw: random.Random) -> str:
    """Errors that a system gives while a file is written leave the old one and say so."""
    path = files.write_mask(folder / "m.png", fundus((32, 32), 0).vessels)
    before, real = path.read_bytes(), os.fsync
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.ESTALE, errno.ENOTCONN)

    for code in codes:

        def fail(_handle: int, code: int = code) -> None:
            raise OSError(code, os.strerror(code))

        os.fsync = fail
        try:
            files.write_mask(path, fundus((32, 32), 1).vessels, overwrite=True)
        except FileFormatError as error:
            assert os.strerror(code) in str(error), error
        else:
            raise AssertionError(code)
        finally:
            os.fsync = real
        assert path.read_bytes() == before
        assert [p.name for p in folder.iterdir()] == ["m.png"]
    return f"{len(codes)} errors ({', '.join(errno.errorcode[c] for c in codes)}): the old file stayed, alone"


def revoked(folder: Path, _count: int, _draw: random.Random) -> str:
    """A folder that may no longer be written to in the middle of a training."""
    if os.geteuid() != 0:
        return "skipped: only root can become somebody without rights"
    folder.chmod(0o777)

    def work() -> None:
        os.setuid(65534)
        run = folder / "run"
        loop.SAVE_EVERY = 0.0
        train = fine_tune(pairs(), CONFIG, run)
        next(train), next(train)
        good = (run / "state.safetensors").read_bytes()
        run.chmod(0o555)
        try:
            next(train)
        except FileFormatError as error:
            assert "Permission denied" in str(error), error
        else:
            raise AssertionError("nothing was said")
        assert (run / "state.safetensors").read_bytes() == good
        run.chmod(0o755)
        assert next(fine_tune(pairs(), CONFIG, run, resume=True)).step == 3

    for part in [*reversed(folder.parents)][2:]:  # the temporary folder must let strangers through
        part.chmod(part.stat().st_mode | 0o111)
    Child(work).wait()
    return "permission taken away in a training: told in a sentence, gone on with from the last state"


def model_deleted(folder: Path, _count: int, _draw: random.Random) -> str:
    """A model file that goes while it is used is not missed; afterwards it is, in a sentence."""
    path = folder / "m.safetensors"
    checkpoint.save(path, SAUNetV2(widths=WIDTHS), checkpoint.Header(network_arguments={"widths": WIDTHS}))
    model, image = checkpoint.load(path), fundus((150, 150), 0).image
    whole = inference.segment(image, model, tile=64)
    work = inference.steps(image, model, InferenceConfig(tile=64))
    next(work)
    path.unlink()
    assert (follow(work)[1] == whole).all()
    _refused(lambda: checkpoint.load(path), "There is no model")
    return "a model file deleted in a run: same answer; the next run says that it is gone"


def names(folder: Path, _count: int, _draw: random.Random) -> str:
    """Spaces, Unicode, 250 characters: images, results, models and run folders."""
    done = 0
    for name in NAMES:
        place = folder / name
        place.mkdir()
        files.write_image(place / "eye.png", fundus((40, 40), 0).image)
        stem = name[:200].rstrip(".")
        files.write_image(place / f"{stem}.png", fundus((40, 40), 1).image)
        model = place / f"{stem}.safetensors"
        header = checkpoint.Header(network_arguments={"widths": WIDTHS})
        checkpoint.save(model, SAUNetV2(widths=WIDTHS), header)
        app(
            ["segment", "-o", str(place / "out"), "-m", str(model), "--", str(place)],
            standalone_mode=False,
        )
        assert len(list((place / "out").glob("*_vessels.png"))) == 2
        work = fine_tune(pairs(), TINY, place / name)
        next(work)
        work.close()
        next(fine_tune(pairs(), TINY, place / name, resume=True))
        done += 1
    _refused(
        lambda: files.write_mask(folder / ("x" * 300 + ".png"), fundus((32, 32), 0).vessels), "cannot be"
    )
    _refused(lambda: files.write_mask(folder / "nul\0.png", fundus((32, 32), 0).vessels), "not a valid")
    _refused(lambda: files.read_image(folder / "nul\0.png"), "nul")
    _refused(lambda: checkpoint.load("x" * 5000), "There is no model")
    return f"{done} names segmented, saved and trained in; 4 impossible ones refused in a sentence"


def two_processes(folder: Path, count: int, draw: random.Random) -> str:
    """One trains, the other is told; a kill frees the folder; two batches leave whole results."""
    run, long = folder / "run", replace(TINY, steps=10_000)
    for _ in range(count):
        holder = Child(lambda: _hold(run))
        while not (run / "held").exists():
            time.sleep(0.002)
        _refused(lambda: next(fine_tune(pairs(), long, run, resume=True)), "Another process uses")
        holder.kill_after(0)
        (run / "held").unlink()
        work = fine_tune(pairs(), long, run, resume=True)  # the lock went with its holder
        next(work)
        work.close()
    target, won = folder / "m.png", 0
    for number in range(count):
        writers = [Child(lambda one=one: _write_once(target, one)) for one in range(2)]
        for writer in writers:
            writer.wait()
        read = files.read_mask(target)
        assert any((read == fundus((64, 64), one).vessels).all() for one in range(2))
        assert (folder / "won").read_text().count("won") == number + 1
        target.unlink()
        won += 1
    return f"{count} trainings kept out of a folder in use; of {won} pairs of writers one won each time"


def _hold(run: Path) -> None:
    with exclusive(run):
        (run / "held").touch()
        time.sleep(60)


def _write_once(target: Path, one: int) -> None:
    try:
        files.write_mask(target, fundus((64, 64), one).vessels)
    except OverwriteError:
        return
    with (target.parent / "won").open("a") as file:
        file.write("won\n")


def out_of_memory(folder: Path, _count: int, _draw: random.Random) -> str:
    """A device without memory: one sentence, and a training keeps its last step."""

    class Full(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    image = fundus((40, 40), 0).image
    full = checkpoint.Checkpoint("full", Full(), checkpoint.Header())
    _refused(lambda: inference.segment(image, full), "too little memory")

    def huge() -> None:
        import resource

        large = fundus((40, 40), 0).image.repeat(150, 0).repeat(150, 1)
        limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + 2**30
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        _refused(lambda: inference.segment(large, tile="off", rescale="off"), "too little memory")

    Child(huge).wait()
    run = folder / "run"
    work = fine_tune(pairs(), CONFIG, run)
    for _ in range(3):
        next(work)
    real = LOSSES[CONFIG.loss]
    LOSSES[CONFIG.loss] = lambda *_: Full()(torch.zeros(1))
    try:
        _refused(lambda: next(work), "too little memory")
    finally:
        LOSSES[CONFIG.loss] = real
    assert next(fine_tune(pairs(), CONFIG, run, resume=True)).step == 4
    return (
        "injected in a segmentation and a training, and true (1 GiB for 36 megapixels at once): one sentence"
    )


def _refused(work: object, says: str) -> None:
    try:
        work()
    except SaunetError as error:
        assert says in str(error), error
    else:
        raise AssertionError(f"nothing was said of {says!r}")
