"""One step of a training, and what it starts from."""

import math
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from napari_saunetv2.engines import devices
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training import together
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.losses import LOSSES
from napari_saunetv2.training.state import State
from napari_saunetv2.training.views import Prepared, batch

_LEARNING = {"decoder": {"up", "gate", "decoder", "head"}, "head": {"head"}}
"""Parts of every network of the family that learn, where not all do."""


def fresh(config: TrainConfig, base: checkpoint.Checkpoint | None, place: torch.device) -> State:
    """Begin: the network from the seed or from a base, its running mean, its optimiser."""
    torch.manual_seed(config.seed)
    network = NETWORKS[config.network](**config.arguments)
    if base is not None:
        _take_over(network, base, config)
    network.to(place).train()
    mean = deepcopy(network).eval().requires_grad_(requires_grad=False)
    together.prepare(network)
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
    """Start from a base's weights; the maps of a head for other classes all start as the base's mean map."""
    weights = base.network.state_dict()
    kinds = len(config.classes)
    if weights["head.bias"].shape[0] != kinds:
        for name in ("head.weight", "head.bias"):
            map_ = weights[name].mean(0, keepdim=True)
            weights[name] = map_.expand(kinds, *map_.shape[1:]).clone()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise SettingsError(
            f"The base model '{base.name}' is a {base.header.network} of other widths than the network that "
            f"is to be trained ({config.network}): give its own network and arguments."
        ) from error


def _learns(name: str, config: TrainConfig) -> bool:
    """Whether the part of the network with that name, or a parameter of it, learns."""
    return config.trains == "all" or name.split(".")[0] in _LEARNING[config.trains]


def rate(state: State, config: TrainConfig) -> float:
    """Learning rate of the step that comes next."""
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
    """Times that the learning rate was halved: after every ``patience`` losses in a row without a better one.

    One that is less than 0.0001 lower is none, as in the Keras callback that the authors used.
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


def one_step(state: State, images: Sequence[Prepared], config: TrainConfig, place: torch.device) -> float:
    """Take one step of the optimiser; returns the loss of its views, of all processes' together."""
    for group in state.optimiser.param_groups:
        group["lr"] = rate(state, config)
    views, truth, weight = batch(images, config, state.step, together.share(config.batch))
    # DropBlock draws from the global generator: seeded by step, it too is the same after a resume.
    torch.manual_seed(config.seed * 1_000_003 + state.step)
    state.network.train()
    for name, part in state.network.named_children():
        part.train(_learns(name, config))  # what does not learn also keeps its statistics
    with torch.autocast(place.type, torch.bfloat16, enabled=_in_bfloat16(config, place)):
        logits = together.gathered(state.network(views.to(place)).float())
    truth = together.gathered(truth.to(place))
    counted = None if weight is None else together.gathered(weight.to(place))
    loss: Tensor = LOSSES[config.loss](logits, truth, counted)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    together.sum_gradients(state.network)
    if config.clip is not None:
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.clip)
    state.optimiser.step()
    state.step += 1
    _follow(state, config)
    return float(loss.detach())


def _in_bfloat16(config: TrainConfig, place: torch.device) -> bool:
    return config.precision == "bfloat16" or (config.precision == "auto" and devices.prefers_bfloat16(place))


@torch.no_grad()
def _follow(state: State, config: TrainConfig) -> None:
    """Move the mean towards the weights; young means follow faster, to forget the random start."""
    decay = min(config.ema, (1 + state.step) / (10 + state.step))
    for kept, new in zip(state.mean.state_dict().values(), state.network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def warm_up() -> None:
    """Make an optimiser and throw it away: for the first one torch imports 800 modules, 1.6 s."""
    devices.avoid_triton()
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
