"""A model as one file that says all about itself.

The file is safetensors: weights, and one JSON text (the header) in its metadata. Loading it runs no code,
and what it claims is checked against what it holds before a network is built.
"""

import hashlib
import json
import logging
import math
import os
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.files import reason, write_beside
from napari_saunetv2.imaging.canvas import POLICIES, Policy
from napari_saunetv2.networks import NETWORKS

FORMAT_VERSION = 1
SUFFIX = ".safetensors"
DEFAULT = "saunetv2-general"
"""The model that is used where none is named."""

MAX_PARAMETERS = 100_000_000
"""A file that claims more is refused before anything is built; the bundled networks have up to 600,000."""

FOLDER_VARIABLE = "SAUNETV2_MODELS"
"""Environment variable that names another folder for the user's models."""

_KEY = "saunetv2"
_LOG = logging.getLogger(__name__)
_LICENCE = "Research use only; trained on photographs whose terms allow research. No medical device."


@dataclass(frozen=True)
class Header:
    """What a model file says about itself.

    Attributes
    ----------
    network : str
        Key in ``NETWORKS``.
    network_arguments : mapping
        With which it is built.
    padding : str
        Where an image lies on the canvas: "corner" or "centre".
    normalisation : str
        "unit": the value divided by the full scale of its type, nothing else.
    fov_diameter : float or None, pixels
        Of the field of view in the training images; None when it is not known.
    threshold : float, (0, 1)
        Above it a probability is a vessel; chosen on validation images.
    tta_thresholds : mapping of str to float
        The same for the mean over several views, by the name of the test-time augmentation: a mean is less
        sure of itself than its parts.
    ranges : tuple of (float, float)
        Lowest and highest value at the input of every convolution, for a run in eight-bit integers
        (:mod:`napari_saunetv2.engines`), measured on training images; empty where nobody has.
    classes : tuple of str
        What the maps of the answer show.
    data : mapping
        Data set, and names of the images trained and validated on; ``teachers`` those that its teachers saw.
    recipe : mapping
        Name and all settings of the training, the steps it took and its ``seconds``.
    seed : int or None
    lineage : tuple of mappings
        The same of every training before it, the first first (:mod:`napari_saunetv2.lineage`); empty for a
        model that started from random weights, and in files of older versions.
    scores : tuple of mappings
        Each with data, split, protocol and the metrics' means.
    created : str
        Date, ISO 8601.
    licence : str
    sha256 : str
        Of all of the above and the weights; tells damage.
    """

    network: str = "saunetv2"
    network_arguments: Mapping[str, Any] = field(default_factory=dict)
    padding: Policy = "corner"
    normalisation: str = "unit"
    fov_diameter: float | None = None
    threshold: float = 0.5
    tta_thresholds: Mapping[str, float] = field(default_factory=dict)
    ranges: tuple[tuple[float, float], ...] = ()
    classes: tuple[str, ...] = ("vessel",)
    data: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    lineage: tuple[Mapping[str, Any], ...] = ()
    scores: tuple[Mapping[str, Any], ...] = ()
    created: str = ""
    licence: str = _LICENCE
    sha256: str = ""
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class Checkpoint:
    """A model, ready to run: a torch module in evaluation mode that gives logits, and its header."""

    name: str
    network: nn.Module
    header: Header


@dataclass(frozen=True)
class ModelInfo:
    """A model that can be loaded by name."""

    name: str
    path: Path
    header: Header
    parameters: int
    bundled: bool


def user_folder() -> Path:
    """Folder of the user's own models (it may not exist yet)."""
    if os.environ.get(FOLDER_VARIABLE):
        return Path(os.environ[FOLDER_VARIABLE])
    return Path(platformdirs.user_data_dir("napari-saunetv2", appauthor=False)) / "models"


def available() -> list[ModelInfo]:
    """List the models that load by name: the bundled ones, then the user's; damaged files are left out."""
    found = []
    for path in _named_files():
        try:
            found.append(info(path))
        except CheckpointError as error:
            _LOG.warning("%s", error)
    return found


def info(path: Path) -> ModelInfo:
    """Say what a model file holds, from its header; raises CheckpointError when it is damaged or none."""
    claims = _read_claims(path)
    counted = (s for name, s in claims.shapes.items() if not name.endswith("num_batches_tracked"))
    return ModelInfo(
        path.stem, path, claims.header, sum(map(math.prod, counted)), path.parent == _bundled_folder()
    )


