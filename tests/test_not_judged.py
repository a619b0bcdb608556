"""Pixels that an observer did not judge take no part in loss or score, through every door."""

import csv
import logging
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from sklearn.metrics import f1_score
from typer.testing import CliRunner

from napari_saunetv2 import evaluation, files, inference
from napari_saunetv2.cli import app
from napari_saunetv2.datasets import Sample
from napari_saunetv2.evaluation import Case, file_pairs
from napari_saunetv2.imaging.ignored import judged, not_judged
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.finetune.pairs_table import Chosen
from napari_saunetv2.plugin.finetune.run import Picked
from napari_saunetv2.training import Pair, folders, tasks, tuning
from napari_saunetv2.training.validation import mean_f1
from napari_saunetv2.training.views import batch, prepare
from oddfiles import masks
from oddfiles import photographs as odd
from test_finetune import TINY
from tiny import save_model

IMAGE = np.where(masks.VESSEL[..., None], (200, 60, 40), (90, 90, 90)).astype(np.uint8)
TOP = masks.TOP
IGNORED = pytest.mark.parametrize("make", masks.IGNORED.values(), ids=masks.IGNORED.keys())
MARKED = {
    "0 1 255": np.where(TOP, 255, masks.TRUE).astype(np.uint8),
    "0 1 2 255": np.where(TOP, 255, masks.KIND).astype(np.uint8),
    "0 1 65535": np.where(TOP, 65535, masks.TRUE).astype(np.int32),
    "-1 0 1": np.where(TOP, -1, masks.TRUE.astype(np.int16)),
    "not a number": np.where(TOP, np.nan, masks.TRUE).astype(np.float32),
    "255 of floats": np.where(TOP, 255, masks.TRUE).astype(np.float64),
}
LABELS = pytest.mark.parametrize("labels", MARKED.values(), ids=MARKED.keys())


@LABELS
def test_they_are_found_in_arrays(labels):
    np.testing.assert_array_equal(not_judged(labels)[0], TOP)


@pytest.mark.parametrize(
    "labels",
    [
        masks.TRUE * 255, masks.TRUE, masks.KIND, masks.SOFT, masks.SINGLE, masks.TRUE != 0, masks.TRUE * 0,
        masks.SOFT / 255 - 1e-4, np.zeros((0, 4), np.uint8),
    ],
)  # fmt: skip
def test_other_labels_are_judged_everywhere(labels):
    found, ignored = judged(labels)
    assert ignored is None
    assert found is labels


# --- loss


@LABELS
def test_they_have_no_weight_in_a_training(labels):
    one = prepare(Pair("eye", IMAGE, labels), TINY)
    rows, columns = one.frame
    np.testing.assert_array_equal(one.weight[0, rows, columns].numpy() == 0, TOP)
    assert one.vessels[0, rows, columns].numpy()[TOP].max() == 0


def test_images_with_and_without_them_make_a_batch_and_what_is_drawn_there_changes_nothing():
    whole = prepare(Pair("whole", IMAGE, masks.TRUE), TINY)
    mine, other = (
        prepare(Pair("eye", IMAGE, np.where(TOP, drawn, masks.TRUE), ignored=TOP), TINY) for drawn in (0, 1)
    )
    for step in range(4):
        _, truth, weight, _ = batch([whole, mine], TINY, step)
        _, same, *_ = batch([whole, other], TINY, step)
        assert weight.shape == truth.shape
        assert (truth * weight).equal(same * weight)
    assert batch([whole, whole], TINY, 0).weight is None
    answer = (mine.canvas[3:4] - 0.5)[None] * 20
    wrong = answer.clone()
    wrong[0, 0][mine.weight[0] == 0] = 20
    assert mean_f1([mine], [answer]) == mean_f1([mine], [wrong]) == 1


@IGNORED
@pytest.mark.parametrize("values", [False, True])
def test_a_folder_to_train_on_keeps_them_apart(tmp_path, make, values):
    if values and "gif" in str(make(tmp_path)):
        pytest.skip("numbers of a palette are not read as values")
    path = make(tmp_path)
    pixels = files.read_values(path)
    if values and pixels.ndim == 3 and np.ptp(pixels, axis=2).any():
        pytest.skip("colours are not read as values")
    path.rename(path.with_name(f"eye_labels{path.suffix}"))
    odd.saved(tmp_path, "eye.png", IMAGE)
    (found,) = folders.pairs(tmp_path, values=values)
    np.testing.assert_array_equal(found.ignored, TOP)
    np.testing.assert_array_equal(found.vessels != 0, masks.VESSEL & ~TOP)
    assert any("14.3" in one or "16.7" in one for one in tuning.remarks([found], TINY))


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("labels", [MARKED["0 1 255"], MARKED["-1 0 1"] * TOP])
def test_a_task_on_disk_keeps_them_apart(tmp_path, values, labels):
    tasks.export(tmp_path / "data", [Pair("eye", IMAGE, labels)], values=values)
    (found,) = folders.pairs(tmp_path / "data", values=values, known=False)
    np.testing.assert_array_equal(found.ignored, TOP)
    np.testing.assert_array_equal(found.vessels, np.where(TOP, 0, labels))


