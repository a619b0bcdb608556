"""What is said and done when "auto" has never chosen an engine for a model on this processor."""

from dataclasses import replace

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import devices, runners
from napari_saunetv2.models.checkpoint import Checkpoint


def comparing(model: Checkpoint, config: InferenceConfig) -> str:
    """Say that engines will be compared before the first pass; "" where their results are known."""
    device = devices.resolved(config.device)
    known = runners.is_known(model, device, config.engine, config.precision)
    return "" if known else runners.COMPARING % model.name


def uncompared(config: InferenceConfig) -> InferenceConfig:
    """Replace "auto" by what needs no comparison: float32, in the fastest engine that is installed."""
    on_cpu = devices.resolved(config.device) == "cpu"
    fastest = next(e for e in ("openvino", "torch") if e in runners.installed() and (on_cpu or e == "torch"))
    return replace(
        config,
        engine=fastest if config.engine == "auto" else config.engine,
        precision="float32" if config.precision == "auto" else config.precision,
    )