def load(name_or_path: str | os.PathLike[str] = DEFAULT) -> Checkpoint:
    """Load a model.

    Parameters
    ----------
    name_or_path : str or path
        Name of a bundled model or of one in the user's model folder, or path of a file.

    Raises
    ------
    CheckpointError
        When there is no such model, or its file is damaged or not one of ours.
    """
    path = find(name_or_path)
    try:
        modified = path.stat().st_mtime_ns
    except OSError as error:
        raise CheckpointError(f"'{path}' cannot be read ({reason(error)}): it was there just now.") from error
    # A file that was trained again has another time: it is read anew.
    return _load(path, modified)


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """Path of a model's file, by name or path; raises CheckpointError when there is none."""
    for path in _named_files():
        if path.stem == str(name_or_path):
            return path
    if os.path.isfile(name_or_path):  # noqa: PTH113 (unlike Path's it takes any name)
        return Path(name_or_path)
    known = ", ".join(p.stem for p in _named_files()) or "none is installed"
    raise CheckpointError(
        f"There is no model '{name_or_path}': give the path of a {SUFFIX} file, or one of {known}."
    )


def save(path: Path, network: nn.Module, header: Header, *, overwrite: bool = False) -> Header:
    """Write a model; returns the header as written, with date and hash.

    Raises
    ------
    OverwriteError
        When the file exists and may not be replaced.
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    header = replace(header, created=header.created or datetime.now(UTC).date().isoformat())
    header = replace(header, sha256=_digest(asdict(header), weights))
    data = safetensors.torch.save(weights, {_KEY: json.dumps(asdict(header))})
    write_beside(path, lambda file: file.write(data), overwrite=overwrite)
    return header


def of_class(model: Checkpoint, name: str) -> Checkpoint:
    """Make of a model for several kinds of vessel the one for one of them.

    Raises
    ------
    CheckpointError
        When the model knows no such kind.
    """
    classes = model.header.classes
    if name not in classes:
        raise CheckpointError(f"'{model.name}' knows no '{name}': choose {', '.join(classes)}.")
    kind = classes.index(name)
    weights = dict(model.network.state_dict())
    for part in ("head.weight", "head.bias"):
        weights[part] = weights[part][kind : kind + 1]
    arguments = {k: v for k, v in model.header.network_arguments.items() if k != "classes"}
    network = NETWORKS[model.header.network](**arguments)
    network.load_state_dict(weights)
    header = replace(model.header, network_arguments=arguments, classes=(name,), sha256="")
    return Checkpoint(f"{model.name}-{name}", network.eval().requires_grad_(requires_grad=False), header)


def record(path: Path, score: Mapping[str, Any]) -> None:
    """Put a score into a model file's header, in place of the one with the same settings."""
    loaded = load(path)
    about = {k: v for k, v in score.items() if k not in ("mean", "images")}
    others = tuple(s for s in loaded.header.scores if {k: s.get(k) for k in about} != about)
    save(path, loaded.network, replace(loaded.header, scores=(*others, dict(score))), overwrite=True)


@lru_cache(maxsize=8)
def _load(path: Path, _modified: int) -> Checkpoint:
    claims = _read_claims(path)
    header = claims.header
    network = _build(path, header, claims.shapes)
    try:
        weights = safetensors.torch.load(path.read_bytes())
    except (safetensors.SafetensorError, OSError) as error:
        raise _damaged(path) from error
    if _digest(claims.plain, weights) != header.sha256:
        raise _damaged(path)
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise CheckpointError(
            f"'{path.name}' holds weights that are not finite: train anew, at a lower rate."
        )
    network.load_state_dict(weights)
    network.eval().requires_grad_(requires_grad=False)
    if not _takes_images(network):
        raise CheckpointError(
            f"'{path.name}' holds a network that takes no RGB image with sides that are multiples of 16: "
            "train one that does."
        )
    return Checkpoint(path.stem, network, header)


def _takes_images(network: nn.Module) -> bool:
    """Whether a network turns the smallest canvas into maps of its size."""
    try:
        with torch.inference_mode():
            return tuple(network(torch.zeros(1, 3, 16, 16)).shape[2:]) == (16, 16)
    except RuntimeError:
        return False


def _build(path: Path, header: Header, shapes: Mapping[str, tuple[int, ...]]) -> nn.Module:
    """Build the network that a file claims, if that is what the file holds."""
    try:
        # On the meta device weights of any size cost nothing; the number of layers is bounded already.
        with torch.device("meta"):
            claimed = NETWORKS[header.network](**header.network_arguments).state_dict()
    except Exception as error:  # any argument may stand in the header
        raise CheckpointError(
            f"'{path.name}' holds network arguments that cannot be built: "
            f"{_short(dict(header.network_arguments))}; get the file again, or train anew."
        ) from error
    wrong = {
        n
        for n in claimed.keys() | shapes.keys()
        if n not in claimed or shapes.get(n) != tuple(claimed[n].shape)
    }
    if wrong:
        raise CheckpointError(
            f"'{path.name}' does not hold the weights of '{header.network}' ({len(wrong)} differ, "
            f"for example '{min(wrong)}'): get the file again, or train anew."
        )
    return NETWORKS[header.network](**header.network_arguments)


