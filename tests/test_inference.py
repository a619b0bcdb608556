from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import devices
from napari_saunetv2.errors import CheckpointError, DeviceError, ImageError, SettingsError, Stopped
from napari_saunetv2.imaging import canvas, frame
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.networks import SAUNetV2

RNG = np.random.default_rng(0)


class Darkness(torch.nn.Module):
    """A stand-in whose answer is known: high where the image is dark, whatever lies around."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 4 * (0.5 - x.mean(1, keepdim=True))


class Row(torch.nn.Module):
    """Answers a gradient along the rows, so that a wrong way back from a turn shows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1] + torch.linspace(0, 1, x.shape[2])[:, None]


DARKNESS = Checkpoint("darkness", Darkness(), Header(fov_diameter=100.0))


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    torch.manual_seed(0)
    return Checkpoint("small", SAUNetV2(widths=(8, 8, 8, 8)).eval(), Header())


def _darkness(image):
    return 1 / (1 + np.exp(-4 * (0.5 - image.mean(2))))


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    channels=st.sampled_from([None, 1, 3, 4]),
    tta=st.sampled_from(["none", "flips", "d4"]),
)
def test_the_answer_has_the_images_own_height_and_width(height, width, dtype, channels, tta):
    shape = (height, width) if channels is None else (height, width, channels)
    image = np.zeros(shape, dtype)
    prediction = inference.segment(image, DARKNESS, tta=tta, rescale="off")
    assert prediction.shape == (height, width)
    assert prediction.dtype == np.float32
    np.testing.assert_allclose(prediction, 1 / (1 + np.exp(-2.0)), rtol=1e-6)


def test_is_the_network_on_the_padded_image_cropped_back(model):
    image = RNG.random((37, 50, 3), np.float32)
    padded = torch.from_numpy(canvas.pad(image, "corner")).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = model.network(padded).sigmoid()[0, 0, :37, :50].numpy()
    np.testing.assert_allclose(inference.segment(image, model), expected, atol=1e-4)


def test_an_image_that_needs_no_tiles_takes_one_pass_of_the_network_itself(model):
    # Wider than the smallest tile that shares statistics: still not tiled, so nothing is estimated.
    image = RNG.integers(0, 256, (560, 600, 3), np.uint8)
    passes = [state.total for state in inference.steps(image, model, InferenceConfig(rescale="off"))]
    planes = torch.from_numpy(canvas.pad(image / np.float32(255), "corner")).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = model.network(planes)[0, 0].sigmoid().numpy()[:560, :600]
    assert set(passes) == {1}
    np.testing.assert_allclose(inference.segment(image, model, rescale="off"), expected, atol=2e-5)


@pytest.mark.parametrize("tta", ["none", "flips", "d4"])
def test_every_view_is_turned_back(tta):
    image = RNG.random((33, 47, 3), np.float32)
    np.testing.assert_allclose(
        inference.segment(image, DARKNESS, tta=tta, rescale="off"), _darkness(image), atol=1e-6
    )


def test_d4_is_the_mean_over_all_eight_turns_and_mirrors():
    model = Checkpoint("row", Row(), Header())
    image = RNG.random((16, 16, 3), np.float32)
    predictions = []
    for mirror in (False, True):
        for quarters in range(4):
            view = np.rot90(image[:, ::-1] if mirror else image, quarters)
            prediction = np.rot90(inference.segment(np.ascontiguousarray(view), model), -quarters)
            predictions.append(prediction[:, ::-1] if mirror else prediction)
    np.testing.assert_allclose(inference.segment(image, model, tta="d4"), np.mean(predictions, 0), atol=1e-6)


def test_tiles_blend_to_what_the_whole_gives():
    image = RNG.random((200, 330, 3), np.float32)
    found = inference.segment(image, DARKNESS, tile=96, rescale="off")
    np.testing.assert_allclose(found, _darkness(image), atol=1e-5)


def _photograph(diameter: int) -> np.ndarray:
    side = round(1.2 * diameter)
    y, x = np.mgrid[:side, :side] - side / 2
    inside = x**2 + y**2 < diameter**2 / 4
    return np.where(inside[..., None], [0.6, 0.4, 0.2], 0).astype(np.float32)


@pytest.mark.parametrize(
    ("diameter", "rescale", "side"),
    [
        (100, "auto", 120),
        (120, "auto", 144),
        (200, "auto", 120),
        (50, "auto", 120),
        (400, "auto", 192),  # shrunk no further than to 0.4
        (200, "off", 240),
        (200, 0.25, 60),
    ],
)
def test_works_at_the_models_scale_when_the_field_of_view_differs_by_a_quarter(diameter, rescale, side):
    seen = []

    class Spy(Darkness):
        def forward(self, x):
            seen.append(x.shape[-1])
            return super().forward(x)

    image = _photograph(diameter)
    prediction = inference.segment(image, Checkpoint("spy", Spy(), DARKNESS.header), rescale=rescale)
    assert prediction.shape == image.shape[:2]
    assert abs(seen[0] - canvas.shape(side, side)[0]) <= 16


