"""What runs a network: torch, or a faster engine where one is installed and gives the same answer."""

import json
import logging
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias, get_args
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.devices import prefers_bfloat16
from napari_saunetv2.engines import _check, _export
from napari_saunetv2.engines._reach import reach
from napari_saunetv2.engines._torch import TorchRunner
from napari_saunetv2.errors import SaunetError, SettingsError
from napari_saunetv2.installed import engines as installed

__all__ = ["Engine", "Precision", "Runner", "choice", "installed", "reach", "runner", "runner_of"]

Engine = Literal["auto", "torch", "openvino", "onnx"]
Precision = Literal["auto", "float32", "bfloat16", "int8"]

Runner: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From a canvas, shape (H, W, 3), to the probability of every class, (classes, H, W)."""

_FASTEST_FIRST: tuple[tuple[Engine, Precision], ...] = (
    ("openvino", "int8"),
    ("openvino", "bfloat16"),
    ("openvino", "float32"),
    ("torch", "bfloat16"),
    ("onnx", "float32"),
    ("torch", "float32"),
)
"""As measured on a processor with AVX-512; see docs/benchmarks.md."""

_LOG = logging.getLogger(__name__)
_RUNNERS: WeakKeyDictionary[nn.Module, dict[Any, Runner]] = WeakKeyDictionary()
_CHOOSING = threading.Lock()
_CHOICES: WeakKeyDictionary[nn.Module, dict[Any, tuple[Engine, Precision]]] = WeakKeyDictionary()


def runner(
    model: Checkpoint, place: torch.device, engine: Engine = "auto", precision: Precision = "auto"
) -> Runner:
    """Make a model ready to run; the second time it is at hand.

    Parameters
    ----------
    model : Checkpoint
    place : torch.device
        Engines other than torch run on the CPU.
    engine : "auto", "torch", "openvino" or "onnx"
        "auto" is the fastest that is installed, float32 in torch for a model that was never saved.
    precision : "auto", "float32", "bfloat16" or "int8"
        "auto" is the fastest that the processor has instructions for and that changes the model's F1 on the
        synthetic sample by at most .0005; "int8" needs OpenVINO and a model with the ranges for it.

    Raises
    ------
    SettingsError
        When the engine is unknown, not installed, has no such precision, or does not run there.
    CheckpointError
        When the engine gives another answer than torch, or cannot run the network.
    """
    kept = _RUNNERS.setdefault(model.network, {})
    wish = (engine, precision, place, torch.get_num_threads())
    if wish not in kept:
        kept[wish] = _made(model, place, *choice(model, place, engine, precision))
    return kept[wish]


def choice(
    model: Checkpoint, place: torch.device, engine: Engine = "auto", precision: Precision = "auto"
) -> tuple[Engine, Precision]:
    """Engine and precision that run a model where "auto" was said; raises as :func:`runner`."""
    _refuse(engine, precision, place)
    if precision == "int8" and not model.header.ranges:
        raise SettingsError(
            f"precision is 'int8', for which '{model.name}' has not been prepared: run saunetv2 calibrate "
            "--int8, or choose 'auto'."
        )
    if "auto" not in (engine, precision):
        return engine, precision
    if not model.header.sha256:  # a model in training: what holds of it now need not hold later
        return _chosen(model, place, engine, precision)
    kept = _CHOICES.setdefault(model.network, {})
    wish = (engine, precision, place)
    with _CHOOSING:  # a second thread waits for what the first finds out
        if wish not in kept:
            kept[wish] = _chosen(model, place, engine, precision)
    return kept[wish]


def _chosen(
    model: Checkpoint, place: torch.device, engine: Engine, precision: Precision
) -> tuple[Engine, Precision]:
    for pair in _candidates(model, place, engine, precision):
        if _keeps_the_answer(model, place, *pair):
            _LOG.debug("%s runs in %s %s", model.name, *pair)
            return pair
    return ("torch" if engine == "auto" else engine), "float32"


def runner_of(
    network: nn.Module,
    place: torch.device,
    engine: str,
    precision: str,
    ranges: Sequence[tuple[float, float]] = (),
) -> Runner:
    """Run a network that is no model on file, for example one with frozen statistics; nothing is kept.

    ``ranges`` are those of the model's header; only "int8" needs them.
    """
    if engine == "torch":
        return TorchRunner(network, place, precision)
    if engine == "onnx":
        from napari_saunetv2.engines import _onnx

        return _onnx.OnnxRunner(_onnx.model(network).SerializeToString())
    from napari_saunetv2.engines import _int8, _openvino

    drawn = _int8.model(network, ranges) if precision == "int8" else _openvino.model(network)
    return _openvino.OpenvinoRunner(drawn, precision)


def _refuse(engine: str, precision: str, place: torch.device) -> None:
    for name, value, known in (("engine", engine, Engine), ("precision", precision, Precision)):
        if value not in get_args(known):
            raise SettingsError(f"{name} is {value!r}: it must be one of {', '.join(get_args(known))}.")
    if engine not in ("auto", *installed()):
        raise SettingsError(
            f"engine is '{engine}', which is not installed: pip install 'napari-saunetv2[{engine}]'."
        )
    if engine not in ("auto", "torch") and place.type != "cpu":
        raise SettingsError(f"engine is '{engine}', which runs on the CPU: choose device 'cpu', or 'torch'.")
    if engine != "auto" and precision != "auto" and (engine, precision) not in _FASTEST_FIRST:
        raise SettingsError(f"precision is '{precision}', which engine '{engine}' has not: choose 'float32'.")


def _candidates(
    model: Checkpoint, place: torch.device, engine: Engine, precision: Precision
) -> Iterator[tuple[Engine, Precision]]:
    """What an "auto" may take, fastest first."""
    for pair in _FASTEST_FIRST:
        if engine not in ("auto", pair[0]) or precision not in ("auto", pair[1]):
            continue
        emulated = pair[1] == "bfloat16" and precision == "auto" and not prefers_bfloat16(place)
        slower = engine == "auto" and pair[0] != "torch" and not _pays(pair[0], place)
        unprepared = pair[1] == "int8" and not model.header.ranges
        # What was saved does not change any more, so what is found out of it holds.
        if pair == ("torch", "float32") or (model.header.sha256 and not (emulated or slower or unprepared)):
            yield pair


def _pays(engine: str, place: torch.device) -> bool:
    """Whether an engine is there and faster than torch, as far as is known."""
    return engine in installed() and place.type == "cpu" and platform.machine() in ("x86_64", "AMD64")


def _keeps_the_answer(model: Checkpoint, place: torch.device, engine: str, precision: str) -> bool:
    if (engine, precision) == ("torch", "float32"):
        return True
    try:
        run = _made(model, place, engine, precision)
        return _verdict(model, place, engine, precision, run).same_f1
    except (SaunetError, RuntimeError, ImportError, OSError) as error:
        _LOG.warning("'%s' does not run in %s %s: %s", model.name, engine, precision, error)
        return False


def _made(model: Checkpoint, place: torch.device, engine: str, precision: str) -> Runner:
    if engine == "torch":
        return TorchRunner(model.network, place, precision)
    if precision == "int8":  # drawn anew in milliseconds
        return runner_of(model.network, place, engine, precision, model.header.ranges)
    file = _export.exported(model, engine)
    if engine == "onnx":
        from napari_saunetv2.engines._onnx import OnnxRunner

        return OnnxRunner(file)
    from napari_saunetv2.engines._openvino import OpenvinoRunner

    return OpenvinoRunner(file, precision)


def _verdict(
    model: Checkpoint, place: torch.device, engine: str, precision: str, run: Runner
) -> _check.Verdict:
    """Compare with torch's float32, once for a model, engine, precision and kind of processor."""
    version = str(torch.__version__) if engine == "torch" else _export.version(engine)
    kind = f"{engine}-{version}-{precision}-{place.type}-{torch.backends.cpu.get_cpu_capability()}"
    kept = _export.folder(model) / f"{kind.replace(' ', '_')}.json"
    try:
        return _check.Verdict(**json.loads(kept.read_text()))
    except (OSError, ValueError, TypeError):
        verdict = _check.compare(model, run)
    _export.keep(kept, json.dumps(verdict._asdict()).encode())
    return verdict
