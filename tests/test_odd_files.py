"""Photographs in files as people have them: read alike by every door, or refused in one sentence."""

import time

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageOps

from napari_saunetv2 import cli, files
from napari_saunetv2.errors import FileFormatError, ImageError
from napari_saunetv2.files import tiled
from napari_saunetv2.imaging.depth import full_scale
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import NETWORKS
from oddfiles import photographs as odd


def table(*kinds):
    made = {f"{kind}: {name}": make for kind in kinds for name, make in getattr(odd, kind).items()}
    return pytest.mark.parametrize("make", made.values(), ids=made.keys())


READ = (
    "CONVERTED",
    "PALETTES",
    "GREYS",
    "COLOURS_FIRST",
    "RECOGNISED",
    "STATED",
    "THUMBNAILS",
    "FLOATS",
    "FORMATS",
)


@table("CONVERTED", "COLOURS_FIRST", "THUMBNAILS")
def test_the_photograph_is_read(tmp_path, make):
    read = files.read_image(make(tmp_path))
    np.testing.assert_array_equal(read, odd.DEEP if read.dtype == np.uint16 else odd.RGB)


@table("PALETTES")
def test_a_palette_is_read_by_its_colours(tmp_path, make):
    np.testing.assert_array_equal(files.read_image(make(tmp_path)), odd.IN_64_COLOURS)


@table("GREYS")
def test_white_is_white(tmp_path, make):
    np.testing.assert_allclose(to_unit(files.read_image(make(tmp_path)))[..., 0] * 255, odd.GREY, atol=0.1)


@table("RECOGNISED")
def test_a_depth_that_nothing_states_is_recognised_and_said(tmp_path, make):
    reading = files.load_image(make(tmp_path))
    np.testing.assert_allclose(to_unit(reading.pixels), odd.UNIT, atol=0.6 / 255)
    assert "brightest value is" in reading.remarks[0]
    assert "-bit" in reading.remarks[0]


@table("STATED")
def test_a_depth_that_the_file_states_is_used(tmp_path, make):
    np.testing.assert_allclose(to_unit(files.read_image(make(tmp_path))), odd._DARK / 255, atol=2e-3)


