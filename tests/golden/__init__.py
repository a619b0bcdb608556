"""The answers of the bundled models to a synthetic image, as they were on the day of their release.

For each model ``NAME.png`` holds the probability in 255 steps, and in its alpha what counts for the hash;
``SHA256SUMS`` holds the hashes. ``make weights-sums`` writes both anew.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import napari_saunetv2
from napari_saunetv2 import inference
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models.header import read as read_header

FOLDER = Path(__file__).parent
SUMS = FOLDER / "SHA256SUMS"
FILES = sorted((Path(napari_saunetv2.__file__).parent / "weights").glob("*.safetensors"))
MODELS = [path for path in FILES if read_header(path).header.kind == "vessels"]

STEPS = 64
MARGIN = 5e-4
"""Pixels this near to a border between two steps are left out of the hash.

The answers of a processor with and without AVX2 and AVX-512, of one thread and two, of torch 2.4 and 2.13,
and of OpenVINO are up to 3e-6 apart.
"""


class Golden(NamedTuple):
    """A kept answer: shape (H, W), range [0, 1], to half of 1/255; and which of its pixels the hash is of."""

    probability: NDArray[np.float64]
    counts: NDArray[np.bool_]


def prediction(model: Path) -> NDArray[np.float32]:
    """Probability that a model gives the image, by torch on the CPU, in float32."""
    image = fundus((160, 160), 3).image
    return inference.segment(
        image,
        model,
        rescale="off",
        device="cpu",
        engine="torch",
        precision="float32",
        fov=np.ones((160, 160)),
    )


def off_borders(probability: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which pixels stay in their step where another processor rounds otherwise."""
    scaled = probability.astype(np.float64) * STEPS
    nearest = np.clip(np.rint(scaled), 1, STEPS - 1)  # 0 and 1 are no borders: nothing lies beyond them
    return np.abs(scaled - nearest) >= MARGIN * STEPS


def digest(probability: NDArray[np.float32], counts: NDArray[np.bool_]) -> str:
    """SHA-256 of a map in 64 steps; of the pixels that do not count only their place."""
    steps = np.clip(np.floor(probability.astype(np.float64) * STEPS), 0, STEPS - 1).astype(np.uint8)
    return hashlib.sha256(np.where(counts, steps, np.uint8(255)).tobytes()).hexdigest()


def read(name: str) -> Golden:
    """The kept answer of a model."""
    with Image.open(FOLDER / f"{name}.png") as file:
        grey, alpha = np.moveaxis(np.asarray(file), 2, 0)
    return Golden(grey / 255, alpha > 0)


def sums() -> dict[str, str]:
    """The kept hashes by model."""
    return dict(reversed(line.split()) for line in SUMS.read_text().splitlines())


def renew() -> None:
    """Keep the answers that the bundled models give now, and no others."""
    for old in FOLDER.glob("*.png"):
        old.unlink()
    lines = []
    for model in MODELS:
        found = prediction(model)
        counts = off_borders(found)
        grey = np.rint(found * 255).astype(np.uint8)
        Image.fromarray(np.stack([grey, counts * np.uint8(255)], 2), "LA").save(FOLDER / f"{model.stem}.png")
        lines.append(f"{digest(found, counts)}  {model.stem}\n")
    SUMS.write_text("".join(lines))
