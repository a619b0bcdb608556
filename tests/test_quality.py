"""The quality of a photograph: a score with reasons, which falls as a photograph gets worse."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner

from napari_saunetv2 import datasets
from napari_saunetv2.cli import app
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import CheckpointError, ImageError
from napari_saunetv2.files import read_image, write_image
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.quality import LIMITS, _words, quality
from napari_saunetv2.imaging.quality._cells import cells_of
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import preflight
from napari_saunetv2.models import checkpoint

EYE = fundus((400, 390), seed=2)
INSIDE = EYE.fov != 0
DIAMETER = field_of_view.diameter(INSIDE)


def eight_bits(unit):
    return (np.clip(unit, 0, 1) * 255).round().astype(np.uint8)


def darker(image, share):
    return (image * (1 - share)).astype(np.uint8)


def blurred(image, share):
    sigma = share * DIAMETER
    return eight_bits(ndimage.gaussian_filter(to_unit(image), (sigma, sigma, 0)))


def hazy(image, share):
    pale = to_unit(image) * (1 - share) + share * np.float32([0.7, 0.6, 0.45])
    return eight_bits(np.where(INSIDE[..., None], pale, to_unit(image)))


FAULTS = {
    darker: ((0.3, 0.5, 0.65, 0.8, 0.9), "too dark"),
    blurred: ((0.001, 0.002, 0.004, 0.008, 0.016), "blurred"),
    hazy: ((0.2, 0.4, 0.6, 0.8, 0.9), "hazy"),
}


def part(image, change, rows, columns):
    """Change only a part of an image, with a soft border."""
    share = np.zeros(image.shape[:2], np.float32)
    height, width = share.shape
    share[
        int(rows[0] * height) : int(rows[1] * height), int(columns[0] * width) : int(columns[1] * width)
    ] = 1
    share = ndimage.gaussian_filter(share, 12)[..., None]
    return (image * (1 - share) + change(image) * share).round().astype(np.uint8)


# --- the score and its words


def test_a_clear_photograph_has_a_high_score_and_no_word():
    seen = quality(EYE.image)
    assert seen.score > 0.7
    assert min(seen.lit, seen.sharp, seen.contrast) > 0.9
    assert seen.note == ""
    assert seen.is_fundus
    assert seen.in_words() == f"quality {seen.score:.2f}"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", [0, 3])
def test_the_score_falls_as_a_photograph_gets_worse(fault, seed):
    strengths, word = FAULTS[fault]
    image = fundus((400, 390), seed).image
    scores = [quality(image).score, *(quality(fault(image, s)).score for s in strengths)]
    assert (np.diff(scores) < 0).all(), scores
    assert scores[-1] < 0.1
    assert word in quality(fault(image, strengths[-1])).faults


@pytest.mark.parametrize(
    ("rows", "columns", "where"),
    [
        ((0.6, 1), (0, 0.4), "lower left third"), ((0, 0.36), (0, 1), "upper third"),
        ((0, 1), (0.64, 1), "right third"), ((0, 0.45), (0.55, 1), "upper right third"),
        ((0.33, 0.67), (0.33, 0.67), "middle"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fault", FAULTS)
def test_it_says_where(fault, rows, columns, where):
    strengths, word = FAULTS[fault]
    image = part(EYE.image, lambda whole: fault(whole, strengths[-1]), rows, columns)
    seen = quality(image)
    # Of a small part that is strongly blurred nothing is left to be called blurred.
    words = (word, "hazy") if word == "blurred" else (word,)
    assert any(where in fault and fault.endswith(words) for fault in seen.faults), seen.faults
    assert 0.2 < seen.score < quality(EYE.image).score


def test_too_bright_is_no_better_than_too_dark():
    white = part(EYE.image, lambda whole: np.full_like(whole, 255), (0, 0.36), (0, 1))
    assert "upper third too bright" in quality(white).note


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("111 111 111", [""]), ("000 000 000", None), ("111 000 000", ["upper third"]),
        ("100 100 100", ["left third"]), ("000 010 000", ["middle"]), ("100 000 001",
        ["upper left third", "lower right third"]), ("111 000 100", ["upper third", "lower left third"]),
        ("000 111 000", ["middle third"]), ("110 000 000", ["upper left third", "upper middle third"]),
        ("000 000 001", ["lower right third"]), ("111 100 100", ["upper third", "left third"]),
    ],
)  # fmt: skip
def test_thirds_are_put_together(wrong, said):
    marks = np.array([mark == "1" for mark in wrong.replace(" ", "")])
    thirds = np.stack(np.divmod(np.arange(9), 3))
    found = _words.where(marks, thirds, np.ones(9, np.int64))
    assert (found and sorted(found)) == (said and sorted(said))


def test_the_score_is_the_mean_of_the_grades_that_the_documentation_gives():
    cells = cells_of(to_unit(EYE.image), INSIDE)
    better = (
        cells.light / LIMITS.light, (1 - cells.light) / (1 - LIMITS.white), LIMITS.width / cells.width,
        np.minimum(cells.depth / LIMITS.depth, cells.relief / LIMITS.relief),
    )  # fmt: skip
    grade = np.prod([x**n / (1 + x**n) for x, n in zip(better, (8, 8, 4, 4), strict=True)], axis=0)
    assert quality(EYE.image, INSIDE).score == pytest.approx(np.average(grade, weights=cells.area))


@pytest.mark.parametrize("sigma", [0.004, 0.006, 0.01])
def test_the_width_is_that_of_a_gaussian_line(sigma):
    """Its profile is known: straight dark lines of one width on an even field."""
    side = 900
    x = np.arange(side) / side
    profile = sum(np.exp(-(((x - place) / sigma) ** 2) / 2) for place in np.arange(0.1, 1, 0.1))
    green = np.repeat(np.exp(np.log(0.52) - 0.2 * profile)[None] - 0.02, side, 0).astype(np.float32)
    cells = cells_of(np.dstack([green] * 3), np.ones((side, side), bool))
    assert np.median(cells.width) == pytest.approx(sigma, rel=0.12)
    # A line's second derivative at its own depth, smoothed at the coarse scale.
    depth = 0.2 * 0.006**2 * sigma / (sigma**2 + 0.006**2) ** 1.5
    assert np.median(cells.depth) == pytest.approx(depth, rel=0.2)


@pytest.mark.parametrize("size", [(584, 565), (1200, 1170)])
def test_lengths_are_shares_of_the_field(size):
    assert quality(fundus(size, seed=2).image).score == pytest.approx(quality(EYE.image).score, abs=0.08)


# --- is this a fundus photograph?


def test_other_pictures_are_named_and_not_refused():
    rng = np.random.default_rng(0)
    for picture in (
        rng.integers(0, 256, (300, 400, 3), np.uint8),
        np.zeros((300, 300, 3), np.uint8),
        np.full((300, 300), 255, np.uint8),
        255 - EYE.image,
    ):
        seen = quality(picture)
        assert seen.score == 0
        assert not seen.is_fundus
        assert seen.note.startswith("not a fundus photograph: ")


def test_a_single_doubt_costs_no_score():
    """A part of a photograph has no border; that alone does not make it another picture."""
    seen = quality(EYE.image[80:320, 70:320])
    assert seen.is_fundus
    assert seen.note.startswith("perhaps not a fundus photograph: no dark border")
    assert seen.score > 0.2


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2, 3), (20, 900), (60, 60, 3), (90, 90, 4)])
def test_a_picture_too_small_to_judge_says_so(shape):
    seen = quality(np.full(shape, 200, np.uint8))
    assert seen.score == 0
    assert "too small to judge" in seen.note


def test_a_grey_photograph_is_judged_like_a_coloured_one():
    green = EYE.image[..., 1]
    assert quality(green).score == pytest.approx(quality(EYE.image).score, abs=0.05)
    assert quality(green[..., None]) == quality(green)
    assert quality(green.astype(np.uint16) * 257).score == pytest.approx(quality(green).score, abs=1e-4)


def test_a_mask_of_another_size_is_an_error():
    with pytest.raises(ImageError, match=r"\(10, 10\).*\(400, 390\).*image's size"):
        quality(EYE.image, np.ones((10, 10)))


@pytest.mark.exclusive
def test_it_takes_less_than_a_tenth_of_a_second():
    import time

    image = fundus((2048, 2048), 1).image
    times = []
    for _ in range(5):
        begun = time.process_time()
        quality(image)
        times.append(time.process_time() - begun)
    assert min(times) < 0.1, times


# --- where it is said


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("eyes")
    write_image(place / "clear.png", EYE.image)
    write_image(place / "dark.png", part(EYE.image, lambda whole: darker(whole, 0.9), (0.6, 1), (0, 0.4)))
    return place


def test_the_card_says_it(folder):
    model = checkpoint.load()
    card = preflight.describe(read_image(folder / "dark.png"), model, InferenceConfig(), measure=False)
    assert f"quality {card.quality.score:.2f}: lower left third too dark" in card.lines()


def test_the_table_of_segment_has_it_and_resume_keeps_it(folder, tmp_path):
    words = ["segment", str(folder), "-o", str(tmp_path), "--table", str(tmp_path / "table.csv")]
    for more in ([], ["--resume"]):
        done = CliRunner().invoke(app, [*words, *more])
        assert done.exit_code == 0, done.output
        rows = {
            row["file"].rsplit("/", 1)[-1]: row for row in csv.DictReader((tmp_path / "table.csv").open())
        }
        assert float(rows["clear.png"]["quality"]) == round(quality(EYE.image).score, 3)
        assert rows["clear.png"]["quality_note"] == ""
        assert rows["dark.png"]["quality_note"] == "lower left third too dark"


def test_the_command_says_it_of_every_file(folder, tmp_path):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no photograph")
    try:
        done = CliRunner().invoke(app, ["quality", str(folder), "--table", str(tmp_path / "q.csv")])
    finally:
        (folder / "broken.jpg").unlink()
    assert done.exit_code == 1
    assert "clear.png  quality 0." in done.output
    assert "lower left third too dark" in done.output
    assert "failed" in done.output
    rows = {row["file"].rsplit("/", 1)[-1]: row for row in csv.DictReader((tmp_path / "q.csv").open())}
    assert rows["broken.jpg"]["quality"] == ""
    assert float(rows["dark.png"]["lit"]) < float(rows["clear.png"]["lit"]) == 1


# --- picture and model


def bright_lines():
    """A grey square full of bright vessels, like an OCT angiogram."""
    dark = fundus((400, 390), 1, fov_diameter=700).image[..., 1]
    return np.ascontiguousarray(255 - dark)[40:360, 40:350]


@pytest.mark.parametrize(
    ("modality", "picture", "says"),
    [
        ("fundus", EYE.image, ""),
        ("fundus", EYE.image[..., 1], ""),
        ("fundus", bright_lines(), "looks like an OCT angiogram"),
        ("octa", bright_lines(), ""),
        ("octa", EYE.image, "looks like a fundus photograph"),
        ("infrared", EYE.image[80:320, 70:320, 1], ""),
        ("fundus", EYE.image[80:320, 70:320, 1], "looks like an infrared image"),
    ],
)
def test_the_card_says_when_picture_and_model_do_not_fit(modality, picture, says):
    model = checkpoint.load()
    other = checkpoint.Checkpoint(model.name, model.network, replace(model.header, modality=modality))
    card = preflight.describe(np.ascontiguousarray(picture), other, InferenceConfig(), measure=False)
    said = [words for words in card.advice if words.startswith("This looks like")]
    assert bool(said) == bool(says)
    assert says in " ".join(said)
    assert (card.quality is not None) == (modality == "fundus")


def test_a_model_file_keeps_what_it_is_for_and_older_ones_are_for_fundus_photographs(tmp_path):
    model = checkpoint.load()
    assert model.header.modality == "fundus"
    for modality in ("octa", "infrared"):
        path = tmp_path / f"{modality}.safetensors"
        checkpoint.save(path, model.network, replace(model.header, modality=modality))
        assert checkpoint.load(path).header.modality == modality
    checkpoint.save(tmp_path / "x.safetensors", model.network, replace(model.header, modality="x-ray"))
    with pytest.raises(CheckpointError, match="modality 'x-ray', known are fundus, octa, infrared"):
        checkpoint.load(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (EYE.image[..., 1], "The photograph is grey"),
        (EYE.image[..., 1].astype(np.uint16) * 257, "rounded to 8 bits"),
        (EYE.image.astype(np.uint16) * 257, "rounded to 8 bits"),
    ],
)
def test_grey_and_deep_photographs_of_a_data_set_are_read(tmp_path, pixels, says, caplog):
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "21_training.tif", pixels)
    image = datasets.read(tmp_path, "drive")[0].image()
    assert (image.shape, image.dtype) == (EYE.image.shape, np.uint8)
    expected = EYE.image if pixels.ndim == 3 else np.dstack([EYE.image[..., 1]] * 3)
    assert np.array_equal(image, expected)
    assert says in caplog.text


# --- real photographs


@pytest.mark.data
def test_the_worst_photographs_of_aria_have_lower_scores_than_clear_ones(shared):
    images = shared / "data" / "ARIA" / "images"
    poor = {n: quality(read_image(images / f"{n}.jpg")) for n in (512, 517, 562, 624)}
    clear = {n: quality(read_image(images / f"{n}.jpg")) for n in (521, 527, 536, 603)}
    assert max(seen.score for seen in poor.values()) < 0.3 < min(seen.score for seen in clear.values())
    assert "too dark" in poor[624].note
    assert all(seen.is_fundus for seen in (*poor.values(), *clear.values()))


@pytest.mark.data
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["DRIVE", "STARE", "CHASE_DB1"])
def test_copies_of_real_photographs_fall_in_score(shared, name, fault, monkeypatch):
    image = datasets.read(shared / "data" / name)[0].image()
    inside = field_of_view.detect(to_unit(image))
    monkeypatch.setattr(f"{__name__}.INSIDE", inside)
    monkeypatch.setattr(f"{__name__}.DIAMETER", field_of_view.diameter(inside))
    scores = [quality(image, inside).score]
    scores += [quality(fault(image, strength), inside).score for strength in FAULTS[fault][0]]
    assert (np.diff(scores) < 0).all(), scores


@pytest.mark.data
def test_no_photograph_of_a_fundus_is_called_anything_else(shared):
    for folder, few in (
        ("DRIVE/training/images", 5),
        ("CHASE_DB1", 28),
        ("ORVS/images", 16),
        ("ARIA/images", 30),
    ):
        for path in sorted((shared / "data" / folder).glob("*.[jt][pi]*"))[::few]:
            assert quality(np.asarray(Image.open(path))).is_fundus, path
