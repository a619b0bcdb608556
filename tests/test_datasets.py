import gzip
import hashlib
import io
import pickle
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_saunetv2 import datasets, evaluation
from napari_saunetv2.datasets import DATASETS
from napari_saunetv2.errors import LayoutError
from napari_saunetv2.files import read_mask
from napari_saunetv2.training import RECIPES, Pair, crossvalidation, folders

HEIGHT, WIDTH = 6, 7


def put(path: Path, value: int = 0) -> Path:
    """Write a tiny file of the kind that its name claims; ``value`` tells files apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.lower()
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels.flat[value] = 255
    picture = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
    if name.endswith((".gif", ".png")):
        Image.fromarray(labels if name.endswith(".gif") else labels > 0).save(path)
    elif name.endswith("_mask.tif"):
        tifffile.imwrite(path, np.dstack([labels] * 3))
    elif name.endswith(".tif"):
        tifffile.imwrite(path, picture if "_t" in name else labels)
    elif name.endswith(".jpg"):
        Image.fromarray(picture).save(path, quality=100)
    else:
        stored = io.BytesIO()
        Image.fromarray(labels if ".ah" in name or ".vk" in name else picture).save(stored, "PPM")
        path.write_bytes(gzip.compress(stored.getvalue()) if name.endswith(".gz") else stored.getvalue())
    return path


def drive(root: Path, halves=("training", "test"), official: bool = False) -> Path:
    for half in halves:
        first = 21 if half == "training" else 1
        for number in range(first, first + 3):
            folder = root / half
            put(folder / "images" / f"{number:02}_{half}.tif", number)
            put(folder / "mask" / f"{number:02}_{half}_mask.gif", 0)
            if half == "training" or not official:
                put(folder / "1st_manual" / f"{number:02}_manual1.gif", number)
            if half == "test":
                put(folder / "2nd_manual" / f"{number:02}_manual2.gif", number + 10)
    return root


def hashes(root: Path) -> dict[str, str]:
    found = {str(p.relative_to(root)): p for p in root.rglob("*")}
    return {n: hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "" for n, p in found.items()}


# --- layouts, on trees made here


def test_drive_is_paired_by_number_and_split_by_half(tmp_path):
    samples = datasets.read(drive(tmp_path))
    assert [s.name for s in samples] == [
        *("21_training", "22_training", "23_training"),
        *("01_test", "02_test", "03_test"),
    ]
    assert [s.split for s in samples] == ["train"] * 3 + ["test"] * 3
    for sample in samples:
        number = int(sample.subject)
        assert (sample.image() == number).all()
        assert sample.labels().flat[number] == 1
        assert sample.fov().flat[0] == 1
        assert list(sample.label_paths) == (["1st"] if sample.split == "train" else ["1st", "2nd"])
    assert samples[-1].labels("2nd").flat[13] == 1


@pytest.mark.parametrize("half", ["training", "test"])
@pytest.mark.parametrize("inside", [False, True])
def test_one_half_of_drive_is_enough(tmp_path, half, inside):
    root = drive(tmp_path, [half]) / (half if inside else "")
    assert datasets.recognise(root) == "drive"
    samples = datasets.read(root, "drive")
    assert len(samples) == 3
    assert {s.split for s in samples} == {"train" if half == "training" else "test"}
    assert all(s.labels().sum() == 1 and s.fov().sum() == 1 for s in samples)


def test_drive_as_it_is_offered_says_that_it_has_no_test_labels(tmp_path):
    sample = datasets.read(drive(tmp_path, official=True), "drive")[-1]
    assert sample.image().shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(
        LayoutError, match=r"'03_test' has no labels by observer '1st'.*no test labels"
    ) as caught:
        sample.labels()  # the second observer must not stand in for the first unasked
    assert str(tmp_path) in str(caught.value)
    assert sample.labels("2nd").sum() == 1


def test_a_gap_in_the_labels_does_not_shift_the_others(tmp_path):
    root = drive(tmp_path)
    (root / "training/1st_manual/21_manual1.gif").unlink()
    first, *others = (s for s in datasets.read(root) if s.split == "train")
    with pytest.raises(LayoutError):
        first.labels()
    assert [s.labels().flat[int(s.subject)] for s in others] == [1, 1]


def test_a_missing_mask_is_named(tmp_path):
    root = drive(tmp_path)
    shutil.rmtree(root / "test/mask")
    with pytest.raises(LayoutError, match=r"'03_test' has no field-of-view mask.*_test_mask\.gif"):
        datasets.read(root)[-1].fov()


@pytest.mark.parametrize("suffix", [".ppm", ".ppm.gz", ".PPM"])
@pytest.mark.parametrize("folders", [("stare-images", "labels-ah", "labels-vk"), ("", "", "")])
def test_stare_lies_packed_or_not_in_folders_or_flat(tmp_path, suffix, folders):
    images, ah, vk = (tmp_path / folder for folder in folders)
    for number in (5, 1):
        put(images / f"im000{number}{suffix}", number)
        put(ah / f"im000{number}.ah{suffix}", number)
        put(vk / f"im000{number}.vk{suffix}", number + 20)
    assert datasets.recognise(tmp_path) == "stare"
    samples = datasets.read(tmp_path, "stare")
    assert [(s.name, s.split, s.fov_path) for s in samples] == [
        ("im0001", None, None),
        ("im0005", None, None),
    ]
    for sample in samples:
        number = int(sample.name[2:])
        assert (sample.image() == number).all()
        assert list(sample.label_paths) == ["ah", "vk"]
        assert sample.labels().flat[number] == 1
        assert sample.labels("vk").flat[number + 20] == 1
    with pytest.raises(LayoutError, match="use the detected one"):
        samples[0].fov()
    with pytest.raises(LayoutError, match=r"observer 'xy'.*labels by ah and vk"):
        samples[0].labels("xy")


def test_a_stare_file_that_lies_there_packed_and_unpacked_counts_once(tmp_path):
    put(tmp_path / "im0001.ppm", 1)
    put(tmp_path / "im0001.ppm.gz", 1)
    assert [s.image_path.name for s in datasets.read(tmp_path, "stare")] == ["im0001.ppm"]


def test_chase_tells_child_eye_and_split(tmp_path):
    for number in (1, 10, 11, 14):
        for side in "LR":
            put(tmp_path / f"Image_{number:02}{side}.jpg", number)
            put(tmp_path / f"Image_{number:02}{side}_1stHO.png", number)
    put(tmp_path / "Image_01L_2ndHO.png", 20)
    samples = datasets.read(tmp_path, "chase")
    assert datasets.recognise(tmp_path) == "chase"
    assert [(s.name, s.subject, s.eye, s.split) for s in samples] == [
        (f"Image_{subject}{side}", subject, eye, split)
        for subject, split in (("01", "train"), ("10", "train"), ("11", "test"), ("14", "test"))
        for side, eye in (("L", "left"), ("R", "right"))
    ]
    assert samples[0].labels("2ndHO").flat[20] == 1
    assert all(s.labels().flat[int(s.subject)] == 1 for s in samples)


def test_hrf_suffixes_come_in_any_case_and_masks_with_three_channels(tmp_path):
    for number, name in enumerate(["01_h.jpg", "01_g.jpg", "01_dr.JPG", "06_h.jpg"]):
        stem = name.split(".")[0]
        put(tmp_path / "Images" / name, number)
        put(tmp_path / "manual1" / f"{stem}.tif", number)
        put(tmp_path / "mask" / f"{stem}_mask.tif", number)
    assert datasets.recognise(tmp_path) == "hrf"
    samples = datasets.read(tmp_path, "hrf")
    assert [(s.name, s.split) for s in samples] == [
        *(("01_dr", "train"), ("01_g", "train"), ("01_h", "train"), ("06_h", "test"))
    ]
    assert [int(s.labels().argmax()) for s in samples] == [2, 1, 0, 3]
    assert [int(s.fov().argmax()) for s in samples] == [2, 1, 0, 3]
    assert samples[0].fov().shape == (HEIGHT, WIDTH)


def coloured(path: Path, *colours) -> Path:
    """Write a label file whose first pixels have these colours, the others black."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture.reshape(-1, 3)[: len(colours)] = colours
    Image.fromarray(picture).save(path)
    return path


