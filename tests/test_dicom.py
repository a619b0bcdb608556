"""DICOM files: every way to store a photograph, what is said of it, and files that mean harm."""

import gzip
import logging
import shutil
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.sequence import Sequence

from napari_saunetv2 import files
from napari_saunetv2.datasets import inputs
from napari_saunetv2.errors import FileFormatError, SaunetError
from napari_saunetv2.files import _dicom_dataset, read_acquisition, read_frames, read_image, read_spacing
from napari_saunetv2.plugin import reader
from oddfiles import dicoms
from oddfiles.dicoms import stored
from oddfiles.photographs import GREY, IN_64_COLOURS, RGB

OWN = Path(pydicom.__file__).parent / "data" / "test_files"


def written(folder: Path, data: bytes, name: str = "eye.dcm") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def in_eight_bits(pixels):
    return pixels if pixels.dtype == np.uint8 else np.round(pixels / 257).astype(np.uint8)


@pytest.mark.parametrize("kind", dicoms.EXACT)
def test_a_photograph_comes_back_as_it_was(tmp_path, kind):
    pixels = read_image(written(tmp_path, dicoms.EXACT[kind]()))
    assert np.array_equal(in_eight_bits(pixels), RGB)
    assert (pixels.dtype == np.uint16) == ("16 bits" in kind)


@pytest.mark.parametrize("kind", dicoms.GREYS)
def test_a_grey_photograph_comes_back_the_right_way_round(tmp_path, kind):
    pixels = read_image(written(tmp_path, dicoms.GREYS[kind]()))
    assert pixels.shape == GREY.shape
    assert np.abs(in_eight_bits(pixels).astype(int) - GREY).max() <= 1  # 12 bits hold a little less than 255


@pytest.mark.parametrize("kind", dicoms.CLOSE)
def test_colours_are_converted(tmp_path, kind):
    got = files.load_image(written(tmp_path, dicoms.CLOSE[kind]()))
    apart = np.abs(got.pixels.astype(int) - RGB)
    assert got.pixels.shape == RGB.shape
    assert np.median(apart) <= 2
    assert apart.mean() < 4  # chroma is halved in some
    assert any("disagree" in remark for remark in got.remarks) == ("called" in kind)


def test_a_palette_is_resolved_to_its_colours(tmp_path):
    assert np.array_equal(read_image(written(tmp_path, dicoms.palette())), IN_64_COLOURS)


def reference(path: Path):
    """First frame as pydicom itself decodes it, in colours and unsigned; None where it cannot."""
    found = pydicom.dcmread(path, force=True)
    try:
        pixels = found.pixel_array
    except (RuntimeError, AttributeError, NotImplementedError):
        return None
    if int(found.get("NumberOfFrames") or 1) > 1:
        pixels = pixels[0]
    if found.PhotometricInterpretation == "PALETTE COLOR":
        pixels = (apply_color_lut(pixels, found) >> 8).astype(np.uint8)
    if found.PhotometricInterpretation == "MONOCHROME1":
        pixels = 2**found.BitsStored - 1 - pixels
    return pixels * 255 if found.BitsAllocated == 1 else pixels


def test_pydicoms_own_files_are_read_as_it_reads_them_or_refused_in_a_sentence():
    read, refusals = 0, []
    for path in sorted(p for p in OWN.rglob("*") if p.is_file() and p.suffix in (".dcm", "")):
        try:
            pixels = files.load_values(path).pixels
        except FileFormatError as error:
            refusals.append(str(error))
            continue
        expected = reference(path)
        assert expected is None or np.array_equal(pixels, expected), path.name
        read += expected is not None
    assert read >= 30
    assert all(words.endswith(".") and "damaged" not in words for words in refusals)
    text = files.load_values(OWN / "GDCMJ2K_TextGBR.dcm").pixels  # which pydicom needs a plugin for
    assert [text[y, x].tolist() for y, x in ((70, 36), (190, 36), (270, 36))] == [
        [255, 0, 0], [0, 255, 0], [0, 0, 255],
    ]  # fmt: skip
    lossless = files.load_values(OWN / "SC_rgb_jpeg_gdcm.dcm").pixels
    assert lossless[::20, 50].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0], [192, 192, 192]]


