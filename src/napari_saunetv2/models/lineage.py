"""Where a model comes from: its base models and training cycles, oldest first.

A header describes a model's own training; its ``lineage`` describes every earlier training.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from napari_saunetv2.models.checkpoint import Checkpoint, Header

_KEPT = ("network", "network_arguments", "data", "recipe", "seed", "created", "sha256")


def after(base: Checkpoint | None) -> tuple[Mapping[str, Any], ...]:
    """Return the lineage of a model that starts from ``base``: the base's lineage, then the base itself.

    Parameters
    ----------
    base : Checkpoint or None
        None for a network that starts from random weights.

    Returns
    -------
    tuple of mappings
        Each with name, network, network_arguments, data (data set, names of the images trained and validated
        on), recipe (its name, all its settings, the steps and seconds that it took), seed, created, sha256.
    """
    if base is None:
        return ()
    values = {name: getattr(base.header, name) for name in _KEPT}
    return (*base.header.lineage, {"name": base.name, **values})


def trainings(header: Header) -> Iterator[Mapping[str, Any]]:
    """As :func:`after`, for all trainings of a model, its own last."""
    yield from header.lineage
    yield {"name": "this model", **{name: getattr(header, name) for name in _KEPT}}