RED, BLUE, GREEN, WHITE = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255)


@pytest.mark.parametrize("av", ["", "av"])
@pytest.mark.parametrize("place", ["DRIVE", "RITE"])
def test_rite_takes_the_photographs_of_drive_beside_it_or_in_it(tmp_path, place, av):
    drive(tmp_path / place)
    if place == "RITE":  # as it is offered, without DRIVE's labels
        for folder in ("training/1st_manual", "test/1st_manual", "test/2nd_manual"):
            shutil.rmtree(tmp_path / "RITE" / folder)
    coloured(tmp_path / "RITE/training" / av / "22_training.png", RED, BLUE, GREEN, WHITE)
    coloured(tmp_path / "RITE/test" / av / "01_test.png", BLUE, RED)
    assert datasets.recognise(tmp_path / "RITE") == "rite"
    train, test = datasets.read(tmp_path / "RITE")
    assert [(train.name, train.split), (test.name, test.split)] == [
        *(("22_training", "train"), ("01_test", "test"))
    ]
    assert (train.image() == 22).all()
    assert train.fov().flat[0] == 1
    assert train.artery_vein().labels.flat[:5].tolist() == [1, 2, 3, 4, 0]
    assert train.labels().sum() == 4
    assert Pair.of(train).vessels.flat[:5].tolist() == [1, 2, 3, 4, 0]
    if place == "DRIVE":
        assert datasets.recognise(tmp_path / "DRIVE") == "drive"
        shutil.rmtree(tmp_path / "DRIVE")
        assert datasets.recognise(tmp_path / "RITE") is None
        with pytest.raises(LayoutError, match=r"labels of RITE without photographs.*a folder 'DRIVE' beside"):
            datasets.read(tmp_path / "RITE", "rite")


