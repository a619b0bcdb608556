"""Where a model comes from: its base models and training cycles, oldest first.

A header describes a model's own training; its ``lineage`` describes every earlier training.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from napari_saunetv2.models.checkpoint import Checkpoint, Header

_KEPT = ("network", "network_arguments", "data", "recipe", "seed", "created", "sha256")


def after(base: Checkpoint | None, finder: Checkpoint | None = None) -> tuple[Mapping[str, Any], ...]:
    """Return the lineage of a model that starts from ``base``: the base's lineage, then the base itself.

    Parameters
    ----------
    base : Checkpoint or None
        None for a network that starts from random weights.
    finder : Checkpoint, optional
        Model that a part of the network was taken from instead: its own lineage comes first, and what both
        have in common stands once.

    Returns
    -------
    tuple of mappings
        Each with name, network, network_arguments, data (data set, names of the images trained and validated
        on), recipe (its name, all its settings, the steps and seconds that it took), seed, created, sha256.
    """
    before, told = (() if one is None else _and_itself(one) for one in (finder, base))
    known = [_told_apart(training) for training in before]
    return (*before, *(training for training in told if _told_apart(training) not in known))


def _told_apart(training: Mapping[str, Any]) -> Mapping[str, Any]:
    """All but the name and the hash, which change when a model is bundled and its scores are recorded."""
    return {name: training.get(name) for name in _KEPT if name != "sha256"}


def _and_itself(model: Checkpoint) -> tuple[Mapping[str, Any], ...]:
    values = {name: getattr(model.header, name) for name in _KEPT}
    return (*model.header.lineage, {"name": model.name, **values})


def trainings(header: Header) -> Iterator[Mapping[str, Any]]:
    """As :func:`after`, for all trainings of a model, its own last."""
    yield from header.lineage
    yield {"name": "this model", **{name: getattr(header, name) for name in _KEPT}}
