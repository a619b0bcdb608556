"""Where a model comes from: the bases and cycles whose weights it took over, the first first.

A header says what a model's own training was; its ``lineage`` says the same of every training before it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from napari_saunetv2.models.checkpoint import Checkpoint, Header

_TOLD = ("network", "network_arguments", "data", "recipe", "seed", "created", "sha256")


def after(base: Checkpoint | None) -> tuple[Mapping[str, Any], ...]:
    """Give the lineage of a model that starts from ``base``: the base's own, then the base itself.

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
    told = {name: getattr(base.header, name) for name in _TOLD}
    return (*base.header.lineage, {"name": base.name, **told})


def trainings(header: Header) -> Iterator[Mapping[str, Any]]:
    """Give what :func:`after` gives of all trainings that made a model, its own last."""
    yield from header.lineage
    yield {"name": "this model", **{name: getattr(header, name) for name in _TOLD}}