def test_drives_photographs_as_png_are_not_rite(tmp_path):
    coloured(tmp_path / "images" / "01_test.png", (200, 90, 40))
    assert datasets.identify(tmp_path / "images" / "01_test.png") is None
    assert datasets.recognise(tmp_path) is None


def test_value_3_of_hrf_takes_no_part(tmp_path):
    put(tmp_path / "images" / "01_dr.JPG", 1)
    put(tmp_path / "manual1" / "01_dr.tif", 1)
    (tmp_path / "av").mkdir()
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels.flat[:4] = 1, 2, 3, 2
    Image.fromarray(labels).save(tmp_path / "av" / "01_dr_AVmanual.png")
    assert datasets.recognise(tmp_path) == "hrf"
    assert datasets.recognise(tmp_path / "av") == "hrf-av"
    for root in (tmp_path, tmp_path / "av"):
        (sample,) = datasets.read(root, "hrf-av")
        pair = Pair.of(sample)
        assert pair.vessels.flat[:5].tolist() == [1, 2, 0, 2, 0]
        assert np.flatnonzero(pair.ignored).tolist() == [2]


NUMBERED = {
    "aria": ((768, 576), {"": (641, 500)}, ".jpg"),
    "orvs": ((1444, 1444), {"": (2012, 2118)}, ".jpg"),
    "octa500-6m": ((400, 400), {"train": (10180, 10001), "val": (10200,), "test": (10300,)}, ".png"),
    "octa500-3m": ((304, 304), {"train": (10301,), "val": (10441,)}, ".png"),
    "rossa": ((320, 320), {"train_manual": (100, 2), "val": (101,)}, ".png"),
}
"""Size, numbers by folder, and suffix of photographs of data sets whose files are called by numbers."""


