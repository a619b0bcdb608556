"""One model out of several: the mean of their weights, which costs no more to run than one of them.

It pays where the models lie in one valley of the loss: several last cycles from the same weights, with other
seeds or settings. The mean of models that started from other random weights is worth nothing.

References
----------
Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time", ICML 2022.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from napari_saunetv2 import devices, lineage
from napari_saunetv2.checkpoint import Checkpoint, Header
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training import Pair, TrainConfig, validation
from napari_saunetv2.training.tuning import scale_of
from napari_saunetv2.training.views import prepare

_SHARED = ("network", "padding", "normalisation", "classes")


def mix(models: Sequence[Checkpoint], name: str = "soup") -> Checkpoint:
    """Average the weights of models.

    Parameters
    ----------
    models : sequence of Checkpoint
        Two or more, of one network built with the same arguments; only their DropBlock may differ, which does
        nothing in use.
    name : str
        Of the answer.

    Returns
    -------
    Checkpoint
        Its header names the models and all that they were made from; it has no scores, and no thresholds for
        test-time augmentation, which are to be found anew.

    Raises
    ------
    SettingsError
        For fewer than two models, and for models that do not fit together.
    """
    if len(models) < 2:
        raise SettingsError(f"There is nothing to mix in {len(models)} model: give two or more.")
    first, *others = models
    for other in others:
        _check(first, other)
    network = NETWORKS[first.header.network](**first.header.network_arguments)
    weights = [model.network.state_dict() for model in models]
    network.load_state_dict({key: _mean([w[key] for w in weights]) for key in weights[0]})
    return Checkpoint(name, network.eval().requires_grad_(requires_grad=False), _header(models))


def settle(
    samples: Sequence[Sample], model: Checkpoint, *, device: str = "auto"
) -> Generator[int, None, Checkpoint]:
    """Move a model's bias so that F1 on some images peaks at a probability of 0.5, as a training ends.

    Parameters
    ----------
    samples : sequence of Sample
        That it was trained on, as :func:`napari_saunetv2.calibration.known` gives them.
    model : Checkpoint
    device : str

    Yields
    ------
    int
        Images that are done.

    Returns
    -------
    Checkpoint

    Raises
    ------
    SettingsError
        For a model of several kinds of vessel.
    """
    header = model.header
    if len(header.classes) > 1:
        raise SettingsError(
            f"'{model.name}' knows {', '.join(header.classes)}: the bias is moved for one kind of vessel "
            "only, mix without data."
        )
    place = devices.resolve(device)
    pairs = [Pair.of(sample) for sample in samples]
    config = TrainConfig(padding=header.padding, fov_diameter=scale_of(pairs, header.fov_diameter))
    network = NETWORKS[header.network](**header.network_arguments)
    network.load_state_dict(model.network.state_dict())
    network.eval().requires_grad_(requires_grad=False).to(place)
    images, answers = [], []
    for number, pair in enumerate(pairs, start=1):
        images.append(prepare(pair, config))
        answers.append(validation.logits(network, images[-1], place))
        yield number
    validation.calibrate(network, images, answers)
    header = replace(header, threshold=0.5, tta_thresholds={}, scores=(), sha256="")
    return Checkpoint(model.name, network.cpu(), header)


def _check(one: Checkpoint, other: Checkpoint) -> None:
    values = {part: (getattr(one.header, part), getattr(other.header, part)) for part in _SHARED}
    values["network arguments"] = (_arguments(one.header), _arguments(other.header))
    for part, (mine, theirs) in values.items():
        if mine != theirs:
            raise SettingsError(
                f"'{one.name}' and '{other.name}' do not mix, their {part} is {mine} and {theirs}: choose "
                "models of one network, best of one training's last cycle."
            )
    weights = [{k: v.shape for k, v in model.network.state_dict().items()} for model in (one, other)]
    if weights[0] != weights[1]:
        raise SettingsError(
            f"'{one.name}' and '{other.name}' do not mix, their weights have other names or shapes: choose "
            "models of one network."
        )


def _arguments(header: Header) -> dict[str, Any]:
    plain = {k: v for k, v in header.network_arguments.items() if k != "dropblock"}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def _mean(parts: Sequence[Tensor]) -> Tensor:
    if not parts[0].is_floating_point():
        return parts[0]  # how many batches BatchNorm has seen
    return torch.stack(list(parts)).double().mean(0).to(parts[0].dtype)


def _header(models: Sequence[Checkpoint]) -> Header:
    headers = [model.header for model in models]
    diameters = [h.fov_diameter for h in headers if h.fov_diameter is not None]
    parents = [{"name": m.name, "sha256": m.header.sha256} for m in models]
    return replace(
        headers[0],
        fov_diameter=round(sum(diameters) / len(diameters), 1) if diameters else None,
        threshold=sum(h.threshold for h in headers) / len(headers),
        tta_thresholds={},
        ranges=(),
        data=_data(headers),
        recipe={"name": "soup", "parents": parents},
        seed=None,
        lineage=tuple(_once(told for model in models for told in lineage.after(model))),
        scores=(),
        created="",
        sha256="",
    )


def _data(headers: Sequence[Header]) -> dict[str, Any]:
    """Data sets and images of all; empty where one of them does not tell its own."""
    if not all({"train", "validation"} <= h.data.keys() for h in headers):
        return {}
    told: dict[str, Any] = {
        part: list(dict.fromkeys(name for h in headers for name in h.data[part]))
        for part in ("train", "validation")
    }
    sets = [str(h.data["dataset"]).split(", ") for h in headers if "dataset" in h.data]
    if len(sets) == len(headers):
        told["dataset"] = ", ".join(dict.fromkeys(name for names in sets for name in names))
    return told


def _once(told: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out what stands there already: models of one run share the cycles before."""
    kept: list[Mapping[str, Any]] = []
    for one in told:
        if one not in kept:
            kept.append(one)
    return kept
