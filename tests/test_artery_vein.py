"""Labels of arteries and veins, in every form in which they are shared."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_saunetv2 import files
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import FileFormatError, ImageError
from napari_saunetv2.evaluation.splits import seen
from napari_saunetv2.files import is_own_mask, load_artery_vein, write_artery_vein
from napari_saunetv2.imaging.classes import coloured, is_artery_vein, merged, split
from napari_saunetv2.models.checkpoint import Header
from napari_saunetv2.training import TrainConfig, folders, tuning
from napari_saunetv2.training.meaning import meaning

LABELS = np.zeros((40, 50), np.uint8)
LABELS[8:12], LABELS[:, 20:24], LABELS[8:12, 20:24], LABELS[30:33, 30:45] = 1, 2, 3, 4
PICTURE = np.zeros((*LABELS.shape, 3), np.uint8)
for value, colour in ((1, (255, 0, 0)), (2, (0, 0, 255)), (3, (0, 255, 0)), (4, (255, 255, 255))):
    PICTURE[value == LABELS] = colour


def palette(index, colours) -> Image.Image:
    picture = Image.fromarray(index)
    picture.putpalette([part for colour in colours for part in colour])
    return picture


def saved(path, picture):
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path)
    return path


PALETTE = coloured(np.arange(5)[None])[0].tolist()
OPAQUE = np.dstack([PICTURE, np.where(LABELS, 255, 0).astype(np.uint8)])
FORMS = {
    "rgb": PICTURE,
    "rgba, clear where nothing is": OPAQUE,
    "on white": np.where((LABELS == 0)[..., None] | (LABELS == 4)[..., None], 255, PICTURE).astype(np.uint8),
    "numbers": LABELS,
    "palette of the colours": palette(LABELS, PALETTE),
    "palette in another order": palette(
        np.array([1, 0, 4, 3, 2], np.uint8)[LABELS],
        [(255, 0, 0), (0, 0, 0), (255, 255, 255), (0, 255, 0), (0, 0, 255)],
    ),
    "numbers in colours of their own": palette(
        LABELS, [(0, 0, 0), (250, 200, 30), (30, 120, 130), (90, 90, 20), (180, 10, 90)]
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_labels(tmp_path, form):
    found = load_artery_vein(saved(tmp_path / "eye.png", FORMS[form]))
    wanted = np.where(LABELS == 4, 0, LABELS) if form == "on white" else LABELS
    np.testing.assert_array_equal(found.labels, wanted)
    np.testing.assert_array_equal(found.artery, (wanted == 1) | (wanted == 3))
    np.testing.assert_array_equal(found.vein, (wanted == 2) | (wanted == 3))
    np.testing.assert_array_equal(found.vessel, wanted != 0)
    np.testing.assert_array_equal(found.without_class, wanted == 4)
    assert found.ignored is None


def test_what_nobody_judged_is_told_from_what_has_no_class(tmp_path):
    marked = np.where(LABELS == 4, 255, LABELS)
    found = load_artery_vein(saved(tmp_path / "eye.png", marked))
    np.testing.assert_array_equal(found.ignored, LABELS == 4)
    np.testing.assert_array_equal(found.labels, np.where(LABELS == 4, 0, LABELS))
    tifffile.imwrite(tmp_path / "eye.tif", np.where(LABELS == 4, -1, LABELS.astype(np.int16)))
    np.testing.assert_array_equal(load_artery_vein(tmp_path / "eye.tif").ignored, LABELS == 4)


@pytest.mark.parametrize(
    ("name", "three", "is_crossing"),
    [
        ("eye.png", "auto", True), ("07_g_AVmanual.png", "auto", False), ("07_av_manual.png", "auto", False),
        ("eye.png", "ignored", False), ("07_g_AVmanual.png", "both", True),
    ],
)  # fmt: skip
def test_the_number_3_is_a_crossing_or_takes_no_part_and_the_remark_says_which(
    tmp_path, name, three, is_crossing
):
    numbers = np.where(LABELS == 4, 0, LABELS)
    found = load_artery_vein(saved(tmp_path / name, numbers), three=three)
    np.testing.assert_array_equal(
        found.labels, numbers if is_crossing else np.where(numbers == 3, 0, numbers)
    )
    assert (found.ignored is None) == is_crossing
    assert found.ignored is None or np.array_equal(found.ignored, numbers == 3)
    assert "16 pixels of value 3" in found.remarks[-1]
    assert ("crossings" in found.remarks[-1]) == is_crossing


def test_shades_are_artery_and_vein_by_their_order(tmp_path):
    shades = np.array([0, 128, 255], np.uint8)[np.where(LABELS > 2, 0, LABELS)]
    found = load_artery_vein(saved(tmp_path / "eye.png", shades))
    np.testing.assert_array_equal(found.labels, np.where(LABELS > 2, 0, LABELS))
    assert "128 and 255 are read as artery and vein" in found.remarks[0]


def test_a_few_stray_colours_are_read_as_the_nearest_and_counted(tmp_path):
    picture = PICTURE.copy()
    picture[10, 0], picture[11, 0], picture[10, 1] = (255, 0, 255), (0, 255, 255), (250, 10, 5)
    found = load_artery_vein(saved(tmp_path / "eye.png", picture))
    wanted = LABELS.copy()
    wanted[10, 0], wanted[11, 0] = 3, 4
    np.testing.assert_array_equal(found.labels, wanted)
    assert found.remarks[0].startswith("3 pixels of other colours")


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (
            np.where((LABELS == 1)[..., None], (255, 160, 0), PICTURE),
            "184 pixels .* such as RGB .255, 160, 0.",
        ),
        (np.where((LABELS == 1)[..., None], (90, 30, 20), PICTURE), "184 pixels .*repaint"),
        (np.where((LABELS > 0)[..., None], (0, 255, 0), 0), "neither red arteries nor blue veins"),
        (np.random.default_rng(0).integers(0, 255, PICTURE.shape), "of other colours"),
        (np.where(LABELS, 255, 0), "tells no arteries from veins, its values are 0 and 255: give"),
        (np.where(LABELS, 1, 0), "tells no arteries from veins"),
        (np.where(LABELS == 4, 7, LABELS), "other values, such as 7, in 45 pixels"),
        (np.arange(2000).reshape(40, 50) % 200, "other values"),
    ],
)
def test_labels_that_say_something_else_are_refused_with_a_count(tmp_path, picture, told):
    with pytest.raises(FileFormatError, match=told):
        load_artery_vein(saved(tmp_path / "eye.png", picture.astype(np.uint8)))


def test_two_masks_overlap_in_crossings(tmp_path):
    artery = saved(tmp_path / "a.png", np.where(np.isin(LABELS, (1, 3)), 255, 0).astype(np.uint8))
    vein = saved(tmp_path / "v.png", np.isin(LABELS, (2, 3)))
    found = load_artery_vein(artery, vein)
    np.testing.assert_array_equal(found.labels, np.where(LABELS == 4, 0, LABELS))
    with pytest.raises(FileFormatError, match="two masks of one photograph"):
        load_artery_vein(artery, saved(tmp_path / "w.png", np.eye(9) > 0))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".gif"])
def test_what_is_written_has_rites_colours_and_reads_back(tmp_path, suffix):
    path = write_artery_vein(tmp_path / f"eye_av{suffix}", LABELS, spacing=files.Spacing(0.01, 0.01, True))
    found = load_artery_vein(path)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert not found.remarks
    np.testing.assert_array_equal(np.asarray(Image.open(path).convert("RGB")), PICTURE)
    assert is_own_mask(path)
    assert suffix == ".gif" or files.read_spacing(path) == files.Spacing(0.01, 0.01, True)
    np.testing.assert_array_equal(files.read_mask(path), LABELS > 0)
    nothing = write_artery_vein(tmp_path / f"none{suffix}", LABELS * 0)
    assert not load_artery_vein(nothing).labels.any()


def test_labels_that_no_colour_stands_for_are_not_written(tmp_path):
    with pytest.raises(ImageError, match="The labels hold 12: artery/vein labels hold 0 to 4"):
        write_artery_vein(tmp_path / "eye.png", LABELS * 3)
    with pytest.raises(ImageError, match="shape"):
        write_artery_vein(tmp_path / "eye.png", PICTURE)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_any_form_is_learned_from(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    numbers = np.where(LABELS == 4, 0, LABELS)
    names = {"a": PICTURE, "b": numbers, "c_AVmanual": numbers, "d": palette(numbers, PALETTE)}
    for name, labels in names.items():
        saved(tmp_path / "images" / f"{name[0]}.png", PICTURE // 2 + 60)
        saved(tmp_path / "labels" / f"{name}.png", labels)
    pairs = folders.pairs(tmp_path, values=True)
    config = TrainConfig(classes=("artery", "vein"))
    for pair, left_out in zip(pairs, (LABELS == 4, None, numbers == 3, None), strict=True):
        vessels, weight = meaning(pair, config)
        kept = np.ones(LABELS.shape, bool) if left_out is None else ~left_out
        np.testing.assert_array_equal(vessels[..., 0] == 1, np.isin(LABELS, (1, 3)) & kept)
        np.testing.assert_array_equal(vessels[..., 1] == 1, np.isin(LABELS, (2, 3)) & kept)
        assert weight is None if left_out is None else np.array_equal(weight[..., 0] == 1, kept)
    assert "48 pixels of value 3 are learned as crossings" in tuning.remarks(pairs, config)[-1]
    plain = folders.pairs(tmp_path)
    np.testing.assert_array_equal(plain[0].vessels != 0, LABELS != 0)


def test_who_learned_from_rite_has_seen_drive(tmp_path):
    header = Header(data={"dataset": "rite, hrf-av", "train": ["21_training"], "validation": []})
    sample = Sample("drive", "21_training", "21", None, "train", tmp_path / "21_training.tif")
    assert seen(sample, header)
    assert not seen(replace(sample, name="22_training"), header)
    assert not seen(replace(sample, dataset="stare"), header)


def test_overlapping_labels_are_sums_of_their_classes():
    masks = split(LABELS % 4, 2, overlapping=True)
    np.testing.assert_array_equal(merged(np.moveaxis(masks, 2, 0)), LABELS % 4)
    apart = split(LABELS, 2, overlapping=False)
    assert not apart.all(axis=2).any()


@pytest.mark.parametrize(
    ("classes", "are"),
    [
        (("artery", "vein"), True), (("Arteries", "Veins"), True), (("vein", "artery"), False),
        (("vessel",), False), (("artery", "vein", "disc"), False),
    ],
)  # fmt: skip
def test_classes_are_told_by_their_names_and_order(classes, are):
    assert is_artery_vein(classes) == are


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "stray"), [("test/01_test", 0), ("test/09_test", 10), ("training/22_training", 3)]
)
def test_rites_own_files(shared, name, stray):
    path = shared / "data" / "RITE" / f"{name}.png"
    found, picture = load_artery_vein(path), np.asarray(Image.open(path))
    exact = (picture == (255, 0, 0)).all(axis=2)
    assert (found.labels[exact] == 1).all()
    assert (found.labels[(picture == 255).all(axis=2)] == 4).all()
    assert bool(found.remarks) == (stray > 0)
    assert not stray or found.remarks[0].startswith(f"{stray} pixels")
