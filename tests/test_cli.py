import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_saunetv2 import cli, inference
from napari_saunetv2.files import read_image, read_mask
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import RECIPES


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Call the command line: exit code, and all that it printed."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["saunetv2", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        text = printed.out + printed.err
        assert "report this" not in text, text  # said only of a failure that nobody foresaw
        return int(end.value.code or 0), text

    return call


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "eyes" / "eye [left].png"
    path.parent.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """A data set in DRIVE's layout: two training images, one test image without labels, as downloaded."""
    rng = np.random.default_rng(0)
    for split, numbers in (("training", (21, 22)), ("test", (1,))):
        for number in numbers:
            parts = {
                f"images/{number:02}_{split}.tif": rng.integers(0, 256, (48, 48, 3), np.uint8),
                f"mask/{number:02}_{split}_mask.gif": np.full((48, 48), 255, np.uint8),
            }
            if split == "training":
                parts[f"1st_manual/{number:02}_manual1.gif"] = (rng.random((48, 48)) < 0.2).astype(
                    np.uint8
                ) * 255
            for name, pixels in parts.items():
                path = tmp_path / "DRIVE" / split / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return tmp_path / "DRIVE"


def test_help_comes_without_torch_and_names_every_command():
    code = (
        "import sys; from napari_saunetv2 import cli; sys.exit(bool({'torch', 'napari'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    command = [sys.executable, "-m", "napari_saunetv2.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for name in ("segment", "evaluate", "train", "cross-validate", "models", "import-keras", "demo"):
        assert name in done.stdout


def test_segment_writes_what_python_gives(run, photograph: Path, tmp_path: Path):
    out = tmp_path / "out"
    code, text = run("segment", photograph, "-o", out, "--probability", "--overlay")
    assert code == 0, text
    image = read_image(photograph)
    probability = inference.segment(image)
    threshold = checkpoint.load().header.threshold
    np.testing.assert_array_equal(tifffile.imread(out / "eye [left]_probability.tif"), probability)
    np.testing.assert_array_equal(
        read_image(out / "eye [left]_vessels.png"), 255 * inference.binarise(probability, threshold)
    )
    assert read_image(out / "eye [left]_overlay.png").shape == image.shape
    assert "eye [left].png" in text
    assert "1 of 1 images segmented" in text


def test_segment_takes_folders_and_patterns_and_other_formats(run, photograph: Path, tmp_path: Path):
    (photograph.parent / "notes.txt").write_text("no image")
    Image.open(photograph).save(photograph.parent / "b.tif")
    assert run("segment", photograph.parent, "-o", tmp_path / "a", "--format", "gif")[0] == 0
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["b_vessels.gif", "eye [left]_vessels.gif"]
    code, _ = run(
        "segment", photograph.parent / "*.tif", "-o", tmp_path / "b", "--binary", "--threshold", "0.3"
    )
    assert code == 0
    assert set(np.unique(read_image(tmp_path / "b" / "b_vessels.png"))) <= {0, 1}


def test_two_files_of_one_name_do_not_meet(run, photograph: Path, tmp_path: Path):
    other = tmp_path / "more" / photograph.name
    other.parent.mkdir()
    other.write_bytes(photograph.read_bytes())
    assert run("segment", photograph, other, "-o", tmp_path / "out")[0] == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_bad_file_is_reported_and_the_others_go_on(run, photograph: Path, tmp_path: Path):
    bad = {
        "empty.png": b"",
        "text.tif": b"this is a text",
        "cut.png": photograph.read_bytes()[:200],
    }
    for name, data in bad.items():
        (photograph.parent / name).write_bytes(data)
    tifffile.imwrite(photograph.parent / "five.tif", np.zeros((20, 20, 5), np.uint8))
    tifffile.imwrite(photograph.parent / "nan.tif", np.full((20, 20), np.nan, np.float32))
    missing = photograph.parent / "missing.png"
    code, text = run("segment", photograph.parent, missing, "-o", tmp_path / "out")
    assert code == 1
    for name in (*bad, "five.tif", "nan.tif", "missing.png"):
        lines = [line for line in text.splitlines() if name in line]
        assert len(lines) == 1, (name, text)
        assert lines[0].startswith("failed")
    assert "Traceback" not in text
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["eye [left]_vessels.png"]


def test_existing_results_are_kept_unless_told(run, photograph: Path, tmp_path: Path):
    target = tmp_path / "out" / "eye [left]_vessels.png"
    target.parent.mkdir()
    target.write_bytes(b"days of work")
    code, text = run("segment", photograph, "-o", target.parent, "--probability")
    assert code == 1
    assert "--overwrite" in text
    assert [p.read_bytes() for p in target.parent.iterdir()] == [b"days of work"]
    assert run("segment", photograph, "-o", target.parent, "--overwrite")[0] == 0
    assert read_mask(target).shape == (40, 60)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "nobody"], "There is no model 'nobody'"),
        (["--threshold", "2"], "threshold is 2.0"),
        (["--threshold", "high"], "--threshold is 'high'"),
        (["--tta", "some"], "none, flips, d4"),
        (["--device", "cuda:9"], "cuda:9"),
        (["--rescale", "0"], "rescale is 0"),
        (["--format", "bmp"], "'bmp': it must be png"),
    ],
)
def test_a_wrong_option_is_one_line_and_writes_nothing(
    run, photograph: Path, tmp_path: Path, arguments, says
):
    code, text = run("segment", photograph, "-o", tmp_path / "out", *arguments)
    assert code == 1
    assert says in text
    assert "Traceback" not in text
    assert "failed" not in text  # it is the option, not the image
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_told(run, photograph: Path):
    code, text = run("segment", photograph, "-o", photograph)
    assert (code, "Traceback" in text) == (1, False)
    assert photograph.name in text


