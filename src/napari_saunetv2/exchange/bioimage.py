"""Packages for bioimage.io: export and import.

Format 0.5, https://bioimage.io/docs/#/bioimageio_model_spec. The package contains the model's own file next
to the ONNX, so that importing it restores exactly the exported model.
"""

import hashlib
import io
import json
import lzma
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_saunetv2 import __version__
from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import write_beside
from napari_saunetv2.imaging import canvas, frame
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.modality import MODALITIES
from napari_saunetv2.imaging.overlay import outlined
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models.checkpoint import Checkpoint, Header, save

WEIGHTS, MODEL, DESCRIPTION = "weights.onnx", "model.safetensors", "rdf.yaml"

MAX_BYTES = 2**30
"""Maximum size of the model in a package: 1 GiB."""

_CITE = [
    {
        "text": "Guo et al., SA-UNetv2: Rethinking Spatial Attention U-Net for Retinal Vessel Segmentation",
        "url": "https://arxiv.org/abs/2509.11774",
    }
]


def package(
    model: Checkpoint, network: bytes, run: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> dict[str, bytes]:
    """Files of a package, by name.

    Parameters
    ----------
    model : Checkpoint
    network : bytes
        The model as ONNX.
    run : callable
        Runs it: canvas, shape (H, W, 3) -> probability, (classes, H, W).
    """
    sample = fundus((256, 256))
    padded = canvas.pad(to_unit(sample.image), model.header.padding)
    probability = run(padded)
    vessels = (probability.max(0) >= model.header.threshold).astype(np.uint8)
    parts = {
        WEIGHTS: network,
        MODEL: _file_of(model),
        "test_input.npy": _npy(np.ascontiguousarray(padded.transpose(2, 0, 1)[None])),
        "test_output.npy": _npy(probability[None]),
        "cover.png": _png(np.concatenate([sample.image, outlined(padded, vessels)], axis=1)),
        "README.md": _documentation(model).encode(),
    }
    # YAML holds all of JSON, and JSON needs no package to write.
    return parts | {DESCRIPTION: json.dumps(_description(model, parts), indent=1).encode()}


_DAMAGED = (
    OSError, KeyError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip


def unpack(file: Path, target: Path, *, overwrite: bool = False) -> Path:
    """Extract the model from a package made by :func:`package`.

    Raises
    ------
    FileFormatError
        If the file is not such a package.
    """
    try:
        with zipfile.ZipFile(file) as packed, packed.open(MODEL) as inside:
            data = inside.read(MAX_BYTES)
    except _DAMAGED as error:
        raise FileFormatError(
            f"'{file.name}' is not a package made by 'saunetv2 export --format bioimageio': give one that is."
        ) from error
    return write_beside(target, lambda out: out.write(data), overwrite=overwrite)


def _description(model: Checkpoint, parts: dict[str, bytes]) -> dict[str, Any]:
    def axis(letter: str) -> dict[str, Any]:
        return {"type": "space", "id": letter, "size": {"min": canvas.MULTIPLE, "step": canvas.MULTIPLE}}

    def same(letter: str) -> dict[str, Any]:
        return {"type": "space", "id": letter, "size": {"tensor_id": "image", "axis_id": letter}}

    def file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": hashlib.sha256(parts[name]).hexdigest()}

    unit = {"type": "float32", "range": [0.0, 1.0]}
    return {
        "format_version": "0.5.3",
        "type": "model",
        "name": "Retinal vessels " + re.sub(r"[^A-Za-z0-9_+() -]", "-", f"({model.name})"),
        "description": f"Probability of every class at every pixel, for {MODALITIES[model.header.modality]}.",
        "authors": [{"name": "The napari-saunetv2 developers"}],
        "cite": _CITE,
        # No "license": that of the weights has no SPDX identifier; it is in the documentation.
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "documentation": "README.md",
        "covers": ["cover.png"],
        "tags": ["retina", "vessels", "segmentation", model.header.modality, "2d", "unet"],
        "attachments": [file(MODEL)],
        "inputs": [
            {
                "id": "image",
                "description": "RGB in [0, 1], on a canvas of zeros",
                "axes": [
                    {"type": "batch", "size": 1},
                    {"type": "channel", "channel_names": ["red", "green", "blue"]},
                    axis("y"),
                    axis("x"),
                ],
                "data": unit,
                "test_tensor": file("test_input.npy"),
            }
        ],
        "outputs": [
            {
                "id": "probability",
                "description": "probability of every class",
                "axes": [
                    {"type": "batch"},
                    {"type": "channel", "channel_names": list(model.header.classes)},
                    same("y"),
                    same("x"),
                ],
                "data": unit,
                "test_tensor": file("test_output.npy"),
            }
        ],
        "weights": {"onnx": {**file(WEIGHTS), "opset_version": 17}},
        "config": {"napari-saunetv2": {"version": __version__, "threshold": model.header.threshold}},
    }


def _documentation(model: Checkpoint) -> str:
    header = model.header
    scores = [f"- {_taken(score)}: F1 {score['mean']['f1']:.4f}" for score in header.scores]
    return "\n".join(
        [
            f"# {model.name}",
            "",
            f"{header.network}, for retinal vessels in {MODALITIES[header.modality]}. {header.licence}",
            "",
            f"Divide the image by its full scale. {_framing(header)}Pad it with zeros to a canvas whose "
            f"sides are multiples of {canvas.MULTIPLE} pixels, up to {canvas.SQUARE_UP_TO} pixels a square "
            f"({header.padding}); a pixel is vessel if its probability is at least {header.threshold:g}.",
            "",
            "## Validation",
            "",
            "Scores, by data set, part, pixels that count, views and threshold:",
            "",
            *(scores or ["- none recorded"]),
            "",
            f"Trained on: {header.data.get('dataset', 'unknown')}.",
            "",
        ]
    )


def _taken(score: Mapping[str, Any]) -> str:
    """Say how a score was taken."""
    views = {"none": "one view", "flips": "4 views", "d4": "8 views"}.get(score.get("tta", ""), "")
    level = {"auto": "its own threshold", "": ""}.get(score.get("threshold", ""), score.get("threshold", ""))
    return ", ".join(filter(None, (f"{score['dataset']} {score['split']}", score["protocol"], views, level)))


def _framing(header: Header) -> str:
    """Say what part of an image the model takes, and at which scale; nothing where it takes all, as it is."""
    if header.scaled_to is None:
        return ""
    return (
        f"Cut it to the bounding box of the field of view and put {frame.MARGIN:.0%} of the diameter of "
        "black on every side, because the network averages over all it is given. The field of view in the "
        f"training images was {header.scaled_to:g} pixels wide: resample other images to that. "
    )


def _file_of(model: Checkpoint) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / MODEL
        save(file, model.network, model.header)
        return file.read_bytes()


def _npy(values: NDArray[np.float32]) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