def test_all_frames_are_read_in_order(tmp_path):
    for kind in ("two frames", "two frames, RLE"):
        path = written(tmp_path, dicoms.EXACT[kind]())
        assert np.array_equal(read_frames(path), [RGB, RGB[::-1]])
        assert "2 frames: the first is read" in files.load_image(path).remarks[0]


def test_frames_in_several_pieces_are_put_together(tmp_path):
    frames = [dicoms.rle(RGB), dicoms.rle(RGB[::-1])]
    cut = [frame[a:b] for frame in frames for a, b in ((0, 1000), (1000, None))]
    second = sum(len(piece) + 8 for piece in cut[:2])
    items = [struct.pack("<II", 0, second), *cut]
    data = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(one)) + one for one in items)
    path = written(tmp_path, stored(RGB, syntax=dicoms.RLE, frames=frames, NumberOfFrames=2, PixelData=data))
    assert np.array_equal(read_frames(path), [RGB, RGB[::-1]])


SPACINGS = {
    "PixelSpacing": ({"PixelSpacing": [0.006, 0.005]}, (0.006, 0.005), True),
    "PixelSpacing of the frame": (
        {
            "PixelSpacing": [0.5, 0.5],
            "PerFrameFunctionalGroupsSequence": Sequence([dicoms.spaced(0.007, 0.007)]),
        },
        (0.007, 0.007), True,
    ),
    "ImagerPixelSpacing, at the sensor": ({"ImagerPixelSpacing": [0.004, 0.004]}, (0.004, 0.004), False),
    "NominalScannedPixelSpacing, on the scanned film": (
        {"NominalScannedPixelSpacing": [0.02, 0.02]}, (0.02, 0.02), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("source", SPACINGS)
def test_the_pixel_size_and_its_source_are_told(tmp_path, source):
    elements, size, on_retina = SPACINGS[source]
    path = written(tmp_path, stored(RGB, **elements))
    said = read_acquisition(path)
    assert said.spacing == (*size, True)
    assert (said.spacing_source, said.on_retina) == (source, on_retina)
    assert read_spacing(path) == ((*size, True) if on_retina else None)


def test_a_size_that_was_not_corrected_for_the_magnification_is_none_of_the_retina(tmp_path):
    path = written(tmp_path, stored(RGB, PixelSpacing=[0.004, 0.004], ImagerPixelSpacing=[0.004, 0.004]))
    assert read_acquisition(path).spacing_source == "ImagerPixelSpacing, at the sensor"
    assert read_spacing(path) is None


def test_shared_groups_hold_for_every_frame(tmp_path):
    shared = dicoms.spaced(0.008, 0.008, FrameAnatomySequence=dicoms.of_eye("L"))
    path = written(
        tmp_path, stored(RGB, SharedFunctionalGroupsSequence=Sequence([shared]), ImageLaterality="R")
    )
    said = read_acquisition(path)
    assert said.spacing == (0.008, 0.008, True)
    assert (said.eye, said.eye_source) == ("left", "FrameLaterality")


@pytest.mark.parametrize(
    ("elements", "eye", "date"),
    [
        ({"ImageLaterality": "R", "AcquisitionDateTime": "20240531101500.25"}, "right", "2024-05-31"),
        ({"Laterality": "L", "StudyDate": "20200102"}, "left", "2020-01-02"),
        ({"ImageLaterality": "B", "ContentDate": "20200102", "StudyDate": "19990101"}, "both", "2020-01-02"),
        ({"ImageLaterality": "U", "StudyDate": ""}, "", ""),
        ({}, "", ""),
    ],
)
def test_eye_and_date_are_told(tmp_path, elements, eye, date):
    said = read_acquisition(written(tmp_path, stored(RGB, **elements)))
    assert (said.eye, said.date) == (eye, date)
    assert bool(said.eye_source) == bool(eye)


def test_names_and_birth_dates_reach_nothing(tmp_path, caplog):
    path = written(tmp_path, stored(RGB, ImageLaterality="R", PixelSpacing=[0.005, 0.005]))
    damaged = written(tmp_path, stored(RGB)[:-4000], "cut.dcm")
    caplog.set_level(logging.DEBUG)
    said = [repr(read_acquisition(path)), repr(files.load_image(path).remarks)]
    ((_, about, _),) = reader.get_reader(str(path))(str(path))
    said += [repr(about), caplog.text]
    with pytest.raises(FileFormatError) as refused:
        read_image(damaged)
    said.append(str(refused.value))
    for secret in ("Secretperson", dicoms.BORN, dicoms.IDENTITY, "Secretoperator", "Secret Hospital"):
        assert not any(secret in text for text in said)


def test_a_file_is_found_without_a_suffix_and_with_a_uid_for_a_name(tmp_path):
    for name in ("IM000001", "1.2.840.113619.2.5", "1.2.840.113619.2.6", "eye.DCM"):
        written(tmp_path, stored(RGB), name)
    written(tmp_path, gzip.compress(stored(RGB)), "packed.dcm.gz")
    (tmp_path / "README").write_text("no image")
    found = inputs.gather([str(tmp_path)])
    assert {p.name for p in found.files} == {p.name for p in tmp_path.iterdir()} - {"README"}
    assert "1 of an unsupported format" in found.left_out_in_words()
    assert set(inputs.result_names(found.files).values()) == {
        "IM000001", "1.2.840.113619.2.5", "1.2.840.113619.2.6", "eye", "packed",
    }  # fmt: skip
    assert np.array_equal(read_image(tmp_path / "packed.dcm.gz"), RGB)


def test_of_a_folder_dicom_files_without_a_photograph_are_left_out(tmp_path):
    written(tmp_path, stored(RGB), "eye")
    written(tmp_path, stored(RGB, dicoms.OCT), "volume.dcm")
    shutil.copy(OWN / "reportsi.dcm", tmp_path / "report.dcm")
    shutil.copy(OWN / "liver_1frame.dcm", tmp_path / "liver.dcm")
    shutil.copy(OWN / "dicomdirtests" / "DICOMDIR", tmp_path / "DICOMDIR")
    large = np.random.default_rng(0).integers(0, 255, (1200, 1200), np.uint8)
    written(tmp_path, stored(large, dicoms.OCT, syntax=dicoms.RLE, frames=[dicoms.rle(large)]), "large.dcm")
    written(tmp_path, b"x", "damaged.dcm")
    found = inputs.gather([str(tmp_path)])
    assert {p.name for p in found.files} == {"eye", "damaged.dcm"}
    assert found.left_out_in_words() == "4 files without a photograph (DICOM), 1 mask"


def test_an_image_of_another_kind_under_this_suffix_is_read_as_what_it_is(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "eye.png")
    shutil.move(tmp_path / "eye.png", tmp_path / "eye.dcm")
    assert np.array_equal(read_image(tmp_path / "eye.dcm"), RGB)


def test_without_the_extra_one_sentence_names_it(tmp_path):
    written(tmp_path, stored(RGB))
    program = (
        "import sys; sys.modules['pydicom'] = None\n"
        "from napari_saunetv2.files import read_image\n"
        f"read_image({str(tmp_path / 'eye.dcm')!r})"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = answer.stderr.strip().splitlines()[-1]
    assert last.endswith(
        "'eye.dcm' is a DICOM file, which needs pydicom: pip install 'napari-saunetv2[dicom]'."
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (lambda: stored(RGB, dicoms.OCT), "volume of OCT sections"),
        (lambda: stored(RGB.astype(np.int16)[..., 0].view(np.uint16), PixelRepresentation=1), "signed"),
        (lambda: stored(RGB, photometric="CMYK"), "stores its colours as CMYK"),
        (lambda: stored(RGB, syntax="1.2.840.10008.1.2.4.102", frames=[b"\0" * 99]), "MPEG-4"),
        (lambda: stored(GREY.astype(np.uint32)), "32 bits"),
    ],
)
def test_what_is_not_read_is_refused_in_a_sentence(tmp_path, kind, words):
    with pytest.raises(FileFormatError, match=words):
        read_image(written(tmp_path, kind()))


def test_another_modality_is_said(tmp_path):
    path = written(tmp_path, stored(GREY, "1.2.840.10008.5.1.4.1.1.6.1"))
    assert files.load_image(path).remarks == (
        "The DICOM file is of the kind Ultrasound Image Storage, not a photograph of an eye.",
    )


def deep(levels: int) -> bytes:
    """A sequence in a sequence in a sequence, of undefined length."""
    start = stored(RGB)
    at = start.index(b"\x28\x00\x02\x00US")
    nest = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * levels
    return start[:at] + nest + start[at:]


def bomb(about: bytes = b"") -> bytes:
    """A deflated data set of zeros, with so much before it that says nothing."""
    head = stored(RGB, syntax=dicoms.DEFLATED)
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    meta = 132 + 12 + struct.unpack_from("<I", head, 140)[0]
    extra = b"\x02\x00\x02\x01OB\0\0" + struct.pack("<I", len(about)) + about if about else b""
    size = struct.pack("<I", meta - 144 + len(extra))
    start = head[:140] + size + extra + head[144:meta]
    return start + b"".join(made.compress(b"\0" * 2**24) for _ in range(4)) + made.flush()


HOSTILE = {
    "a claim of 65,535 x 65,535 pixels": lambda: stored(RGB, Rows=65535, Columns=65535),
    "a claim in JPEG 2000": lambda: stored(
        RGB, syntax=dicoms.J2K,
        frames=[b"\xff\x4f\xff\x51\x00\x2f\0\0" + struct.pack(">8I", 2**31, 2**31, 0, 0, 2**31, 2**31, 0, 0)
                + b"\0\3\7\1\1\7\1\1\7\1\1" + b"\xff\xd9"],
    ),
    "a claim in JPEG": lambda: stored(
        RGB, syntax=dicoms.JPEG,
        frames=[b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + b"\1\x11\0" * 3],
    ),
    "a million frames": lambda: stored(RGB, NumberOfFrames=10**6),
    "a frame too few": lambda: stored(RGB, NumberOfFrames=2),
    "no frame": lambda: stored(
        RGB, syntax=dicoms.RLE, frames=[b"x"], PixelData=b"\xfe\xff\x00\xe0\0\0\0\0"
    ),
    "runs that end early": lambda: stored(RGB, syntax=dicoms.RLE, frames=[dicoms.rle(RGB)[:500]]),
    "runs that never end": lambda: stored(
        RGB, syntax=dicoms.RLE, frames=[dicoms.rle(np.tile(RGB, (9, 1, 1)))]
    ),
    "sequences 20,000 deep": lambda: deep(20_000),
    "half a million elements": lambda: stored(RGB)[:-9000] + b"\x09\x00\x01\x00UN\0\0\0\0\0\0" * 500_000,
    "a deflated bomb": bomb,
    "a deflated bomb behind a long head": lambda: bomb(bytes(5000)),
    "cut": lambda: stored(RGB)[:-100],
    "a JPEG that is cut": lambda: stored(
        RGB, syntax=dicoms.JPEG, frames=[dicoms.jpeg(RGB)[: -len(dicoms.jpeg(RGB)) // 2]]
    ),
    "a JPEG 2000 that is cut": lambda: stored(
        RGB, syntax=dicoms.J2K,
        frames=[dicoms.imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", level=0)[:3000]],
    ),
    "half a million pieces": lambda: stored(
        RGB, syntax=dicoms.RLE, frames=[b"x"], PixelData=b"\xfe\xff\x00\xe0\0\0\0\0" * 500_000
    ),
    "no bits": lambda: stored(RGB, BitsAllocated=0),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_means_harm_is_refused_soon(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(_dicom_dataset, "MAX_INFLATED", 2**25)  # a bomb of 1 GiB takes a while to make
    path = written(tmp_path, HOSTILE[kind]())
    begun = time.process_time()
    with pytest.raises(SaunetError) as refused:
        read_image(path)
    assert time.process_time() - begun < 8
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 300


def test_groups_of_any_size_do_not_hold_up_the_reading(tmp_path):
    item = dicoms.spaced(0.01, 0.01)
    data = stored(RGB, PerFrameFunctionalGroupsSequence=Sequence([item] * 10_000))
    path = written(tmp_path, data)
    begun = time.process_time()
    assert np.array_equal(read_image(path), RGB)
    read_acquisition(path)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("name", ["eye.dcm", "IM000001", "1.2.840.10008.7"])
def test_napari_opens_frames_with_their_scale(tmp_path, plugins, name):
    from npe2 import io_utils

    elements = {"NumberOfFrames": 2, "PixelData": RGB.tobytes() * 2, "PixelSpacing": [0.005, 0.006]}
    path = written(tmp_path, stored(RGB, ImageLaterality="L", StudyDate="20240102", **elements), name)
    (layer,), used = io_utils.read_get_reader(str(path), plugin_name="napari-saunetv2")
    data, about, kind = layer
    assert (data.shape, kind, about["rgb"]) == ((2, *RGB.shape), "image", True)
    assert about["scale"] == (1.0, 0.005, 0.006)
    assert about["metadata"] == {"eye": "left", "date": "2024-01-02", "spacing": "PixelSpacing"}
    assert used.plugin_name == "napari-saunetv2"


def test_napari_does_not_ask_about_other_files_without_a_suffix(tmp_path, plugins):
    (tmp_path / "LICENSE").write_text("text")
    assert reader.get_reader(str(tmp_path / "LICENSE")) is None


def test_a_mask_in_dicom_is_read_as_labels(tmp_path):
    mask = np.zeros((40, 48), np.uint8)
    mask[10:30, 20:25] = 1
    data = stored(mask, "1.2.840.10008.5.1.4.1.1.66.4", BitsAllocated=1, BitsStored=1, HighBit=0,
                  PixelData=np.packbits(mask, bitorder="little").tobytes())  # fmt: skip
    assert np.array_equal(files.read_mask(written(tmp_path, data)), mask)


def test_a_dataset_holds_no_more_than_what_is_needed():
    found = _dicom_dataset.dataset(stored(RGB), "eye.dcm", pixels=True)
    assert isinstance(found, Dataset)
    assert not {"PatientName", "PatientBirthDate", "PatientID"} & {e.keyword for e in found}


def test_a_dicom_photograph_is_segmented_as_any_other(tmp_path):
    from napari_saunetv2.batch import OutputOptions, cluster
    from napari_saunetv2.config import InferenceConfig
    from napari_saunetv2.imaging.vessels import PostProcessing
    from tiny import save_model

    config = InferenceConfig(
        model=str(save_model(tmp_path / "m.safetensors")), engine="torch", precision="float32"
    )
    Image.fromarray(RGB).save(tmp_path / "eye.png")
    written(tmp_path, dicoms.EXACT["two frames, RLE"](), "IM000001")
    out = OutputOptions(tmp_path / "out")
    out.folder.mkdir()
    found = inputs.gather([str(tmp_path / "eye.png"), str(tmp_path / "IM000001")]).files
    rows = list(cluster.segment_files(found, config, PostProcessing(threshold=0.5), out))
    assert [row.status for row in rows] == ["done", "done"]
    assert "2 frames" in rows[1].remarks
    one, two = (files.read_mask(tmp_path / "out" / f"{name}_vessels.png") for name in ("eye", "IM000001"))
    assert np.array_equal(one, two)


@pytest.mark.gui
@pytest.mark.parametrize(("name", "plugin"), [("eye.dcm", "napari-saunetv2"), ("IM000001", None)])
def test_a_viewer_opens_dicom(tmp_path, plugins, viewer, name, plugin):
    """Without a suffix this plugin is the only one that is offered; of .dcm napari asks."""
    path = written(tmp_path, stored(RGB, ImageLaterality="R", PixelSpacing=[0.005, 0.006]), name)
    (layer,) = viewer.open(str(path), plugin=plugin)
    assert np.array_equal(layer.data, RGB)
    assert layer.rgb
    assert tuple(layer.scale) == (0.005, 0.006)
    assert layer.metadata == {"eye": "right", "spacing": "PixelSpacing"}
    several = {"NumberOfFrames": 2, "PixelData": RGB.tobytes() * 2, "PixelSpacing": [0.005, 0.006]}
    written(tmp_path, stored(RGB, **several), name)
    (stack,) = viewer.open(str(path), plugin=plugin)
    assert stack.data.shape == (2, *RGB.shape)
    assert stack.rgb
    assert tuple(stack.scale) == (1, 0.005, 0.006)
    assert viewer.dims.ndim == 3
