"""Engine and precision for "auto": the fastest here with the same prediction as torch in float32."""

import json
import logging
import math
import threading
from collections.abc import Iterator
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from weakref import WeakKeyDictionary

from napari_saunetv2.config import Engine, Precision
from napari_saunetv2.engines import _export
from napari_saunetv2.engines._machine import fingerprint
from napari_saunetv2.engines._making import make
from napari_saunetv2.engines._types import PAIRS, Pair
from napari_saunetv2.engines._verdict import Verdict
from napari_saunetv2.engines.installed import PACKAGES
from napari_saunetv2.engines.installed import engines as installed
from napari_saunetv2.errors import SaunetError, SettingsError
from napari_saunetv2.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

_LOG = logging.getLogger(__name__)
_CHOOSING = threading.Lock()
_CHOICES: WeakKeyDictionary[Checkpoint, dict[Any, Pair]] = WeakKeyDictionary()

COMPARING = "Comparing engines for '%s' on this processor. This is done only once and may take a minute."
"""Said before it: nothing else happens meanwhile."""

_FAILED = (SaunetError, RuntimeError, ImportError, OSError)
"""What an engine raises that does not run here."""


def choice(
    model: Checkpoint, device: "str | torch.device", engine: Engine = "auto", precision: Precision = "auto"
) -> Pair:
    """Resolve "auto" to an engine and a precision for a model.

    Raises
    ------
    SettingsError
        If the engine is unknown, not installed, lacks the precision, or does not run on the device.
    CheckpointError
        If the model's prediction is not finite.
    """
    where = str(device)
    _refuse(model, engine, precision, where)
    if "auto" not in (engine, precision):
        return engine, precision
    if not model.header.sha256:  # a model in training: the result may change later
        return _chosen(model, where, engine, precision)
    wish = (engine, precision, where)
    with _CHOOSING:  # a second thread waits for the first one's result
        kept = _CHOICES.setdefault(model, {})
        if wish not in kept:
            kept[wish] = _chosen(model, where, engine, precision)
    return kept[wish]


def compare_with_torch(model: Checkpoint, device: str, engine: str, precision: str) -> Verdict | None:
    """Compare with torch in float32, once per model, engine, precision and processor; None if it fails."""
    file = _file(model, device, engine, precision)
    kept = _kept(file)
    if isinstance(kept, Verdict):
        return kept
    from napari_saunetv2.engines import _check

    try:
        # In float32 an engine differs by rounding alone, if its graph is right.
        count = 1 if precision == "float32" else len(_check.PICTURES)
        found = (_export.reference(model, number) for number in range(count))
        verdict = _check.compare(model, make(model, device, engine, precision), found, briefly=True)
    except _FAILED as error:
        if (engine, precision) == ("torch", "float32"):
            raise
        _LOG.warning("'%s' does not run in %s %s: %s", model.name, engine, precision, error)
        return None
    _export.keep(file, json.dumps(verdict._asdict()).encode())
    return verdict


def is_known(model: Checkpoint, device: str, engine: Engine = "auto", precision: Precision = "auto") -> bool:
    """Whether "auto" can be resolved at once, from measurements of this processor that were kept."""
    if "auto" not in (engine, precision) or not model.header.sha256:
        return True
    pairs = _candidates(model, device, engine, precision)
    return all(_kept(_file(model, device, *pair)) is not None for pair in pairs)


def _chosen(model: Checkpoint, device: str, engine: Engine, precision: Precision) -> Pair:
    candidates = list(_candidates(model, device, engine, precision))
    if len(candidates) == 1:
        return candidates[0]
    if not is_known(model, device, engine, precision):
        _LOG.info(COMPARING, model.name)
    times = {pair: _seconds(model, device, *pair) for pair in candidates}
    for pair in sorted(candidates, key=lambda pair: times[pair]):
        if math.isfinite(times[pair]):  # the fastest that keeps the prediction: slower ones are not compared
            verdict = compare_with_torch(model, device, *pair)
            if verdict is not None and verdict.matches_reference:
                _LOG.debug("%s runs in %s %s", model.name, *pair)
                return pair
    return "torch" if engine == "auto" else engine, "float32"


def _seconds(model: Checkpoint, device: str, engine: str, precision: str) -> float:
    """Time of a pass, measured once per model, engine, precision and processor; infinite if it fails."""
    file = _file(model, device, engine, precision)
    kept = _kept(file)
    if kept is not None:
        return kept.seconds if isinstance(kept, Verdict) else kept
    from napari_saunetv2.engines import _check

    try:
        seconds = _check.fastest(make(model, device, engine, precision), _export.reference(model))
    except _FAILED as error:
        if (engine, precision) == ("torch", "float32"):
            raise
        _LOG.warning("'%s' does not run in %s %s: %s", model.name, engine, precision, error)
        return math.inf
    _export.keep(file, json.dumps({"seconds": seconds}).encode())
    return seconds


def _file(model: Checkpoint, device: str, engine: str, precision: str) -> Path:
    """Where the verdict on a pair is kept, or only its time."""
    kind = device.split(":")[0]
    version = package_version(PACKAGES[engine])
    return _export.folder(model) / f"{engine}-{precision}-{version}-{kind}-{fingerprint(device)}.json"


def _kept(file: Path) -> Verdict | float | None:
    """What was measured before: a verdict, a time in seconds, or nothing."""
    try:
        told = json.loads(file.read_text())
        return float(told["seconds"]) if told.keys() == {"seconds"} else Verdict(**told)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _candidates(model: Checkpoint, device: str, engine: Engine, precision: Precision) -> Iterator[Pair]:
    """Candidates for "auto", if they keep the prediction."""
    for pair in PAIRS:
        if engine not in ("auto", pair[0]) or precision not in ("auto", pair[1]):
            continue
        here = pair[0] in installed() and (pair[0] == "torch" or device == "cpu")
        unprepared = pair[1] == "int8" and not model.header.ranges
        # A saved model does not change, so the result stays valid.
        if pair != ("torch", "float32") and (not model.header.sha256 or not here or unprepared):
            continue
        emulated = pair[1] == "bfloat16" and precision == "auto" and not has_bfloat16(pair[0], device)
        if not emulated:
            yield pair


def has_bfloat16(engine: str, device: str) -> bool:
    """Whether the device has instructions for bfloat16 that the engine uses; without them it is slow.

    Tried once for a processor and a version of the engine.
    """
    version, kind = package_version(PACKAGES[engine]), device.split(":")[0]
    file = _export.root() / f"bfloat16-{engine}-{version}-{kind}-{fingerprint(device)}.json"
    try:
        return bool(json.loads(file.read_text()))
    except (OSError, ValueError):
        pass
    found = _has_bfloat16(engine, device)
    _export.keep(file, json.dumps(found).encode())
    return found


def _has_bfloat16(engine: str, device: str) -> bool:
    if engine == "openvino":
        from napari_saunetv2.engines._compiled import has_bfloat16

        return has_bfloat16()
    from napari_saunetv2.engines.devices import prefers_bfloat16, resolve

    return prefers_bfloat16(resolve(device))


def _refuse(model: Checkpoint, engine: str, precision: str, device: str) -> None:
    for name, value, known in (("engine", engine, Engine), ("precision", precision, Precision)):
        if value not in get_args(known):
            raise SettingsError(f"{name} is {value!r}: it must be one of {', '.join(get_args(known))}.")
    if engine not in ("auto", *installed()):
        raise SettingsError(
            f"engine is '{engine}', which is not installed: pip install 'napari-saunetv2[{engine}]'."
        )
    if engine not in ("auto", "torch") and device != "cpu":
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
