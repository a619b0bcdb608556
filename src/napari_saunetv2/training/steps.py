"""The initial state of a training, and one step."""

import math
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from napari_saunetv2.engines import devices
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import NETWORKS, ArteryVein, SAUNetV2
from napari_saunetv2.training import processes
from napari_saunetv2.training.ahead import Ahead
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.losses import LOSSES
from napari_saunetv2.training.state import State

_LEARNING = {"decoder": {"up", "gate", "decoder", "head"}, "head": {"head"}}
"""Trainable layers of every network, if not all are trained."""


def initial_state(config: TrainConfig, base: checkpoint.Checkpoint | None, device: torch.device) -> State:
    """Initialise the network from the seed or a base model, its running mean, and the optimiser."""
    torch.manual_seed(config.seed)
    network = NETWORKS[config.network](**config.training_arguments)
    if base is not None:
        _take_over(network, base, config)
    if config.finder is not None:
        _find_by(network, checkpoint.load(config.finder))
    network.to(device).train()
    mean = deepcopy(network).eval().requires_grad_(requires_grad=False)
    processes.prepare(network)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(_learns(name, config))
    devices.avoid_triton()
    optimiser = torch.optim.AdamW(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    return State(network, mean, optimiser)


def _take_over(network: nn.Module, base: checkpoint.Checkpoint, config: TrainConfig) -> None:
    """Load a base model's weights; output maps for other classes all start as the base's mean map."""
    weights = base.network.state_dict()
    n_maps = config.maps
    if (
        isinstance(network, ArteryVein)
        and isinstance(base.network, SAUNetV2)
        and len(base.header.classes) == 1
    ):
        network.start_from(weights)
        return
    if "head.bias" in weights and weights["head.bias"].shape[0] != n_maps:
        for name in ("head.weight", "head.bias"):
            map_ = weights[name].mean(0, keepdim=True)
            weights[name] = map_.expand(n_maps, *map_.shape[1:]).clone()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise SettingsError(
            f"The base model '{base.name}' is a {base.header.network} with other widths than the network to "
            f"train ({config.network}): use the base model's network and arguments."
        ) from error


def _find_by(network: nn.Module, finder: checkpoint.Checkpoint) -> None:
    """Let a model find the vessels whose classes the network learns."""
    try:
        assert isinstance(network, ArteryVein)
        network.vessels.load_state_dict(finder.network.state_dict())
    except RuntimeError as error:
        raise SettingsError(
            f"finder is '{finder.name}', a {finder.header.network} of {len(finder.header.classes)} classes: "
            "vessels are found by a saunetv2 of one class and the usual widths; choose such a model."
        ) from error


def _learns(name: str, config: TrainConfig) -> bool:
    """Whether the layer or parameter of that name is trainable."""
    return config.trains == "all" or name.split(".")[0] in _LEARNING[config.trains]


def rate(state: State, config: TrainConfig) -> float:
    """Learning rate of the next step."""
    if state.step < config.warmup:
        return config.learning_rate * (state.step + 1) / config.warmup
    if config.schedule == "plateau":
        losses = [row["validation_loss"] for row in state.history]
        return config.learning_rate * 0.5 ** halvings(losses, config.halve_after)
    progress = (state.step - config.warmup) / max(1, config.steps - config.warmup)
    if config.minutes is not None:
        progress = min(1.0, max(progress, state.seconds / (60 * config.minutes)))
    if config.schedule == "tenth":
        return config.learning_rate * (0.1 if progress >= 2 / 3 else 1.0)
    # Half a cosine (Loshchilov and Hutter, 2017).
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def halvings(losses: Sequence[float], patience: int) -> int:
    """Number of halvings of the learning rate: one after every ``patience`` losses without improvement.

    A decrease below 0.0001 does not count, as in the authors' Keras callback.
    """
    best, since, count = math.inf, 0, 0
    for loss in losses:
        if loss < best - 1e-4:
            best, since = loss, 0
            continue
        since += 1
        if since == patience:
            since, count = 0, count + 1
    return count


def one_step(state: State, source: Ahead, config: TrainConfig, device: torch.device) -> float:
    """Take one optimiser step; returns the loss over the views of all processes."""
    for group in state.optimiser.param_groups:
        group["lr"] = rate(state, config)
    views, truth, weight, observers = source.views(state.step)
    # DropBlock draws from the global generator: seeded by step, it too is the same after a resume.
    torch.manual_seed(config.seed * 1_000_003 + state.step)
    state.network.train()
    for name, part in state.network.named_children():
        part.train(_learns(name, config))  # frozen layers also keep their statistics
    with torch.autocast(device.type, torch.bfloat16, enabled=_in_bfloat16(config, device)):
        maps = state.network(views.to(device)).float()
    if config.observers:
        maps = maps[
            torch.arange(len(maps), device=device), observers.to(device), None
        ]  # what each view's own observer drew
    logits = processes.gathered(maps)
    truth = processes.gathered(truth.to(device))
    counted = None if weight is None else processes.gathered(weight.to(device))
    loss: Tensor = LOSSES[config.loss](logits, truth, counted)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    processes.sum_gradients(state.network)
    if config.clip is not None:
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.clip)
    state.optimiser.step()
    state.step += 1
    _follow(state, config)
    return float(loss.detach())


def _in_bfloat16(config: TrainConfig, device: torch.device) -> bool:
    return config.precision == "bfloat16" or (config.precision == "auto" and devices.prefers_bfloat16(device))


@torch.no_grad()
def _follow(state: State, config: TrainConfig) -> None:
    """Update the running mean; early means follow faster, to forget the random start."""
    decay = min(config.ema, (1 + state.step) / (10 + state.step))
    for kept, new in zip(state.mean.state_dict().values(), state.network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def warm_up() -> None:
    """Make and discard an optimiser: for the first one torch imports 800 modules, 1.6 s."""
    devices.avoid_triton()
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