def numbered(root: Path, size: tuple[int, int], parts: dict[str, tuple[int, ...]], suffix: str) -> Path:
    """Write photographs, grey where they are PNG, and labels whose first pixels tell them apart."""
    for part, numbers in parts.items():
        for number in numbers:
            labels = np.zeros(size[::-1], np.uint8)
            labels[0, : number % 300 + 1] = 255
            picture = Image.new("L" if suffix == ".png" else "RGB", size, number % 200)
            for kind, image, ending in (
                ("images", picture, suffix),
                ("labels", Image.fromarray(labels > 0), ".png"),
            ):
                (root / part / kind).mkdir(parents=True, exist_ok=True)
                image.save(root / part / kind / f"{number}{ending}")
    return root


@pytest.mark.parametrize("key", NUMBERED)
def test_a_set_of_numbers_is_told_by_numbers_folders_and_size(tmp_path, caplog, key):
    size, parts, suffix = NUMBERED[key]
    root = numbered(tmp_path / "any name", size, parts, suffix)
    assert datasets.recognise(root) == key
    samples = datasets.read(root)
    wanted = [(str(n), part) for part, numbers in parts.items() for n in sorted(numbers)]
    splits = {"": None, "train": "train", "train_manual": "train", "val": "test", "test": "test"}
    assert [(s.name, s.split) for s in samples] == [(name, splits[part]) for name, part in wanted]
    for sample in samples:
        assert sample.image().shape == (*size[::-1], 3)
        assert sample.labels().sum() == int(sample.name) % 300 + 1
    octa = key.startswith(("octa", "rossa"))
    assert {s.modality for s in samples} == {"octa" if octa else "fundus"}
    assert not caplog.messages  # where all pictures are grey, grey needs no remark
    picture = samples[0].image_path
    assert datasets.identify(picture).dataset == key
    for part in parts:  # one part alone is enough
        assert datasets.recognise(root / part) == key


@pytest.mark.parametrize("key", NUMBERED)
def test_a_folder_of_ones_own_with_images_and_labels_is_no_data_set(tmp_path, key):
    size, parts, suffix = NUMBERED[key]
    for folder, other in {
        "size": (size[0], size[1] + 1),
        "numbers": size,
        "no labels": size,
        "one folder": size,
    }.items():
        root = numbered(tmp_path / folder / key.upper(), other, parts, suffix)
        for part in parts:
            if folder == "numbers":  # also of other photographs
                for kind in ("images", "labels"):
                    first = next((root / part / kind).iterdir())
                    shutil.copy(first, first.with_stem("9000"))
            elif folder == "no labels":
                shutil.rmtree(root / part / "labels")
            elif folder == "one folder":
                (root / part / "images").rename(root / part / "photographs")
        assert datasets.recognise(root) is None, folder
    picture = next((tmp_path / "size").rglob(f"images/*{suffix}"))
    assert datasets.identify(picture) is None


def test_splits_and_near_duplicates_of_numbered_sets(tmp_path):
    size, _, suffix = NUMBERED["rossa"]
    root = numbered(tmp_path / "ROSSA", size, {"train_manual": (42, 43, 68), "val": (131, 168)}, suffix)
    samples = datasets.read(root)
    assert {s.name: s.split for s in samples} == {
        "42": "duplicate",
        "43": "train",
        "68": "duplicate",
        "131": "test",
        "168": "test",
    }
    assert [s.name for s in samples if RECIPES["drive"].takes(s)] == ["43"]
    assert [e.name for e in folders.entries(root) if e.for_training] == ["43"]
    assert [s.name for s in evaluation.chosen(samples, None)] == ["131", "168"]
    size, _, suffix = NUMBERED["octa500-3m"]
    root = numbered(tmp_path / "3M", size, {"train": (10333, 10388)}, suffix)
    assert [s.split for s in datasets.read(root)] == ["train", "duplicate"]


