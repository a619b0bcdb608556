"""kill -9 at random instants of a training, a batch and a save."""

import random
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from faults.child import Child, until_done
from following import follow
from fuzz.corpus import TINY, WIDTHS, pairs
from napari_saunetv2.cli import _shared, app
from napari_saunetv2.files import read_mask, write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import SAUNetV2
from napari_saunetv2.training import fine_tune, loop

CONFIG = replace(TINY, steps=12, validate_every=5)


def training(folder: Path, kills: int, draw: random.Random) -> str:
    """Resumed after kills, a training ends at the weights of an unbroken one."""
    loop.SAVE_EVERY = 0.0  # after every step, so that kills meet saves

    def train(run: Path) -> Path:
        return follow(fine_tune(pairs(), CONFIG, run, resume=True))[1]

    pairs()
    usual = Child(lambda: train(folder / "unbroken")).wait()
    whole = checkpoint.load(folder / "unbroken" / "model.safetensors").network.state_dict()
    killed = runs = 0
    largest = 0.0
    while killed < kills:
        run = folder / f"run{runs}"
        more, usual = until_done(partial(train, run), usual, draw, min(5, kills - killed))
        killed += more
        resumed = checkpoint.load(run / "model.safetensors").network.state_dict()
        largest = max(largest, *(float((resumed[k] - whole[k]).abs().max()) for k in whole))
        assert not list(run.glob("*.part")), "half-written files are left"
        shutil.rmtree(run)
        runs += 1
    assert largest <= 1e-6, largest
    return (
        f"{killed} kills in {runs} trainings; weights differ from the unbroken one's by at most {largest:g}"
    )


def batch(folder: Path, kills: int, draw: random.Random) -> str:
    """What a killed batch leaves under a result's name is whole, and running it again makes the rest."""
    images = folder / "images"
    images.mkdir(parents=True)
    for number in range(4):
        write_image(images / f"eye{number}.png", fundus((64, 64), number).image)
    _shared.out.quiet = True

    def segment(output: Path) -> None:
        app(
            [
                "segment",
                str(images),
                "-o",
                str(output),
                "--probability",
                "--overlay",
                "--overwrite",
                "--rescale",
                "off",
            ],
            standalone_mode=False,
        )

    segment(folder / "first")  # loads here what each child would load anew
    usual = Child(lambda: segment(folder / "whole")).wait()
    whole = {p.name: p.read_bytes() for p in (folder / "whole").iterdir() if not p.name.startswith(".")}
    assert len(whole) == 12, sorted(whole)
    killed = runs = seen = 0
    while killed < kills:
        output = folder / f"out{runs}"
        while killed < kills and Child(partial(segment, output)).kill_after(draw.uniform(0, 1.1 * usual)):
            killed += 1
            found = [p for p in output.glob("*") if not p.name.startswith(".")] if output.exists() else []
            assert all(p.read_bytes() == whole[p.name] for p in found), "a result is not whole"
            seen += len(found)
        Child(partial(segment, output)).wait()
        assert {p.name: p.read_bytes() for p in output.glob("[!.]*")} == whole
        shutil.rmtree(output)
        runs += 1
    return f"{killed} kills in {runs} batches; all {seen} results found after a kill were whole"


def save(folder: Path, kills: int, draw: random.Random) -> str:
    """After a kill a model file is the old one or the new one, whole; a mask too."""
    path, mask = folder / "m.safetensors", folder / "m.png"
    header = checkpoint.Header(network_arguments={"widths": WIDTHS})
    torch.manual_seed(0)
    networks = [SAUNetV2(widths=WIDTHS) for _ in range(2)]
    vessels = [fundus((64, 64), n).vessels for n in range(2)]

    def write() -> None:
        from napari_saunetv2.files import write_mask

        for number in range(2000):
            one = number % 2
            checkpoint.save(path, networks[one], header, overwrite=True)
            write_mask(mask, vessels[one], overwrite=True)

    networks[0].eval(), networks[1].eval()
    checkpoint.save(path, networks[0], header, overwrite=True)
    counts = [0, 0]
    left = 0
    for _ in range(kills):
        assert Child(write).kill_after(draw.uniform(0.005, 0.6))
        weights = checkpoint.load(path).network.state_dict()
        which = [all(torch.equal(v, n.state_dict()[k]) for k, v in weights.items()) for n in networks]
        assert sum(which) == 1, "the model file is neither the old nor the new one"
        counts[which.index(True)] += 1
        if mask.exists():
            assert any((read_mask(mask) == v).all() for v in vessels), "the mask is neither old nor new"
        left += len(list(folder.glob(".*.part")))
        for path_left in folder.glob(".*.part"):
            path_left.unlink()
    return f"{kills} kills; the file was one of the two, whole, each time ({counts[0]} and {counts[1]})"