def test_progress_counts_every_pass_and_ends_at_the_total():
    seen = []
    inference.segment(
        np.zeros((100, 200), np.uint8), DARKNESS, tta="flips", tile=96, rescale="off",
        progress=lambda *s: seen.append(s),
    )  # fmt: skip
    assert seen == [(n, seen[-1][1]) for n in range(seen[-1][1] + 1)]
    assert seen[-1][1] == 4 * 6


def test_stops_when_asked_before_the_next_pass():
    seen = []
    with pytest.raises(Stopped):
        inference.segment(
            np.zeros((64, 64), np.uint8),
            DARKNESS,
            tta="d4",
            progress=lambda done, total: seen.append(done),
            should_stop=lambda: len(seen) == 3,
        )
    assert seen == [0, 1, 2]


def test_the_same_image_in_other_types_gives_the_same_answer(model):
    image = RNG.integers(0, 256, (40, 40, 3), np.uint8)
    expected = inference.segment(image, model)
    alpha = np.dstack([image, np.full((40, 40), 7, np.uint8)])
    for same in (
        alpha,
        image.astype(np.uint16) * 257,
        (image / 255).astype(np.float32),
        np.asfortranarray(image),
    ):
        np.testing.assert_allclose(inference.segment(same, model), expected, atol=1e-6)


def test_the_image_is_not_changed(model):
    image = RNG.random((40, 40, 3), np.float32)
    before = image.copy()
    inference.segment(image, model, tta="d4")
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"tta": "all"}, SettingsError, "none, flips, d4"),
        ({"rescale": "big"}, SettingsError, "'big'"),
        ({"rescale": 0}, SettingsError, "0.01 to 100"),
        ({"rescale": True}, SettingsError, "'auto', 'off' or a factor"),
        ({"tile": 10}, SettingsError, "at least 64"),
        ({"tile": "all"}, SettingsError, "'all'"),
        ({"device": "abacus"}, DeviceError, "abacus"),
        ({"device": "cuda:77"}, DeviceError, "cuda:77"),
        ({"model": "nobody"}, CheckpointError, checkpoint.DEFAULT),
    ],
)
def test_a_wrong_setting_is_told(settings, error, says):
    with pytest.raises(error, match=says):
        inference.segment(np.zeros((64, 64), np.uint8), **{"model": DARKNESS, **settings})


def test_thresholds():
    assert inference.threshold_of(DARKNESS, "auto") == 0.5
    assert inference.threshold_of(DARKNESS, 0.25) == 0.25
    for wrong in (0, 1, "half"):
        with pytest.raises(SettingsError, match="between 0 and 1"):
            inference.threshold_of(DARKNESS, wrong)
    np.testing.assert_array_equal(inference.binarise(np.array([0.2, 0.5, 0.7], np.float32), 0.5), [0, 1, 1])


def test_bfloat16_is_preferred_only_where_there_are_instructions_for_it():
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if "flags" not in flags:
        pytest.skip("only Linux on x86 tells its processor's instructions")
    can_tell = hasattr(torch.cpu, "get_capabilities")  # torch 2.10 and later
    expected = can_tell and ("avx512_bf16" in flags or "amx_bf16" in flags)
    assert devices.prefers_bfloat16(torch.device("cpu")) == expected
    assert not devices.prefers_bfloat16(torch.device("mps"))


def test_a_field_of_view_that_is_given_tells_the_scale():
    """A disc of known diameter: the factor is the model's diameter by the disc's."""
    image = fundus((120, 120)).image
    rows, columns = np.ogrid[:120, :120]
    disc = (rows - 60) ** 2 + (columns - 60) ** 2 < 30**2
    diameter = np.sqrt(4 / np.pi * disc.sum())
    network = SAUNetV2(widths=[8, 8]).eval()
    model = Checkpoint("tiny", network, Header(network_arguments={"widths": [8, 8]}, fov_diameter=100.0))
    rows = np.flatnonzero(disc.any(axis=1))
    side = round((len(rows) + 2 * round(frame.MARGIN * diameter)) * 100 / diameter)
    by_disc = inference.segment(image, model, fov=disc)
    assert np.array_equal(by_disc, inference.segment(image, model, rescale=100 / diameter, fov=disc))
    assert inference.planned(image, model, InferenceConfig(), disc).working_shape == (side, side)
    assert inference.planned(image, model, InferenceConfig()).working_shape == (120, 120)
    with pytest.raises(ImageError, match=r"has shape \(9, 9\), the image \(120, 120\)"):
        inference.segment(image, model, fov=disc[:9, :9])