def test_images_that_look_like_one_subject_of_orvs_stay_in_one_fold(tmp_path):
    size, _, suffix = NUMBERED["orvs"]
    numbers = (2028, 2029, 2030, 2115, 2116, 2117, 2118, 2119)
    samples = datasets.read(numbered(tmp_path, size, {"": numbers}, suffix))
    for count in (2, 3, 5):
        cut = crossvalidation.folds_of(crossvalidation.by_subject(samples), count)
        fold = {s.name: n for n, part in enumerate(cut) for subject in part for s in subject}
        assert len(fold) == len(numbers)
        for one, other in (("2028", "2030"), ("2115", "2118"), ("2116", "2117")):
            assert fold[one] == fold[other]


@pytest.mark.parametrize("folders", [("images", "labels"), ("train/training_images", "train/training_masks")])
def test_both_values_of_ravir_are_vessels(tmp_path, caplog, folders):
    labels = np.zeros((48, 64), np.uint8)
    labels[10:14], labels[30:34] = 128, 255
    for name in ("IR_Case_011.png", "IR_Case_058.png"):
        for folder, pixels in zip(folders, (np.full((48, 64), 90, np.uint8), labels), strict=True):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / name)
    assert datasets.recognise(tmp_path) == "ravir"
    sample, other = datasets.read(tmp_path)
    assert (sample.name, other.name, sample.modality) == ("IR_Case_011", "IR_Case_058", "infrared")
    assert (sample.image() == 90).all()
    assert not caplog.messages
    np.testing.assert_array_equal(sample.labels(), labels > 0)
    assert datasets.identify(tmp_path / "IR_Case_011.png") is None  # photograph or labels?


def test_what_systems_leave_in_folders_is_passed_over(tmp_path):
    root = drive(tmp_path)
    for name in ("._21_training.tif", "Thumbs.db", ".DS_Store", "desktop.ini", "21_training.tif.bak"):
        (root / "training/images" / name).write_bytes(b"junk")
    (root / "__MACOSX").mkdir()
    assert len(datasets.read(root)) == 6


def test_reading_writes_nothing(tmp_path):
    root = drive(tmp_path / "DRIVE")
    before = hashes(root)
    everything = sorted(root.rglob("*"), reverse=True)
    for path in (*everything, root):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for sample in datasets.read(root):
            sample.image(), sample.labels(), sample.fov()
        assert hashes(root) == before
    finally:
        for path in (root, *reversed(everything)):
            path.chmod(0o755)


# --- folders and files that are something else


@pytest.mark.parametrize("key", [None, *DATASETS])
def test_a_folder_without_the_data_set_is_named_with_what_was_looked_for(tmp_path, key):
    put(tmp_path / "holiday.jpg")
    with pytest.raises(LayoutError) as caught:
        datasets.read(tmp_path, key)
    message = str(caught.value)
    assert str(tmp_path) in message
    for wanted in [key] if key else DATASETS:
        assert DATASETS[wanted].looks_like in message


def test_a_key_or_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(LayoutError, match="no data set 'drvie': choose drive, stare, chase, hrf"):
        datasets.read(tmp_path, "drvie")
    for path in (tmp_path / "gone", put(tmp_path / "file.jpg")):
        with pytest.raises(LayoutError, match=re.escape(f"'{path}'")):
            datasets.read(path, "drive")
        with pytest.raises(LayoutError, match=re.escape(f"'{path}'")):
            datasets.read(path)