def test_a_pattern_without_a_match_is_told(run, tmp_path: Path):
    code, text = run("segment", tmp_path / "*.tif", "-o", tmp_path / "out")
    assert (code, "No image was found" in text) == (1, True)


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, photograph: Path, tmp_path: Path):
    arguments = ["saunetv2", "--debug", "segment", str(photograph), "-o", str(tmp_path), "--model", "nobody"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(checkpoint.CheckpointError):
        cli.main()


def test_evaluate_prints_and_writes_the_table(run, data_set: Path, tmp_path: Path):
    files = tmp_path / "s.json", tmp_path / "s.csv"
    code, text = run("evaluate", "drive", data_set, "--split", "train", "--json", files[0], "--csv", files[1])
    assert code == 0, text
    assert "Jaccard" in text
    scores = json.loads(files[0].read_text())
    assert [image["name"] for image in scores["images"]] == ["21_training", "22_training"]
    assert scores["mean"]["f1"] == pytest.approx(np.mean([image["f1"] for image in scores["images"]]))
    assert (scores["threshold"], scores["protocol"]) == ("0.5", "whole")
    assert files[1].read_text().splitlines()[0] == (
        "image,se,sp,acc,auc,f1,mcc,jaccard,cldice,betti0,model,observer,threshold,fov,version,note"
    )
    assert run("evaluate", "drive", data_set, "--split", "train", "--json", files[0])[0] == 1  # exists


def test_evaluate_compares_and_writes_a_page(run, data_set: Path, tmp_path: Path):
    page, table, scores = (tmp_path / name for name in ("page.html", "table.md", "scores.json"))
    options = ("--split", "unseen", "--report", page, "--markdown", table, "--json", scores)
    default = checkpoint.load("saunetv2-drive")
    for name, seen in (
        ("own", ["40_training", "01_test"]),
        ("all", ["21_training", "22_training", "01_test"]),
        ("other", ["39_training"]),
    ):
        data = {"dataset": "drive", "train": seen, "validation": []}
        header = replace(default.header, data=data, lineage=())
        checkpoint.save(tmp_path / f"{name}.safetensors", default.network, header)
    code, text = run("evaluate", "drive", data_set, *options, "-m", tmp_path / "all.safetensors")
    assert (code, "trained on every image" in text) == (1, True)
    own, other = tmp_path / "own.safetensors", tmp_path / "other.safetensors"
    code, text = run("evaluate", "drive", data_set, *options, "-m", own, "--compare", "saunetv2-drive")
    assert (code, "trained on every image" in text) == (1, True)  # by the other it would be
    code, text = run("evaluate", "drive", data_set, *options, "-m", own, "--compare", other)
    assert code == 0, text
    assert "Wilcoxon" in text
    found = json.loads(scores.read_text())
    assert [image["name"] for image in found["images"]] == ["21_training", "22_training"]
    assert found["comparison"]["f1"] == found["comparison"]["f1"] | {"difference": 0, "wins": 0, "losses": 0}
    assert found["compared with"] == str(other)
    assert "22_training" in table.read_text()
    assert page.read_text().count("data:image/png") == 2
    longest = max(len(line) for line in text.splitlines() if not re.search(rf"{tmp_path}|: This", line))
    assert longest <= 80, text  # no value is cut off on a terminal of 80 characters


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["drive", ".", "--split", "train", "--compare", "nobody"], "nobody"),
        (["drive", ".", "--split", "train", "--compare", "2nd"], "2nd"),
        (["drive", ".", "--split", "unseen", "--score-observer", "1st"], "needs a model"),
        (["drive", ".", "--split", "test"], "no labels"),
        (["drive", ".", "--split", "train", "--observer", "2nd"], "2nd"),
        (["drive", ".", "--split", "third"], "third"),
        (["drive", ".", "--split", "train", "--protocol", "all"], "whole, fov"),
        (["stare", "."], "STARE"),
        (["kaggle", "."], "choose drive, stare"),
        (["drive", ".", "--score-observer", "1st", "--record"], "--record stores the score of a model"),
        (["drive", "nowhere"], "nowhere"),
    ],
)
def test_evaluate_says_what_is_missing(run, data_set: Path, arguments, says):
    name, folder, *options = arguments
    code, text = run("evaluate", name, data_set / folder, *options)
    assert code == 1
    assert says in text
    assert "Traceback" not in text


