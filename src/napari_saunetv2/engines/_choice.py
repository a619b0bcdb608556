"""Engine and precision for "auto": the fastest here with the same prediction as torch in float32."""

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any, get_args
from weakref import WeakKeyDictionary

import torch
from torch import nn

from napari_saunetv2.config import Engine, Precision
from napari_saunetv2.engines import _check, _export
from napari_saunetv2.engines._machine import fingerprint
from napari_saunetv2.engines._making import make
from napari_saunetv2.engines._types import PAIRS, Pair
from napari_saunetv2.engines.devices import prefers_bfloat16
from napari_saunetv2.engines.installed import engines as installed
from napari_saunetv2.errors import SaunetError, SettingsError
from napari_saunetv2.models.checkpoint import Checkpoint

_LOG = logging.getLogger(__name__)
_CHOOSING = threading.Lock()
_CHOICES: WeakKeyDictionary[nn.Module, dict[Any, Pair]] = WeakKeyDictionary()


def choice(
    model: Checkpoint, device: torch.device, engine: Engine = "auto", precision: Precision = "auto"
) -> Pair:
    """Resolve "auto" to an engine and a precision for a model.

    Raises
    ------
    SettingsError
        If the engine is unknown, not installed, lacks the precision, or does not run on the device.
    CheckpointError
        If the model's prediction is not finite.
    """
    _refuse(model, engine, precision, device)
    if "auto" not in (engine, precision):
        return engine, precision
    if not model.header.sha256:  # a model in training: the result may change later
        return _chosen(model, device, engine, precision)
    kept = _CHOICES.setdefault(model.network, {})
    wish = (engine, precision, device)
    with _CHOOSING:  # a second thread waits for the first one's result
        if wish not in kept:
            kept[wish] = _chosen(model, device, engine, precision)
    return kept[wish]


def compare_with_torch(
    model: Checkpoint, device: torch.device, engine: str, precision: str
) -> _check.Verdict | None:
    """Compare with torch in float32, once per model, engine, precision and processor; None if it fails."""
    version = str(torch.__version__) if engine == "torch" else _export.version(engine)
    name = f"{engine}-{precision}-{version}-{device.type}-{fingerprint(str(device))}.json"
    kept = _export.folder(model) / name
    try:
        return _check.Verdict(**json.loads(kept.read_text()))
    except (OSError, ValueError, TypeError):
        pass
    try:
        found = _export.references(model)
        if (engine, precision) == ("torch", "float32"):
            found = found[:1]  # the references are its own predictions: only its time is not known
        verdict = _check.compare(model, make(model, device, engine, precision), found, briefly=True)
    except (SaunetError, RuntimeError, ImportError, OSError) as error:
        if (engine, precision) == ("torch", "float32"):
            raise
        _LOG.warning("'%s' does not run in %s %s: %s", model.name, engine, precision, error)
        return None
    _export.keep(kept, json.dumps(verdict._asdict()).encode())
    return verdict


def _chosen(model: Checkpoint, device: torch.device, engine: Engine, precision: Precision) -> Pair:
    candidates = list(_candidates(model, device, engine, precision))
    if len(candidates) == 1:
        return candidates[0]
    verdicts = {pair: compare_with_torch(model, device, *pair) for pair in candidates}
    fit = {pair: verdict for pair, verdict in verdicts.items() if verdict and verdict.matches_reference}
    if not fit:
        return "torch" if engine == "auto" else engine, "float32"
    fastest = min(fit, key=lambda pair: fit[pair].seconds)
    _LOG.debug("%s runs in %s %s", model.name, *fastest)
    return fastest


def _candidates(
    model: Checkpoint, device: torch.device, engine: Engine, precision: Precision
) -> Iterator[Pair]:
    """Candidates for "auto", if they keep the prediction."""
    for pair in PAIRS:
        if engine not in ("auto", pair[0]) or precision not in ("auto", pair[1]):
            continue
        here = pair[0] in installed() and (pair[0] == "torch" or device.type == "cpu")
        emulated = pair[1] == "bfloat16" and precision == "auto" and not has_bfloat16(pair[0], device)
        unprepared = pair[1] == "int8" and not model.header.ranges
        # A saved model does not change, so the result stays valid.
        if pair == ("torch", "float32") or (model.header.sha256 and here and not (emulated or unprepared)):
            yield pair


def has_bfloat16(engine: str, device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 that the engine uses; without them it is slow."""
    if engine == "openvino":
        from napari_saunetv2.engines._openvino import has_bfloat16

        return has_bfloat16()
    return prefers_bfloat16(device)


def _refuse(model: Checkpoint, engine: str, precision: str, device: torch.device) -> None:
    for name, value, known in (("engine", engine, Engine), ("precision", precision, Precision)):
        if value not in get_args(known):
            raise SettingsError(f"{name} is {value!r}: it must be one of {', '.join(get_args(known))}.")
    if engine not in ("auto", *installed()):
        raise SettingsError(
            f"engine is '{engine}', which is not installed: pip install 'napari-saunetv2[{engine}]'."
        )
    if engine not in ("auto", "torch") and device.type != "cpu":
        raise SettingsError(
            f"engine is '{engine}', which runs only on the CPU: choose device 'cpu', or engine 'torch'."
        )
    if engine != "auto" and precision != "auto" and (engine, precision) not in PAIRS:
        raise SettingsError(
            f"precision is '{precision}', which engine '{engine}' does not support: choose 'float32'."
        )
    if precision == "int8" and not model.header.ranges:
        raise SettingsError(
            f"precision is 'int8', but '{model.name}' has not been calibrated for it: run saunetv2 "
            "calibrate --int8, or choose 'auto'."
        )
