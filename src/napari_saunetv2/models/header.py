"""The header of a model file and its validation, without torch."""

import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import safetensors

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.imaging.canvas import POLICIES, Policy
from napari_saunetv2.imaging.modality import MODALITIES

FORMAT_VERSION = 1
SUFFIX = ".safetensors"

KINDS = {"vessels": "vessels", "landmarks": "optic disc and fovea"}
"""What models find, in words."""

KEY = "saunetv2"
"""Version of the header in the file's metadata."""

MAX_PARAMETERS = 100_000_000
"""Maximum number of parameters of a file; the bundled networks have up to 1,100,000."""

_LICENCE = "Research use only; trained on photographs whose terms allow research. Not a medical device."


@dataclass(frozen=True)
class Header:
    """Header of a model file.

    Attributes
    ----------
    network : str
        Key in ``NETWORKS``.
    network_arguments : mapping
        Arguments to build the network.
    padding : str
        Where an image lies on the canvas: "corner" or "centre".
    normalisation : str
        "unit": values divided by the full scale of their type, nothing else.
    modality : str
        What pictures the model is for: "fundus", "octa" or "infrared"; "fundus" in files of older versions.
    fov_diameter : float or None, pixels
        Diameter of the field of view in the training images; None if unknown.
    threshold : float, (0, 1)
        Probability from which a pixel is vessel; chosen on validation images.
    tta_thresholds : mapping of str to float
        The same for the mean over several views, by the name of the test-time augmentation: a mean of
        probabilities is closer to 0.5 than its parts.
    ranges : tuple of (float, float)
        Lowest and highest value at the input of every convolution, for a run in eight-bit integers
        (:mod:`napari_saunetv2.engines`), measured on training images; empty if not measured.
    classes : tuple of str
        Names of the output maps.
    kind : str
        "vessels", or "landmarks" for a model of optic disc and fovea
        (:mod:`napari_saunetv2.inference.landmarks`), which segments nothing.
    data : mapping
        Data set, and names of the images trained and validated on; ``teachers``, in models of older versions,
        the images of its teacher models.
    recipe : mapping
        Name and all settings of the training, the steps it took and its ``seconds``.
    seed : int or None
    lineage : tuple of mappings
        The same for every earlier training, oldest first (:mod:`napari_saunetv2.models.lineage`); empty for a
        model trained from random weights, and in files of older versions.
    scores : tuple of mappings
        Each with data, split, protocol and the metrics' means.
    created : str
        Date, ISO 8601.
    licence : str
    sha256 : str
        Hash of all of the above and the weights, to detect damage.
    """

    network: str = "saunetv2"
    network_arguments: Mapping[str, Any] = field(default_factory=dict)
    padding: Policy = "corner"
    normalisation: str = "unit"
    modality: str = "fundus"
    fov_diameter: float | None = None
    threshold: float = 0.5
    tta_thresholds: Mapping[str, float] = field(default_factory=dict)
    ranges: tuple[tuple[float, float], ...] = ()
    classes: tuple[str, ...] = ("vessel",)
    kind: str = "vessels"
    data: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    lineage: tuple[Mapping[str, Any], ...] = ()
    scores: tuple[Mapping[str, Any], ...] = ()
    created: str = ""
    licence: str = _LICENCE
    sha256: str = ""
    format_version: int = FORMAT_VERSION

    @property
    def scaled_to(self) -> float | None:
        """Diameter in pixels that fields of view are scaled to; None for angiograms, which have no field."""
        return None if self.modality == "octa" else self.fov_diameter


class Claims(NamedTuple):
    """Contents of a file: its header as stored and as parsed, and the weights' shapes."""

    plain: dict[str, Any]
    header: Header
    shapes: dict[str, tuple[int, ...]]