class _Claims(NamedTuple):
    """What a file says it holds: its header as it stands there and as it is read, and the weights' shapes."""

    plain: dict[str, Any]
    header: Header
    shapes: dict[str, tuple[int, ...]]


def _read_claims(path: Path) -> _Claims:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"'{path.name}' is no model file ({SUFFIX}) or is damaged: get it again; weights of the authors' "
            "Keras networks (.h5) are brought in by 'saunetv2 import-keras'."
        ) from error
    count = sum(map(math.prod, shapes.values()))
    if count > MAX_PARAMETERS:
        raise CheckpointError(
            f"'{path.name}' claims a network of {count:,} parameters, at most {MAX_PARAMETERS:,} are loaded: "
            "use a file made by 'saunetv2 train'."
        )
    if text is None:
        raise CheckpointError(
            f"'{path.name}' holds weights but no header of this program: use a file made by 'saunetv2 train'."
        )
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    return _Claims(raw, _parse(path, raw), shapes)


def _parse(path: Path, raw: Any) -> Header:
    try:
        version = raw["format_version"]
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise CheckpointError(
                f"'{path.name}' has format {version}, this version reads up to {FORMAT_VERSION}: "
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
        raise _damaged(path) from error
    if problem:
        raise CheckpointError(
            f"'{path.name}' cannot be used, its header has {problem}: get it again, or train anew."
        )
    return header


def _problem(header: Header) -> str | None:
    """What in a header breaks a rule, or None."""
    diameter = header.fov_diameter
    rules = {
        f"network {_short(header.network)}, known are {', '.join(NETWORKS)}": header.network in NETWORKS,
        f"padding {_short(header.padding)}, known are {', '.join(POLICIES)}": header.padding in POLICIES,
        f"normalisation {_short(header.normalisation)}, known is unit": header.normalisation == "unit",
        **{
            f"threshold {_short(t)} outside (0, 1)": 0 < t < 1
            for t in (header.threshold, *header.tta_thresholds.values())
        },
        f"ranges {_short(header.ranges)}, not of numbers around 0": all(
            low <= 0 <= high and 0 < high - low < math.inf for low, high in header.ranges
        ),
        f"FOV diameter {_short(diameter)}, not a length": diameter is None or 1 <= diameter <= 100_000,
        f"network arguments {_short(header.network_arguments)}, not a few small numbers": all(
            map(_is_small, header.network_arguments.values())
        ),
    }
    for told in ({"data": header.data, "recipe": header.recipe}, *header.lineage):
        names = [told["data"].get(part, []) for part in ("train", "validation", "teachers")]
        rules[f"the training {_short(told)}, not of images with names"] = isinstance(
            told["recipe"], dict
        ) and all(isinstance(part, list) for part in names)
    for score in header.scores:  # raises where a score lacks what a list of models shows of it
        rules[f"the score {_short(score)}, without a value"] = math.isfinite(score["mean"]["f1"])
        rules[f"the score {_short(score)}, not said of what"] = all(
            score[k] for k in ("dataset", "split", "protocol")
        )
    return next((rule for rule, holds in rules.items() if not holds), None)


def _is_small(argument: object) -> bool:
    """Whether an argument of a network can only build a network that a header is believed."""
    if isinstance(argument, list):
        return len(argument) <= 16 and all(isinstance(n, int) and 1 <= n <= 4096 for n in argument)
    return isinstance(argument, int | float) and 0 <= argument <= 4096


def _short(value: object) -> str:
    """For messages: a header may hold anything, of any length."""
    return reprlib.repr(value)


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"'{path.name}' is damaged, its contents do not match its header: get the file again."
    )


def _digest(header: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """Hash of a header as it stands in a file (a later version may know more fields), and of the weights."""
    plain = {k: v for k, v in header.items() if k != "sha256"}
    digest = hashlib.sha256(json.dumps({**plain, "sha256": ""}, sort_keys=True).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _bundled_folder() -> Path:
    return Path(str(package_files("napari_saunetv2"))) / "weights"


def _named_files() -> list[Path]:
    return [
        p
        for folder in (_bundled_folder(), user_folder())
        if folder.is_dir()
        for p in sorted(folder.glob(f"*{SUFFIX}"))
    ]
