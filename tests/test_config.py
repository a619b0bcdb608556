"""The settings of a segmentation, and generators that are work."""

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.progress import drain, relay


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"tta": "all"}, "tta is 'all': it must be one of none, flips, d4"),
        ({"engine": "steam"}, "engine is 'steam': it must be one of auto, torch, openvino, onnx"),
        ({"precision": "float8"}, "precision is 'float8': it must be one of auto, float32, bfloat16, int8"),
        *(
            ({"rescale": value}, rf"rescale is {value!r}: .* a factor from 0\.01 to 100")
            for value in ("big", 0, -1, True, 1e3, float("nan"), None)
        ),
        *(
            ({"tile": value}, rf"tile is {value!r}: .* a side of at least 64 pixels")
            for value in ("all", 63, 100.0, True, None)
        ),
    ],
)
def test_a_wrong_setting_says_what_is_right(wrong, rule):
    with pytest.raises(SettingsError, match=rule):
        InferenceConfig(**wrong)


def test_numbers_of_numpy_are_numbers():
    config = InferenceConfig(rescale=np.float32(0.5), tile=np.int64(96))
    assert (config.rescale, config.tile) == (0.5, 96)


def test_it_cannot_change_and_travels_to_another_process():
    config = InferenceConfig(model="mine", tta="d4", tile=512)
    with pytest.raises(FrozenInstanceError):
        config.tile = 64
    assert pickle.loads(pickle.dumps(config)) == config
    assert list(config.options()) == ["device", "tta", "rescale", "tile", "engine", "precision"]
    assert InferenceConfig(model="mine", **config.options()) == config


def _work(closed):
    try:
        yield from range(3)
        return "result"
    finally:
        closed.append(True)


def test_work_is_drained_to_its_result():
    seen, closed = [], []
    assert drain(_work(closed), seen.append) == drain(_work(closed)) == "result"
    assert (seen, closed) == ([0, 1, 2], [True, True])


def test_work_is_closed_when_showing_it_fails():
    closed = []

    def show(state):
        if state == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain(_work(closed), show)
    assert closed == [True]


def test_a_relay_converts_and_closes():
    closed, results = [], []

    def outer():
        results.append((yield from relay(_work(closed), str)))

    assert list(outer()) == ["0", "1", "2"]
    assert (results, closed) == (["result"], [True])
    unfinished = relay(_work(closed), str)
    next(unfinished)
    unfinished.close()
    assert closed == [True, True]