def test_labels_of_a_layer_keep_them_apart():
    viewer = ViewerModel()
    image = viewer.add_image(IMAGE, rgb=True, name="eye")
    labels = viewer.add_labels(MARKED["0 1 255"])
    (pair,) = Picked(Chosen("eye", image, labels, None), values=False).pairs()
    np.testing.assert_array_equal(pair.ignored, TOP)


# --- score


@LABELS
def test_a_score_leaves_them_out(labels):
    rng = np.random.default_rng(0)
    answer = rng.random(labels.shape)
    expected = f1_score(masks.VESSEL[~TOP], answer[~TOP] >= 0.5)
    case = Case("eye", None, labels, answer)
    assert case.score().metrics["f1"] == pytest.approx(expected)
    assert case.score().about["fov"] == "whole frame, judged pixels"
    assert evaluation.scores.score(labels, answer)["f1"] == pytest.approx(expected)
    inside = np.arange(140) < 100
    kept = ~TOP & inside
    within = replace(case, inside=np.broadcast_to(inside, TOP.shape).astype(np.uint8))
    assert within.score().metrics["f1"] == pytest.approx(f1_score(masks.VESSEL[kept], answer[kept] >= 0.5))


@IGNORED
def test_the_command_and_a_data_set_leave_them_out(tmp_path, make):
    (tmp_path / "theirs").mkdir()
    path = make(tmp_path / "theirs")
    wrong_there = files.write_mask(tmp_path / "mine.png", masks.VESSEL | TOP)
    table = tmp_path / "scores.csv"
    done = CliRunner().invoke(app, ["score", str(wrong_there), str(path), "--csv", str(table)])
    assert done.exit_code == 0, done.output
    row = next(csv.DictReader(table.read_text().splitlines()))
    assert float(row["f1"]) == 1
    assert row["fov"] == "whole frame, judged pixels"
    photograph = odd.saved(tmp_path, "eye.png", IMAGE)
    sample = Sample(
        "drive", "eye", "eye", None, None, photograph, {"1st": path, "2nd": wrong_there}, reference="1st"
    )
    (score,) = evaluation.evaluate_observer([sample], "2nd")
    assert score.metrics["f1"] == 1
    (score,) = evaluation.evaluate_observer([sample], "1st", reference="2nd")
    assert score.metrics["f1"] == 1
    np.testing.assert_array_equal(Pair.of(sample).ignored, TOP)
    model = save_model(tmp_path / "tiny.safetensors")
    config = replace(evaluation.EXACT, rescale="off")
    (case,) = evaluation.predictions([sample], checkpoint.load(model), config)
    np.testing.assert_array_equal(case.ignored, TOP)


def test_what_evaluate_writes_for_the_command_scores_alike(tmp_path):
    answer = np.random.default_rng(1).random(TOP.shape).astype(np.float32)
    case = Case("eye", None, MARKED["0 1 255"], answer)
    second = Case("eye", None, MARKED["0 1 255"], masks.TRUE)
    for _ in file_pairs.write(tmp_path, [("eye", case, second)]):
        pass
    (pair,) = file_pairs.matched(
        *(tmp_path / place for place in (file_pairs.PREDICTIONS, file_pairs.TRUTHS, file_pairs.SECOND))
    )
    for read, given in zip(pair.read(), (case, second), strict=True):
        assert read.score().metrics == pytest.approx(given.score().metrics, nan_ok=True)


@IGNORED
def test_numbers_for_a_viewer_mark_them(tmp_path, make):
    numbers = files.load_labels(make(tmp_path)).numbers()
    np.testing.assert_array_equal(not_judged(numbers)[0], TOP)
    np.testing.assert_array_equal(judged(numbers)[0] != 0, masks.VESSEL & ~TOP)


def test_many_labels_leave_room_for_them(tmp_path):
    single = np.where(TOP, -1, masks.SINGLE.astype(np.int16))
    numbers = files.load_labels(masks.tiff(tmp_path, "m.tif", single)).numbers()
    np.testing.assert_array_equal(numbers, single)


