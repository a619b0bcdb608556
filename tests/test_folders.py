"""What is taken of a folder and what is left out, and which files belong together."""

import csv
import unicodedata

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_saunetv2.cli import app
from napari_saunetv2.datasets import inputs
from napari_saunetv2.datasets.partners import bare, belonging
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.evaluation import file_pairs
from napari_saunetv2.files import write_image, write_mask, write_probability
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training import folders

EYES = [fundus((96, 96), seed) for seed in range(3)]


def call(*words):
    done = CliRunner().invoke(app, [*map(str, words)])
    return done, " ".join(str(done.exception or "").split() + done.output.split())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model that takes no time."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    network = NETWORKS["saunetv2"](widths=(8, 8))
    header = checkpoint.Header(network="saunetv2", network_arguments={"widths": [8, 8]})
    checkpoint.save(path, network, header)
    return path


@pytest.fixture
def eyes(tmp_path):
    folder = tmp_path / "eyes"
    folder.mkdir()
    for number, eye in enumerate(EYES):
        write_image(folder / f"eye{number}.png", eye.image)
    return folder


def listed(folder, **how):
    return sorted(path.name for path in inputs.gather([str(folder)], **how).files)


# --- own results, masks and other files


@pytest.mark.parametrize("suffix", ["png", "tif", "gif"])
def test_a_folder_segmented_into_itself_does_not_grow(eyes, tiny, suffix):
    words = ("segment", eyes, "-o", eyes, "-m", tiny, "--overlay", "--probability", "--overwrite", "--format")
    for turn in range(3):
        done, text = call(*words, suffix)
        assert done.exit_code == 0, text
        assert "3 of 3 images segmented" in text
        assert ("9 results of an earlier run" in text) == bool(turn)
    assert listed(eyes) == ["eye0.png", "eye1.png", "eye2.png"]


NAMES = ("retinal_vessels", "my_mask", "eye_overlay", "scan_probability", "left_fov", "plate_1_label")


@pytest.mark.parametrize("name", NAMES)
def test_a_photograph_is_one_whatever_its_name(eyes, name):
    write_image(eyes / f"{name}.png", EYES[0].image)
    Image.fromarray(EYES[1].image).save(eyes / f"{name}_b.jpg")
    assert f"{name}.png" in listed(eyes)
    assert f"{name}_b.jpg" in listed(eyes)


def masks(folder):
    """Masks of six kinds, by name."""
    mask = EYES[0].vessels
    write_mask(folder / "eye0_manual1.gif", mask)
    write_mask(folder / "eye0_mask.png", EYES[0].fov, maximum=1)
    Image.fromarray(mask * np.uint8(255)).save(folder / "eye1_vessels.jpg", quality=80)
    Image.fromarray(mask.astype(bool)).save(folder / "eye1_label.png")
    write_image(folder / "eye2_av.png", np.stack([mask * 255, mask * 0, (1 - mask) * 0], 2).astype(np.uint8))
    write_mask(folder / "eye2.tif", mask)  # of the photograph's own name
    return 6


def test_what_is_left_out_is_counted(eyes, tiny, tmp_path):
    count = masks(eyes)
    for name in ("notes.txt", "table.csv", "scan.heic", "scan.czi", ".hidden.png"):
        (eyes / name).write_text("x")
    (eyes / "more").mkdir()
    done, text = call("segment", eyes, "-o", tmp_path / "out", "-m", tiny)
    assert done.exit_code == 0, text
    for words in (
        f"{count - 1} masks", "1 result of an earlier run", "2 text files", "1 hidden file",
        "1 subfolder (use --recursive to include it)", "2 of an unsupported format: .czi, .heic",
    ):  # fmt: skip
        assert words in text
    assert listed(eyes) == ["eye0.png", "eye1.png", "eye2.png"]


def test_a_folder_of_masks_alone_is_refused_with_the_count(eyes):
    for path in eyes.iterdir():
        path.unlink()
    write_mask(eyes / "a_mask.png", EYES[0].vessels)
    (eyes / "b.txt").write_text("x")
    with pytest.raises(SettingsError, match=r"1 mask, 1 text file left out"):
        inputs.gather([str(eyes)])


def test_a_file_that_is_named_is_taken_whatever_it_holds(eyes):
    write_mask(eyes / "a_mask.png", EYES[0].vessels)
    named = [str(eyes / "a_mask.png"), str(eyes / "missing.png")]
    assert [path.name for path in inputs.gather(named).files] == ["a_mask.png", "missing.png"]


# --- subfolders


