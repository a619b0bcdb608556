"""What is said when "auto" has never chosen an engine for a model on this processor."""

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import devices, runners
from napari_saunetv2.models.checkpoint import Checkpoint


def comparing(model: Checkpoint, config: InferenceConfig) -> str:
    """Say that engines will be compared before the first pass; "" where their results are known.

    On a GPU there is little to compare, and it takes no time.
    """
    if devices.resolved(config.device) != "cpu":
        return ""
    known = runners.is_known(model, "cpu", config.engine, config.precision)
    return "" if known else runners.COMPARING % model.name