def test_a_photograph_of_16_bits_stays_as_it_is(tmp_path):
    reading = files.load_image(odd.tiff(tmp_path, "p.tif", odd.DEEP, photometric="rgb"))
    np.testing.assert_array_equal(reading.pixels, odd.DEEP)
    assert reading.remarks == ()
    dark = files.load_image(odd.tiff(tmp_path, "d.tif", odd.DEEP // 3, photometric="rgb"))
    np.testing.assert_array_equal(dark.pixels, odd.DEEP // 3)
    assert "not stretched" in dark.remarks[0]


def test_numbers_of_labels_are_not_stretched(tmp_path):
    labels = np.array([[0, 1, 2, 3]], np.uint16)
    np.testing.assert_array_equal(files.read_values(odd.tiff(tmp_path, "l.tif", labels)), labels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.webp", "p.tif"])
def test_a_photograph_is_read_upright_and_said_to_be_turned(tmp_path, name, orientation):
    path = odd.turned(tmp_path, name, orientation)
    reading = files.load_image(path)
    np.testing.assert_allclose(reading.pixels.astype(int), odd.RGB, atol=6 if name == "p.jpg" else 0)
    assert [r for r in reading.remarks if "upright" in r] == list(reading.remarks)
    assert len(reading.remarks) == (orientation != 1)
    if name != "p.tif":  # as another program has it
        with Image.open(path) as image:
            np.testing.assert_array_equal(reading.pixels, np.asarray(ImageOps.exif_transpose(image)))


def test_masks_are_read_upright_too(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    stored = np.zeros((10, 20), np.uint8)
    stored[0] = 255  # the upper row, which upright is the right column
    mask = files.read_mask(odd.saved(tmp_path, "m.png", stored, exif=exif))
    assert mask.shape == (20, 10)
    assert mask[:, -1].all()
    assert mask.sum() == 20


def test_a_turned_file_states_the_size_of_an_upright_pixel(tmp_path):
    path = odd.tiff(
        tmp_path, "p.tif", odd.GREY, resolution=(100, 200), resolutionunit="CENTIMETER",
        extratags=[(274, 3, 1, 6, True)],
    )  # fmt: skip
    spacing = files.read_spacing(path)
    assert (spacing.height, spacing.width) == pytest.approx((0.1, 0.05))


@table("FLOATS")
def test_floats_next_to_the_range_are_in_it(tmp_path, make):
    unit = to_unit(files.read_image(make(tmp_path)))
    np.testing.assert_allclose(unit, odd.UNIT, atol=2e-3)
    assert (unit.min() >= 0) & (unit.max() <= 1)


@pytest.mark.parametrize(
    ("top", "says"), [(1.01, "spans 0 to 1.01"), (1.002, "to 1.002:"), (255.0, "to 255:")]
)
def test_floats_beyond_the_range_are_refused_for_a_true_reason(top, says):
    with pytest.raises(ImageError) as caught:
        to_unit(np.array([[0, top]]))
    assert says in str(caught.value)


@table("FORMATS")
def test_a_format_that_people_have_is_read(tmp_path, make):
    path = make(tmp_path)
    assert files.readable(path)
    read = files.read_image(path)
    assert np.abs(to_unit(read) - odd.UNIT).mean() < 0.02


def test_of_several_images_in_a_camera_s_file_the_first_is_read_and_said(tmp_path):
    remarks = files.load_image(odd.FORMATS["mpo"](tmp_path)).remarks
    assert remarks == ("The file holds 2 images: the first is read.",)


@table("NOT_READ")
def test_another_format_is_not_called_damaged(tmp_path, make):
    for read in (files.read_image, files.read_mask, tiled.opened):
        with pytest.raises(FileFormatError, match="not supported") as caught:
            read(make(tmp_path))
        assert "damaged" not in str(caught.value)


def test_a_jpeg_of_12_bits_is_not_called_damaged(tmp_path):
    deep = imagecodecs.jpeg_encode(odd.of_bits(12), level=95, bitspersample=12)
    with pytest.raises(FileFormatError, match="JPEG of 12 bits a sample, which is not supported"):
        files.read_image(odd.text(tmp_path, "p.jpg", deep))


@table("SLOW")
def test_a_damaged_file_costs_no_time(tmp_path, make):
    path = make(tmp_path)
    for read in (files.read_image, files.read_mask, files.read_spacing, tiled.opened, files.channels_first):
        begun = time.perf_counter()
        try:
            read(path)
        except FileFormatError as error:
            assert path.name in str(error)  # noqa: PT017
        assert time.perf_counter() - begun < 1


def test_a_truncated_file_of_each_format_is_refused(tmp_path):
    for name, make in odd.FORMATS.items():
        path = make(tmp_path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
        with pytest.raises(FileFormatError, match=r"truncated|damaged"):
            print(name, files.read_image(path).shape)


# --- one file, one answer


@table(*READ)
def test_the_door_for_large_images_reads_the_same(tmp_path, make):
    path = make(tmp_path)
    np.testing.assert_array_equal(tiled.read(tiled.opened(path)), files.read_image(path))


@table("REFUSED")
def test_what_is_not_read_is_refused_in_every_door(tmp_path, make):
    path, said = make(tmp_path), []
    for read in (files.read_image, files.read_mask, tiled.opened):
        with pytest.raises(FileFormatError) as caught:
            read(path)
        said.append(str(caught.value))
    assert len(set(said)) == 1


def test_a_dark_part_of_a_large_image_is_stretched_as_the_whole(tmp_path):
    pixels = np.zeros((40, 50), np.uint16)
    pixels[:, :25], pixels[0, 49] = 200, 4000
    path = odd.tiff(tmp_path, "p.tif", pixels)
    image = tiled.opened(path)
    np.testing.assert_array_equal(
        tiled.read(image, slice(0, 40), slice(0, 25)), full_scale(pixels)[0][:, :25]
    )


@pytest.fixture
def saunetv2(tmp_path, monkeypatch, capsys):
    """Run the command line with a tiny model."""
    torch.manual_seed(0)
    arguments = {"widths": [8, 8]}
    header = checkpoint.Header(network_arguments=arguments)
    checkpoint.save(tmp_path / "tiny.safetensors", NETWORKS["saunetv2"](**arguments), header)

    def run(*words) -> str:
        model = ["-m", str(tmp_path / "tiny.safetensors"), "--engine", "torch", "--rescale", "off"]
        monkeypatch.setattr("sys.argv", ["saunetv2", "segment", *map(str, words), *model])
        try:
            cli.main()
        except SystemExit as done:
            if done.code:
                pytest.fail(capsys.readouterr().err)
        return capsys.readouterr().out

    return run


DOORS = {
    kind: next(iter(getattr(odd, kind).values())) for kind in (*READ, "STATED") if kind != "FLOATS"
} | {
    "packed": odd.STATED["packed 12 bits"], "OME": odd.COLOURS_FIRST["OME"], "jp2": odd.FORMATS["jp2"],
    "white is zero": odd.GREYS["white is zero"], "turned": lambda f: odd.turned(f, "p.tif", 6),
}  # fmt: skip


@pytest.mark.parametrize("make", DOORS.values(), ids=DOORS.keys())
def test_the_command_gives_one_answer_for_a_folder_a_file_and_python(tmp_path, saunetv2, make):
    (tmp_path / "in").mkdir()
    path = make(tmp_path / "in")
    saunetv2(path, "-o", tmp_path / "folder", "--probability")
    saunetv2(path, "-o", tmp_path / "file.tif", "--probability")
    saunetv2(
        odd.tiff(tmp_path, "plain.tif", to_unit(files.read_image(path))),
        "-o",
        tmp_path / "plain",
        "--probability",
    )
    (one,) = (tmp_path / "folder").glob("*_probability.tif")
    expected = tifffile.imread(tmp_path / "plain" / "plain_probability.tif")
    np.testing.assert_array_equal(tifffile.imread(one), tifffile.imread(tmp_path / "file.tif"))
    np.testing.assert_allclose(tifffile.imread(one), expected, atol=1e-5)


# --- the files of a stranger's disk

STRANGERS = {
    "cmyk.tif": 0.001, "tofile_cmyk_lzw.tif": 0.001, "cmyk.jpg": 0.01, "tofile_palette.tif": 0.01,
    "palette.gif": 0.01, "ome_cyx.ome.tif": 0, "planar_separate.tif": 0, "u16_10bit_values.tif": 0.001,
    "u16_8bit_values.tif": 0, "png16_12bit_sbit.png": 0.001, "thumb_first.tif": 0,
    "float_just_over_1.tif": 1e-5,
    "photo.jfif": 0.01, "mpo_camera.mpo": 0.01, "photo.webp": 0.01, "photo.jp2": 0.001,
}  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_s_photograph_is_read_by_every_door(shared, name):
    folder = shared / "odd_files" / "photographs"
    read = files.read_image(folder / name)
    expected = to_unit(files.read_image(folder / "ref.png"))
    assert np.abs(to_unit(read) - expected).mean() <= STRANGERS[name]
    np.testing.assert_array_equal(tiled.read(tiled.opened(folder / name)), read)


@pytest.mark.data
@pytest.mark.parametrize("name", ["bits12_packed_grey.tif", "tofile_miniswhite_raw.tif"])
def test_a_stranger_s_grey_photograph_is_read_by_every_door(shared, name):
    folder = shared / "odd_files" / "photographs"
    read = files.read_image(folder / name)
    green = to_unit(files.read_image(folder / "ref.png"))[..., 1]
    assert np.abs(to_unit(read)[..., 0] - green).mean() < 0.001
    np.testing.assert_array_equal(tiled.read(tiled.opened(folder / name)), read)


@pytest.mark.data
@pytest.mark.parametrize("read", [files.read_image, files.read_mask, files.read_spacing, tiled.opened])
def test_a_stranger_s_slow_file_is_refused_within_a_second(shared, read):
    begun = time.perf_counter()
    try:
        assert read(shared / "odd_files/photographs/slow.tif") is None
    except FileFormatError as error:
        assert "slow.tif" in str(error)  # noqa: PT017
    assert time.perf_counter() - begun < 1


@pytest.mark.data
def test_a_stranger_s_turned_photographs_lie_as_other_programs_show_them(shared):
    folder = shared / "odd_files" / "photographs"
    for name in ("exif3.jpg", "exif6.jpg"):
        with Image.open(folder / name) as image:
            np.testing.assert_array_equal(
                files.read_image(folder / name), np.asarray(ImageOps.exif_transpose(image))
            )