# --- remarks of the reader


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: odd.turned(f, "p.jpg", 6), "EXIF orientation 6"),
        (lambda f: odd.turned(f, "p.tif", 3), "EXIF orientation 3"),
        (odd.RECOGNISED["10 bits, tif"], "10-bit"),
        (odd.CONVERTED["cmyk"], "CMYK"),
        (odd.FORMATS["mpo"], "2 images"),
        (odd.COLOURS_FIRST["OME"], "three channels"),
    ],
)
def test_each_remark_is_made_once_in_python_and_on_the_command_line(tmp_path, caplog, make, says):
    path, model = make(tmp_path), save_model(tmp_path / "tiny.safetensors", fov_diameter=60.0)
    with caplog.at_level(logging.WARNING, logger="napari_saunetv2"):
        inference.segment(files.read_image(path), str(model), rescale="off", engine="torch")
    assert [says in one for one in caplog.messages].count(True) == 1
    words = ["--model", str(model), "--rescale", "off", "--engine", "torch", "--precision", "float32"]
    for target in ("out", "out.tif"):
        done = CliRunner().invoke(app, ["segment", str(path), "-o", str(tmp_path / target), *words])
        assert done.exit_code == 0, done.output
        assert " ".join(done.output.split()).count(says) == 1, done.output


# --- folders that hold masks alone


def test_a_folder_of_masks_is_measured(tmp_path):
    from napari_saunetv2.datasets.inputs import gather

    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a_vessels.png", "b_mask.gif", "c_manual1.tif", "d_fov.png"):
        files.write_mask(folder / name, masks.TRUE)
    found = gather([str(folder)], masks=True)
    assert sorted(p.name for p in found.files) == ["a_vessels.png", "b_mask.gif", "c_manual1.tif"]
    odd.saved(folder, "b.png", odd.RGB)
    found = gather([str(folder)], masks=True)  # one whose photograph is there is left out
    assert sorted(p.name for p in found.files) == ["a_vessels.png", "b.png", "c_manual1.tif"]
    (folder / "b.png").unlink()
    for _ in range(2):  # its own results, in the same folder, are not measured the second time
        words = ["measure", str(folder), "-o", str(folder), "--disc", "none", "--overwrite"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert "3 of 3 images measured" in done.output
    done = CliRunner().invoke(app, ["score", str(folder / "a_vessels.png"), str(folder / "b_mask.gif")])
    assert "1.0000" in done.output


@pytest.mark.parametrize(
    "make",
    [
        masks.SHADES["png"], masks.SHADES["jpeg"], masks.NUMBERS["0 1 2"],
        masks.SINGLES["uint16"], masks.ALPHA["black on clear black"], masks.PALETTES["gif, vessel first"],
    ],
)  # fmt: skip
def test_any_kind_of_mask_is_measured_as_one(tmp_path, make):
    from napari_saunetv2.measure.files import MeasureOptions, measure_file

    def segment(_):
        pytest.fail("it was taken for a photograph")

    path = make(tmp_path)
    result = measure_file(path, MeasureOptions(disc="none", fovea="none"), segment)
    plain = measure_file(
        files.write_mask(tmp_path / "plain.png", files.read_mask(path)),
        MeasureOptions(disc="none", fovea="none"),
        segment,
    )
    np.testing.assert_array_equal(result.labels, plain.labels)


def test_a_mask_in_red_and_blue_is_measured_as_arteries_and_veins(tmp_path):
    from napari_saunetv2.measure.files import MeasureOptions, measure_file

    def segment(_):
        pytest.fail("it was taken for a photograph")

    path = masks.COLOURS["red and blue on white"](tmp_path)
    found = measure_file(path, MeasureOptions(disc="none", fovea="none"), segment)
    classes = files.read_artery_vein(path)
    for vessels, mask in (("arteries", classes.artery), ("veins", classes.vein)):
        rows = found.image[(found.image.measure == "length") & (found.image.vessels == vessels)]
        assert rows.value.iloc[0] > 0
        numbers = found.segments.label[found.segments.vessels == vessels]
        assert mask[np.isin(found.labels, numbers)].all()


def test_vessels_of_unknown_class_are_left_out_with_a_word(tmp_path):
    from napari_saunetv2.measure.files import MeasureOptions, measure_file

    labels = np.zeros((60, 120), np.uint8)
    labels[10:16, 10:110], labels[28:34, 10:110], labels[46:52, 10:110] = 1, 2, 4
    path = files.write_artery_vein(tmp_path / "eye_av.png", labels)
    found = measure_file(path, MeasureOptions(disc="none", fovea="none"), lambda _: pytest.fail("photograph"))
    assert set(found.segments.vessels) == {"arteries", "veins"}
    assert "33.3% of the vessel pixels are of unknown class" in " ".join(found.remarks)