def test_recognise_is_silent_about_anything_else(tmp_path, monkeypatch):
    image = put(tmp_path / "a" / "21_training.tif")
    drive(tmp_path / "b" / "DRIVE")
    (tmp_path / "training").mkdir()
    # The folder above a data set is not the data set.
    for folder in (tmp_path, tmp_path / "b", tmp_path / "training", tmp_path / "gone", image, "bad\0name"):
        assert datasets.recognise(folder) is None

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("napari_saunetv2.datasets._layout.os.scandir", refuse)
    assert datasets.recognise(tmp_path / "b" / "DRIVE") is None
    with pytest.raises(LayoutError, match="Permission denied"):
        datasets.read(tmp_path / "b" / "DRIVE", "drive")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("21_training.tif", ("image", "drive", "21_training", "21", None, "train", None)),
        ("01_TEST.TIF", ("image", "drive", "01_test", "01", None, "test", None)),
        ("40_manual1.gif", ("labels", "drive", "40_training", "40", None, "train", "1st")),
        ("01_manual2.gif", ("labels", "drive", "01_test", "01", None, "test", "2nd")),
        ("21_training_mask.gif", ("fov", "drive", "21_training", "21", None, "train", None)),
        ("im0001.ppm", ("image", "stare", "im0001", "im0001", None, None, None)),
        ("im0324.vk.PPM.gz", ("labels", "stare", "im0324", "im0324", None, None, "vk")),
        ("Image_10R.jpg", ("image", "chase", "Image_10R", "10", "right", "train", None)),
        ("Image_11L_2ndHO.png", ("labels", "chase", "Image_11L", "11", "left", "test", "2ndHO")),
        ("01_dr.JPG", ("image", "hrf", "01_dr", "01_dr", None, "train", None)),
        ("15_h.tif", ("labels", "hrf", "15_h", "15_h", None, "test", "manual1")),
        ("05_g_mask.tif", ("fov", "hrf", "05_g", "05_g", None, "train", None)),
        ("images/IR_Case_011.png", ("image", "ravir", "IR_Case_011", "IR_Case_011", None, None, None)),
        ("labels/IR_Case_011.png", ("labels", "ravir", "IR_Case_011", "IR_Case_011", None, None, "manual")),
    ],
)
def test_a_file_is_identified_by_its_name(name, expected):
    found = datasets.identify(f"/any/where/{name}")
    fields = ("role", "dataset", "name", "subject", "eye", "split", "observer")
    assert found is not None
    assert tuple(getattr(found, field) for field in fields) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("cells.tif", "my_training.tif", "121_training.tif", "21_training.tif.txt", "21_training.tiff"),
        *("21_test.tif", "00_test.tif", "41_training.tif", "01_manual3.gif", "._21_training.tif"),
        *("im001.ppm", "im0001.xy.ppm", "im0001.png", "xim0001.ppm", "im0001.ppm\n"),
        *("Image_1L.jpg", "Image_15L.jpg", "Image_01X.jpg", "Image_01L_3rdHO.png", "Image_01L_1stHO.jpg"),
        *("01_x.jpg", "16_h.jpg", "00_h.jpg", "01_h.png", "01_h_mask.gif", "", "training"),
        *("fov_mask_unofficial/im0001.ppm", "images/500.jpg", "images/0500.jpg", "labels/1.png"),
        *("IR_Case_011.png", "images/IR_Case_11.png", "images/IR_Case_011.jpg"),
    ],
)
def test_other_names_are_left_alone(name):
    assert datasets.identify(Path(name)) is None


def test_samples_travel_to_other_processes(tmp_path):
    samples = datasets.read(drive(tmp_path))
    assert pickle.loads(pickle.dumps(samples)) == samples


def test_every_data_set_says_what_to_cite():
    for key, dataset in DATASETS.items():
        assert key == dataset.key
        assert dataset.citation
        assert dataset.observers


# --- the real photographs