def test_subfolders_keep_their_tree(tmp_path, tiny):
    root = tmp_path / "root"
    for number, below in enumerate((".", "a", "a/b", "c", "c d/é")):
        (root / below).mkdir(parents=True, exist_ok=True)
        write_image(root / below / "eye.png", EYES[number % 3].image)
    table = tmp_path / "t.csv"
    for turn in range(2):
        words = ("segment", root, "-o", root / "out", "-m", tiny, "--recursive", "--table", table)
        done, text = call(*words, *(["--resume"] if turn else []))
        assert done.exit_code == 0, text
        assert "5 of 5" in text
        made = sorted(p.relative_to(root / "out").as_posix() for p in (root / "out").rglob("*.png"))
        assert made == ["a/b/eye_vessels.png", "a/eye_vessels.png", "c d/é/eye_vessels.png",
                        "c/eye_vessels.png", "eye_vessels.png"]  # fmt: skip
    with table.open(encoding="utf-8") as lines:
        assert sorted(row["result"] for row in csv.DictReader(lines)) == made


def test_names_that_meet_get_numbers(tmp_path):
    files = {tmp_path / name: inputs.PurePath() for name in ("eye.png", "Eye.jpg", "x.tif", "x.tif.gz")}
    assert list(inputs.result_names(files).values()) == ["eye", "Eye_2", "x", "x_2"]


# --- which files belong together


@pytest.mark.parametrize(
    ("owner", "file"),
    [
        ("01_test_vessels", "01_manual1.gif"), ("01_test", "01_test_mask.gif"),
        ("im0001", "im0001.ah.ppm.gz"),
        ("Image_01L", "Image_01L_1stHO.png"), ("01_dr", "01_dr_AVmanual.png"), ("Eye", "eye.png"),
        ("eye", "EYE_mask.TIF"), ("eye_probability", "eye.png"), ("a.b", "a.b_vessels.png"),
        (unicodedata.normalize("NFC", "œil_é"), unicodedata.normalize("NFD", "œil_é_label.png")),
        ("21_training_vessels", "21_manual1.gif"), ("07_visit", "07_observer.png"),
    ],
)  # fmt: skip
def test_names_that_belong_together(tmp_path, owner, file):
    files = [tmp_path / file, tmp_path / "99_other.png"]
    assert belonging([owner], files) == [files[0]]


@pytest.mark.parametrize(
    ("owners", "files"),
    [
        (["01_g", "01_h"], ["01_dr_mask.png"]), (["eye1"], ["eye2.png"]),
        (["07_left"], ["07_right_manual.png"]),
        (["p1_OD"], ["p1_OS.png"]), (["1"], ["11.png"]), (["vessels"], ["mask.png"]),
    ],
)  # fmt: skip
def test_names_that_do_not(tmp_path, owners, files):
    assert belonging(owners, [tmp_path / file for file in files]) == [None] * len(owners)


def test_bare_names():
    assert bare("01_test_vessels") == "01"
    assert bare("mask") == "mask"


def beside(folder, name, photograph, mask):
    folder.mkdir(exist_ok=True)
    Image.fromarray(EYES[0].image).save(folder / f"{name}.{photograph}")
    write_mask(folder / f"{name}.{mask}", EYES[0].vessels)


@pytest.mark.parametrize(
    ("photograph", "mask"), [("jpg", "png"), ("png", "tif"), ("bmp", "gif"), ("tif", "png"), ("jpeg", "gif")]
)
def test_of_two_files_of_one_name_the_mask_is_the_truth(tmp_path, photograph, mask):
    beside(tmp_path / "truth", "eye", photograph, mask)
    (tmp_path / "found").mkdir()
    write_mask(tmp_path / "found" / "eye_vessels.png", EYES[0].vessels)
    done, text = call("score", tmp_path / "found", tmp_path / "truth")
    assert done.exit_code == 0, text
    assert "1.0000" in text
    (tmp_path / "images").mkdir()
    write_image(tmp_path / "images" / "eye.png", EYES[0].image)
    (pair,) = folders.pairs(tmp_path, tmp_path / "truth")
    assert np.array_equal(pair.vessels, EYES[0].vessels)
    (alone,) = folders.entries(tmp_path / "truth")  # both in one folder: a photograph and its labels
    assert alone.image.suffix == f".{photograph}"
    assert alone.labels.suffix == f".{mask}"