def test_train_makes_a_model_that_segments(run, data_set: Path, photograph: Path, tmp_path: Path):
    train = ("train", data_set, "-o", tmp_path / "run", "--steps", 1, "--batch", 1, "--seed", 3)
    code, text = run(*train)
    assert code == 0, text
    path = tmp_path / "run" / "model.safetensors"
    header = checkpoint.load(path).header
    seed = 3 + len(RECIPES["drive"].cycles) - 1  # each cycle draws anew
    assert (header.seed, header.data["dataset"], header.recipe["name"]) == (seed, "drive", "drive")
    assert sorted(header.data["train"] + header.data["validation"]) == ["21_training", "22_training"]
    assert run(*train)[0] == 1
    assert run(*train, "--resume")[0] == 0
    assert run("segment", photograph, "-o", tmp_path / "out", "-m", path)[0] == 0
    assert run("train", data_set, "-o", tmp_path / "x", "--recipe", "secret")[0] == 1


def test_a_score_on_images_that_a_model_learned_from_is_told_and_not_recorded(
    run, data_set: Path, tmp_path: Path
):
    trained, path = checkpoint.load("saunetv2-drive"), tmp_path / "m.safetensors"
    checkpoint.save(path, trained.network, replace(trained.header, scores=()))
    options = ("evaluate", "drive", data_set, "--split", "train", "-m", path)
    code, text = run(*options)
    assert (code, "2 of these 2 images were used to train 'm'" in text) == (0, True), text
    code, text = run(*options, "--record")
    assert (code, "unseen" in text, checkpoint.load(path).header.scores) == (1, True, ())
    strange = replace(trained.header, data={"dataset": "stare", "train": ["im0001"]}, lineage=(), scores=())
    checkpoint.save(path, trained.network, strange, overwrite=True)
    code, text = run(*options, "--record")
    assert (code, "used to train" in text) == (0, False), text
    assert checkpoint.load(path).header.scores[0]["split"] == "train"


def test_models_lists_the_bundled_one(run):
    code, text = run("models")
    assert code == 0
    assert "saunetv2-drive" in text
    assert "260,521" in text


@pytest.mark.data
def test_import_keras_makes_a_model(run, shared: Path, tmp_path: Path):
    source, target = shared / "reference" / "saunetv2.h5", tmp_path / "theirs.safetensors"
    assert run("import-keras", source, "--network", "saunetv2", "-o", target)[0] == 0
    assert checkpoint.load(target).header.network == "saunetv2"
    code, text = run("import-keras", source, "--network", "unet99", "-o", tmp_path / "x.safetensors")
    assert (code, "unet99" in text) == (1, True)


def test_demo_writes_pictures_and_prints_its_score(run, tmp_path: Path):
    code, text = run("demo", "-o", tmp_path, "--no-viewer")
    assert code == 0, text
    assert "F1 against the exact vessels" in text
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "synthetic.png",
        "synthetic_overlay.png",
        "synthetic_probability.tif",
        "synthetic_vessels.png",
    ]
    assert float(text.split("exact vessels: ")[1].split()[0]) >= 0.85


def test_demo_replaces_nothing_unasked(run, tmp_path: Path):
    mine = tmp_path / "synthetic_vessels.png"
    mine.write_bytes(b"mine")
    code, text = run("demo", "-o", tmp_path, "--no-viewer")
    assert code == 1
    assert "synthetic_vessels.png' already exists" in text
    assert "--overwrite" in text
    assert [p.name for p in tmp_path.iterdir()] == [mine.name]
    assert mine.read_bytes() == b"mine"
    for _ in range(2):
        code, text = run("demo", "-o", tmp_path, "--no-viewer", "--overwrite")
        assert code == 0, text
    assert mine.read_bytes() != b"mine"