REAL = {"drive": "DRIVE", "stare": "STARE", "chase": "CHASE_DB1", "hrf": "HRF", "rite": "RITE",
        "hrf-av": "HRF/av", "aria": "ARIA", "orvs": "ORVS", "ravir": "RAVIR", "octa500-6m": "OCTA/OCTA500_6M",
        "octa500-3m": "OCTA/OCTA500_3M", "rossa": "OCTA/ROSSA"}  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize(
    ("key", "shape", "splits", "observers", "fovs"),
    [
        ("drive", (584, 565), {"train": 20, "test": 20}, {"1st": 40, "2nd": 20}, 40),
        ("stare", (605, 700), {None: 20}, {"ah": 20, "vk": 20}, 0),
        ("chase", (960, 999), {"train": 20, "test": 8}, {"1stHO": 28, "2ndHO": 28}, 0),
        ("hrf", (2336, 3504), {"train": 15}, {"manual1": 15}, 15),
        ("rite", (584, 565), {"train": 20, "test": 20}, {"av": 40}, 40),
        ("hrf-av", (2336, 3504), {"train": 15}, {"av": 15}, 15),
        ("aria", (576, 768), {None: 142}, {"manual": 142}, 0),
        ("orvs", (1444, 1444), {None: 48}, {"manual": 48}, 0),
        ("ravir", (768, 768), {None: 22}, {"manual": 22}, 0),
        ("octa500-6m", (400, 400), {"train": 180, "test": 20}, {"manual": 200}, 0),
        ("octa500-3m", (304, 304), {"train": 139, "test": 10, "duplicate": 1}, {"manual": 150}, 0),
        ("rossa", (320, 320), {"train": 98, "test": 100, "duplicate": 2}, {"manual": 200}, 0),
    ],
)
def test_the_real_set_is_complete(shared, key, shape, splits, observers, fovs):
    root = shared / "data" / REAL[key]
    assert datasets.recognise(root) == key
    samples = datasets.read(root)
    assert Counter(s.split for s in samples) == splits
    assert Counter(observer for s in samples for observer in s.label_paths) == observers
    assert sum(s.fov_path is not None for s in samples) == fovs
    assert {next(iter(s.label_paths)) for s in samples} == {DATASETS[key].observers[0]}
    for sample in (samples[0], samples[-1]):
        image = sample.image()
        assert image.shape == (*shape, 3)
        assert image.dtype == np.uint8
        red, _, blue = image.reshape(-1, 3).mean(axis=0)
        # A fundus is red, so that the channels are in order.
        assert red > 1.3 * blue if sample.modality == "fundus" else red == blue
        vessels = image[sample.labels() > 0].mean() / image[sample.labels() == 0].mean()
        assert {"octa": vessels > 1.3, "infrared": vessels < 1}.get(sample.modality, True)
        for observer in sample.label_paths:
            labels = sample.labels(observer)
            assert labels.shape == shape
            assert labels.dtype == np.uint8
            assert np.unique(labels).tolist() == [0, 1]
            assert 0.02 < labels.mean() < 0.17  # vessels cover a tenth of a retina or so
        if sample.fov_path:
            assert 0.6 < sample.fov().mean() < 0.9


@pytest.mark.data
def test_both_observers_of_drive_mean_the_same_by_vessel(shared):
    """The palette of the second observer must not be read inverted: the humans agree at F1 .788."""
    scores = []
    for sample in datasets.read(shared / "data/DRIVE"):
        if sample.split == "test":
            first, second = sample.labels("1st"), sample.labels("2nd")
            scores.append(2 * (first & second).sum() / (first.sum() + second.sum()))
            assert (first & (1 - sample.fov())).sum() < 0.01 * first.sum()
    assert np.mean(scores) == pytest.approx(0.788, abs=0.0015)


@pytest.mark.data
def test_a_palette_that_lists_white_first_is_read_by_its_greys(shared):
    mask = read_mask(shared / "data/CHASE_DB1/fov_mask_unofficial/Image_01L.gif")
    assert mask[480, 500] == 1
    assert mask[0, 0] == 0


@pytest.mark.data
def test_the_real_drive_stays_as_it_is(shared, tmp_path):
    root = tmp_path / "DRIVE"
    for half, number in (("training", "21"), ("test", "01")):
        for path in (shared / "data/DRIVE" / half).glob(f"*/{number}_*"):
            copy = root / half / path.parent.name / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o444)
    before = hashes(root)
    for sample in datasets.read(root):
        sample.image(), sample.labels(), sample.fov()
    assert len(before) == 2 + 3 + 4 + 7
    assert hashes(root) == before
