"""Models for other pictures than fundus photographs: OCT angiograms and infrared images."""

import csv
import io
import logging
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.cli import app
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.files import read_image, write_image
from napari_saunetv2.imaging import field_of_view, fundus, modality, vessels
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus as photograph
from napari_saunetv2.inference import preflight, uncertainty
from napari_saunetv2.models import checkpoint, library
from napari_saunetv2.plugin.segment import copies
from napari_saunetv2.training import Pair, TrainConfig, fine_tune, folders
from tiny import save_model

EYE = photograph((300, 290), seed=2).image
TORCH = {"engine": "torch", "precision": "float32"}
NO_RESCALE = {"rescale": "off", **TORCH}


def angiogram(height=200, width=200):
    """Bright vessels on grey whose corners are dark, so that a round field of view would be found."""
    dark = photograph((height + 200, width + 200), 1, fov_diameter=4 * max(height, width)).image[..., 1]
    bright = 255 - dark[100:-100, 100:-100].astype(float)
    rows, columns = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.where(rows**2 + columns**2 < 1.1, bright, 0.02 * bright).astype(np.uint8)


ANGIOGRAM = angiogram()
INFRARED = np.ascontiguousarray(EYE[60:240, 50:240, 1])


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """The user's models: one for angiograms."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(folder))
    save_model(folder / "my-octa.safetensors", modality="octa")
    return folder


def card(picture, model):
    return preflight.describe(picture, model, InferenceConfig(**TORCH), measure=False)


def looks(words):
    return [one for one in words if "This looks like" in one]


# --- a model for angiograms


def test_the_angiogram_of_these_tests_would_be_taken_for_a_round_field():
    fov = field_of_view.detect(to_unit(ANGIOGRAM))
    assert field_of_view.diameter(fov) is not None
    assert fov.mean() < 0.95
    assert modality.seen(to_unit(ANGIOGRAM), fov) == "octa"


@pytest.mark.parametrize("diameter", [None, 60.0])
def test_an_angiogram_is_segmented_whole_and_at_its_own_scale(tmp_path, models, diameter, caplog):
    (models / "my-octa.safetensors").unlink()
    save_model(models / "my-octa.safetensors", modality="octa", fov_diameter=diameter)
    model = checkpoint.load("my-octa")
    found = inference.segment(ANGIOGRAM, model, **TORCH)
    np.testing.assert_array_equal(found, inference.segment(ANGIOGRAM, model, **NO_RESCALE))
    assert not looks(caplog.messages)
    assert not any("field of view was detected" in words for words in caplog.messages)

    shown = card(ANGIOGRAM, model)
    assert shown.lines()[0] == "grey uint8, whole frame"
    assert shown.working_shape == ANGIOGRAM.shape
    assert shown.quality is None
    assert not shown.advice

    write_image(tmp_path / "eye.png", ANGIOGRAM)
    words = ["segment", str(tmp_path / "eye.png"), "-o", str(tmp_path / "out"), "--model", "my-octa"]
    words += ["--probability", "--fov", "auto", "--engine", "torch", "--precision", "float32"]
    done = CliRunner().invoke(app, [*words, "--table", str(tmp_path / "t.csv")])
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "eye_probability.tif"), found)
    (row,) = csv.DictReader((tmp_path / "t.csv").open())
    assert row["fov"] == "whole frame"
    assert "looks like" not in row["remarks"]

    config = InferenceConfig(model="my-octa", **TORCH)
    spread = inference_spread(ANGIOGRAM, model, config)
    np.testing.assert_array_equal(spread, inference_spread(ANGIOGRAM, model, replace(config, rescale="off")))


def inference_spread(picture, model, config):
    work = uncertainty.steps(picture, model, config)
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


def test_the_copied_code_gives_the_same_mask(tmp_path, models):
    path = tmp_path / "eye.png"
    write_image(path, ANGIOGRAM)
    config = InferenceConfig(model="my-octa", **TORCH)
    recipe = copies.recipe_of(config, vessels.PostProcessing(threshold=0.5, fov="auto"))
    names = {}
    exec(recipe.as_python(f"read_image({str(path)!r})"), names)
    expected = inference.segment(ANGIOGRAM, "my-octa", **NO_RESCALE)
    np.testing.assert_array_equal(names["mask"], vessels.find(expected, 0.5, min_size=0, connected=False))


# --- picture and model that do not fit


def test_the_suited_model_is_named_in_log_card_table_and_scores(tmp_path, caplog):
    general = checkpoint.load()
    says = "the model is for fundus photographs: choose saunetv2-octa, which is for such pictures."
    (said,) = looks(card(ANGIOGRAM, general).advice)
    assert said.startswith("This looks like an OCT angiogram")
    assert says in said
    inference.segment(ANGIOGRAM, general, **TORCH)
    assert says in caplog.text

    write_image(tmp_path / "eye.png", ANGIOGRAM)
    words = ["segment", str(tmp_path / "eye.png"), "-o", str(tmp_path), "--table", str(tmp_path / "t.csv")]
    assert CliRunner().invoke(app, [*words, "--engine", "torch", "--precision", "float32"]).exit_code == 0
    (row,) = csv.DictReader((tmp_path / "t.csv").open())
    assert says in row["remarks"]


@pytest.mark.parametrize("picture", [EYE, EYE[..., 1]])
def test_a_photograph_does_not_fit_a_model_for_angiograms(picture):
    (said,) = looks(card(np.ascontiguousarray(picture), checkpoint.load("my-octa")).advice)
    assert said == (
        "This looks like a fundus photograph, but the model is for OCT angiograms: choose "
        "saunetv2-general, which is for such pictures."
    )


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ((), "it has not been checked on such pictures, so check the result."),
        (
            ({"dataset": "ravir", "split": "all", "protocol": "fov", "mean": {"f1": 0.7612}},),
            "there it scored F1 0.76 on RAVIR, so check the result.",
        ),
        (
            ({"dataset": "own images", "split": "all", "protocol": "fov", "mean": {"f1": 0.5}},),
            "it has not been checked on such pictures, so check the result.",
        ),
    ],
)
def test_an_infrared_image_is_told_whether_the_model_was_checked_there(scores, says):
    model = checkpoint.load()
    model = checkpoint.Checkpoint(model.name, model.network, replace(model.header, scores=scores))
    (said,) = looks(card(INFRARED, model).advice)
    assert said == (
        "This looks like an infrared image (grey, with dark vessels and no dark border), but the model is "
        f"for fundus photographs: {says}"
    )


def test_the_suited_model_is_the_default_one_where_it_is_suited(models):
    assert library.suited("fundus") == "saunetv2-general"
    assert library.suited("octa") == "saunetv2-octa"
    assert library.suited("infrared") is None
    save_model(models / "two.safetensors", modality="infrared", classes=("artery", "vein"))
    assert library.suited("infrared") is None  # vessels are wanted
    save_model(models / "red.safetensors", modality="infrared")
    assert library.suited("infrared") == "red"


@pytest.mark.parametrize("quality", [75, 92])
def test_a_grey_picture_saved_as_a_colour_jpeg_is_grey(quality):
    for picture, seen in ((ANGIOGRAM, "octa"), (INFRARED, "infrared")):
        saved = io.BytesIO()
        tinted = np.dstack([picture, picture, np.maximum(picture, 2) - 2])  # as some exports are
        tinted[5:9, 5:45] = 250, 220, 30  # a coloured scale bar
        Image.fromarray(tinted).save(saved, "JPEG", quality=quality)
        unit = to_unit(np.asarray(Image.open(saved)))
        assert fundus.is_grey(unit)
        assert modality.seen(unit, field_of_view.detect(unit)) == seen
    assert not fundus.is_grey(to_unit(EYE))
    assert not fundus.is_grey(to_unit(EYE // 8))


# --- data sets and training


@pytest.fixture
def rossa(tmp_path):
    rng = np.random.default_rng(0)
    for part, numbers in {"train_manual": (1, 2), "val": (101,)}.items():
        for number in numbers:
            picture = angiogram(320, 320)
            labels = picture > np.quantile(picture, 0.9)
            noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
            for kind, pixels in (("images", noisy), ("labels", labels)):
                (tmp_path / "ROSSA" / part / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(tmp_path / "ROSSA" / part / kind / f"{number}.png")
    return tmp_path / "ROSSA"


def test_angiograms_are_scored_whole_and_without_a_doubt(rossa, caplog):
    samples = evaluation.chosen(datasets.read(rossa), "test")
    model = checkpoint.load("my-octa")
    with caplog.at_level(logging.WARNING):
        (case,) = evaluation.predictions(samples, model, scoring=evaluation.Scoring("fov"))
    assert case.fov == "whole frame"
    assert case.inside.all()
    assert not caplog.messages
    expected = inference.segment(samples[0].image(), model, **NO_RESCALE)
    np.testing.assert_array_equal(case.prediction, expected)


def test_training_uses_all_of_an_angiogram_and_the_model_says_what_it_is_for(rossa, tmp_path):
    samples = [sample for sample in datasets.read(rossa) if sample.split == "train"]
    for pair in [*map(Pair.of, samples), *folders.pairs(rossa)]:
        assert pair.inside().all()
    config = TrainConfig(
        network_arguments={"widths": [8, 8]}, steps=1, validate_every=1, batch=1, crop=64, validation=0,
        fov_diameter=100.0,
    )  # fmt: skip
    for data, base, expected in (
        ({"dataset": "octa500-6m, rossa"}, None, "octa"),
        ({"dataset": "rossa, drive"}, None, "fundus"),
        ({"dataset": "rossa"}, "saunetv2-general", "octa"),
        ({}, "my-octa", "octa"),
        ({}, None, "fundus"),
    ):
        loaded = base and checkpoint.load(base)
        settings = replace(config, network_arguments={}) if base == "saunetv2-general" else config
        run = tmp_path / f"run {len(list(tmp_path.iterdir()))}"
        work = fine_tune([Pair.of(samples[0])], settings, run, base=loaded, data=data)
        while True:
            try:
                next(work)
            except StopIteration as done:
                header = checkpoint.load(done.value).header
                break
        assert header.modality == expected
        assert (header.fov_diameter is None) == (expected == "octa")


# --- the window


@pytest.mark.gui
def test_the_window_says_it_and_shows_all_of_an_angiogram(viewer, qtbot):
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Segment vessels")
    widget.engine.value, widget.precision.value = "torch", "float32"
    viewer.add_image(ANGIOGRAM, name="angiogram")
    says = "choose saunetv2-octa"
    qtbot.waitUntil(lambda: says in widget.card.value, timeout=60_000)
    widget.model.value = "my-octa"
    qtbot.waitUntil(lambda: "whole frame" in widget.card.value, timeout=60_000)
    assert "looks like" not in widget.card.value
    widget.run.native.click()
    qtbot.waitUntil(lambda: "angiogram probability" in viewer.layers, timeout=60_000)
    expected = inference.segment(ANGIOGRAM, "my-octa", **NO_RESCALE)
    np.testing.assert_array_equal(viewer.layers["angiogram probability"].data, expected)
    viewer.layers["angiogram"].visible = False
    viewer.add_image(EYE, rgb=True, name="photograph")
    widget.image.value = viewer.layers["photograph"]
    qtbot.waitUntil(lambda: "choose saunetv2-general" in widget.card.value, timeout=60_000)


# --- the real pictures


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        *(("OCTA/OCTA500_6M", "octa"), ("OCTA/OCTA500_3M", "octa"), ("OCTA/ROSSA", "octa")),
        *(("RAVIR", "infrared"), ("ARIA", "fundus"), ("ORVS", "fundus")),
    ],
)
def test_real_pictures_are_told_apart(shared, folder, expected):
    samples = datasets.read(shared / "data" / folder)
    for sample in samples[:: max(1, len(samples) // 4)]:
        unit = to_unit(sample.image())
        assert modality.seen(unit, field_of_view.detect(unit)) == expected
        assert modality.field(unit, sample.modality).all() or expected != "octa"
