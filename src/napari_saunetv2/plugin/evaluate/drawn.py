"""The vessels that Segment drew from a probability: their threshold, and what else they went through."""

from collections.abc import Iterable

from napari.layers import Layer

from napari_saunetv2.plugin.common.roles import OF, ROLE


def threshold_of(prediction: Layer, layers: Iterable[Layer]) -> float | None:
    """Threshold of the Segment widget for a probability; None if it is not from Segment."""
    drawn = _drawn_from(prediction, layers)
    return None if drawn is None else float(drawn.metadata["threshold"])


def _drawn_from(prediction: Layer, layers: Iterable[Layer]) -> Layer | None:
    """Vessels that Segment drew from a probability; None where it is not Segment's, or they are gone."""
    of = prediction.metadata.get(OF)
    if of is None or prediction.metadata.get(ROLE) != "probability":
        return None
    drawn = [x for x in layers if x.metadata.get(ROLE) == "vessels" and x.metadata.get(OF) == of]
    known = [x for x in drawn if "threshold" in x.metadata]
    return known[-1] if known else None


def not_used(prediction: Layer, layers: Iterable[Layer]) -> str:
    """Say that a score goes by the threshold alone, where Segment's post-processing does more."""
    drawn = _drawn_from(prediction, layers)
    about = {} if drawn is None else drawn.metadata
    more = ["the smallest size"] if about.get("min_size", 0) > 1 else []
    more += ["hysteresis"] if about.get("connected") else []
    if drawn is None or not more:
        return ""
    return (
        f"scored at its threshold, without Segment's other settings ({' and '.join(more)}): to score the "
        f"vessels that Segment shows, choose '{drawn.name}' as the prediction."
    )