def test_two_masks_of_one_name_are_an_error_that_names_both(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    write_image(tmp_path / "images" / "eye.png", EYES[0].image)
    for suffix in ("png", "tif"):
        write_mask(tmp_path / "labels" / f"eye.{suffix}", EYES[0].vessels)
    with pytest.raises(LayoutError, match=r"'eye\.png', 'eye\.tif'"):
        folders.pairs(tmp_path)
    with pytest.raises(LayoutError, match=r"'eye\.png', 'eye\.tif'"):
        file_pairs.matched(tmp_path / "images", tmp_path / "labels")


def test_a_near_name_is_shown(tmp_path):
    for part, name in (("found", "patient_12"), ("truth", "patient_21_x")):
        (tmp_path / part).mkdir()
        write_mask(tmp_path / part / f"{name}.png", EYES[0].vessels)
    _, text = call("score", tmp_path / "found", tmp_path / "truth")
    assert "the nearest name is 'patient_21_x.png'" in text


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_unicode_and_case_in_a_folder_to_train_on(tmp_path, form):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    write_image(tmp_path / "images" / (unicodedata.normalize(form, "Zoë_É") + ".png"), EYES[0].image)
    other = unicodedata.normalize({"NFC": "NFD", "NFD": "NFC"}[form], "zoë_é")
    write_mask(tmp_path / "labels" / f"{other}.PNG".replace(".PNG", ".png"), EYES[0].vessels)
    assert len(folders.pairs(tmp_path)) == 1


# --- score


def test_score_takes_what_segment_wrote(tmp_path, tiny):
    images, truth = tmp_path / "images", tmp_path / "truth"
    images.mkdir()
    truth.mkdir()
    for number, eye in enumerate(EYES, 1):
        write_image(images / f"{number:02}_test.tif", eye.image)
        write_mask(truth / f"{number:02}_manual1.gif", eye.vessels)
    call("segment", images, "-o", tmp_path / "out", "-m", tiny, "--overlay", "--probability")
    table = tmp_path / "scores.csv"
    done, text = call("score", tmp_path / "out", truth, "--csv", table)
    assert done.exit_code == 0, text
    assert "6 files left out" in text
    rows = list(csv.DictReader(table.open()))
    assert [row["image"] for row in rows] == [f"{n:02}_test_vessels" for n in (1, 2, 3)] + ["mean"]
    assert rows[0]["model"] == "01_test_vessels.png"
    assert rows[0]["observer"] == "01_manual1.gif"
    assert rows[-1]["fov"] == "whole frame"
    assert rows[-1]["version"]


@pytest.mark.parametrize(("kind", "top"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_a_threshold_works_on_maps_of_any_type(tmp_path, kind, top, threshold):
    from sklearn.metrics import f1_score, roc_auc_score

    truth = EYES[0].vessels
    noise = np.random.default_rng(0).random(truth.shape)
    found = np.clip(0.45 * truth + 0.55 * noise, 0, 1)
    stored = (found * top).round().astype(kind) if top > 1 else found.astype(np.float32)
    if kind == "float32":
        write_probability(tmp_path / "eye.tif", stored)
    else:
        Image.fromarray(stored).save(tmp_path / "eye.tif")
    write_mask(tmp_path / "truth.png", truth)
    table = tmp_path / "scores.csv"
    words = (tmp_path / "eye.tif", tmp_path / "truth.png", "--threshold", threshold, "--csv", table)
    done, text = call("score", *words)
    assert done.exit_code == 0, text
    row = next(csv.DictReader(table.open()))
    read = stored / top
    assert float(row["f1"]) == pytest.approx(f1_score(truth.ravel(), (read >= threshold).ravel()), abs=2e-3)
    assert float(row["auc"]) == pytest.approx(roc_auc_score(truth.ravel(), read.ravel()), abs=1e-4)
    assert row["threshold"] == str(threshold)


def test_pixels_that_nobody_judged_are_left_out_and_said(tmp_path):
    truth = EYES[0].vessels.copy()
    truth[:20] = 255
    Image.fromarray(truth).save(tmp_path / "truth.png")
    found = EYES[0].vessels.copy()
    found[:20] = 1  # wrong where nobody annotated
    write_mask(tmp_path / "found.png", found)
    done, text = call("score", tmp_path / "found.png", tmp_path / "truth.png")
    assert done.exit_code == 0, text
    assert "are not annotated and are left out" in text
    assert "1.0000" in text


@pytest.mark.parametrize("length", [5, 30, 60])
def test_numbers_are_whole_on_a_narrow_terminal(tmp_path, monkeypatch, length):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / f"{'x' * length}.png"
    write_mask(path, 1 - EYES[0].vessels)
    write_mask(tmp_path / "truth.png", EYES[0].vessels)
    done, _ = call("score", path, tmp_path / "truth.png")
    assert done.exit_code == 0
    assert "…" not in done.output
    assert "-1.0000" in done.output
    assert max(map(len, (line for line in done.output.splitlines() if "0.0000" in line))) <= 80


# --- one default model


def test_every_command_and_the_readme_name_one_model(monkeypatch):
    from pathlib import Path

    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"`{checkpoint.DEFAULT}` is the default model" in readme
    for command in ("segment", "evaluate", "finetune"):
        monkeypatch.setenv("COLUMNS", "200")
        assert checkpoint.DEFAULT in call(command, "--help")[1]