def read(path: Path) -> Claims:
    """Read and check a model file's header; raises CheckpointError if it is damaged or not a model file."""
    try:
        with safetensors.safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(KEY)
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"'{path.name}' is not a model file ({SUFFIX}) or is damaged: get it again; import weights of "
            "the authors' Keras networks (.h5) with 'saunetv2 import-keras'."
        ) from error
    count = sum(map(math.prod, shapes.values()))
    if count > MAX_PARAMETERS:
        raise CheckpointError(
            f"'{path.name}' claims a network of {count:,} parameters, more than the maximum of "
            f"{MAX_PARAMETERS:,}: use a file made by 'saunetv2 train'."
        )
    if text is None:
        raise CheckpointError(
            f"'{path.name}' holds weights but no header of this program: use a file made by 'saunetv2 train'."
        )
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(path) from error
    return Claims(raw, _parse(path, raw), shapes)


def _parse(path: Path, raw: Any) -> Header:
    try:
        version = raw["format_version"]
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise CheckpointError(
                f"'{path.name}' has format {short(version)}, this version reads up to {FORMAT_VERSION}: "
                "update napari-saunetv2."
            )
        known = {f.name for f in fields(Header)}
        values: dict[str, Any] = {k: v for k, v in raw.items() if k in known}
        lists = {k: tuple(values.get(k, ())) for k in ("classes", "lineage", "scores")}
        lists["ranges"] = tuple((float(low), float(high)) for low, high in values.get("ranges", ()))
        values |= {k: dict(values.get(k, {})) for k in ("data", "recipe", "tta_thresholds")}
        header = Header(**values | lists)
        problem = _problem(header)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(path) from error
    if problem:
        raise CheckpointError(
            f"'{path.name}' cannot be used, its header has {problem}: get it again, or train again."
        )
    return header


def _problem(header: Header) -> str | None:
    """Describe the first invalid entry of a header, or None."""
    diameter = header.fov_diameter
    rules = {
        f"padding {short(header.padding)}, known are {', '.join(POLICIES)}": header.padding in POLICIES,
        f"normalisation {short(header.normalisation)}, known is unit": header.normalisation == "unit",
        f"kind {short(header.kind)}, known are {', '.join(KINDS)}": header.kind in KINDS,
        f"modality {short(header.modality)}, known are {', '.join(MODALITIES)}": header.modality
        in MODALITIES,
        **{
            f"threshold {short(t)} outside (0, 1)": 0 < t < 1
            for t in (header.threshold, *header.tta_thresholds.values())
        },
        f"ranges {short(header.ranges)}, not of numbers around 0": all(
            low <= 0 <= high and 0 < high - low < math.inf for low, high in header.ranges
        ),
        f"FOV diameter {short(diameter)}, not a length": diameter is None or 1 <= diameter <= 100_000,
        f"network arguments {short(header.network_arguments)}, not a few small numbers": all(
            map(_is_small, header.network_arguments.values())
        ),
    }
    for training in ({"data": header.data, "recipe": header.recipe}, *header.lineage):
        names = [training["data"].get(part, []) for part in ("train", "validation", "teachers")]
        rules[f"the training {short(training)}, not of images with names"] = isinstance(
            training["recipe"], dict
        ) and all(isinstance(part, list) for part in names)
    for score in header.scores:  # raises if a score lacks an entry shown in the list of models
        rules[f"the score {short(score)}, without a value"] = math.isfinite(score["mean"]["f1"])
        rules[f"the score {short(score)}, without its data set"] = all(
            score[k] for k in ("dataset", "split", "protocol")
        )
    return next((rule for rule, holds in rules.items() if not holds), None)


def _is_small(argument: object) -> bool:
    """Whether an argument of a network is harmless: a flag or a small number."""
    if isinstance(argument, list):
        return len(argument) <= 16 and all(isinstance(n, int) and 1 <= n <= 4096 for n in argument)
    return isinstance(argument, int | float) and 0 <= argument <= 4096


def short(value: object) -> str:
    """Shorten for messages: a header may hold anything, of any length."""
    return reprlib.repr(value)


def damaged(path: Path) -> CheckpointError:
    """Make the error for a damaged file."""
    return CheckpointError(
        f"'{path.name}' is damaged, its contents do not match its header: get the file again."
    )
