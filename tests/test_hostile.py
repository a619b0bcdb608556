"""Files that mean harm: bombs, claims, links, code; and the sources, which are only read."""

import ast
import hashlib
import io
import json
import os
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import napari_saunetv2
from napari_saunetv2 import datasets, files, inference
from napari_saunetv2.cli import app
from napari_saunetv2.cli._shared import plain
from napari_saunetv2.errors import CheckpointError, FileFormatError, ImageError, LayoutError, SettingsError
from napari_saunetv2.exchange import bioimage, keras_import
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import _weights, checkpoint
from napari_saunetv2.models.checkpoint import Header
from napari_saunetv2.networks import SAUNetV2
from napari_saunetv2.plugin import reader
from napari_saunetv2.training import Pair, TrainConfig, fine_tune

SOURCES = Path(napari_saunetv2.__file__).parent
FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
CODE = {"eval", "exec", "compile", "__import__"}
LOADERS = {"torch.load", "torch.jit.load", "torch.hub.load", "np.load", "numpy.load", "pd.read_pickle"}
HUGE = 10**6
TINY = TrainConfig(
    network_arguments={"widths": (8, 8, 8, 8)},
    steps=2,
    batch=1,
    crop=32,
    precision="float32",
    validation=0,
)


def test_nothing_in_the_package_can_run_what_a_file_holds():
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN, where
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in FORBIDDEN, where
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in CODE, where
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert ast.unparse(node.func) not in LOADERS, where
                assert not any(k.arg in ("allow_pickle", "shell") for k in node.keywords), where


def test_the_package_prints_nothing_but_on_the_command_line():
    for path in sorted(SOURCES.rglob("*.py")):
        calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        assert not [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"], path


def png(width, height, depth=8, kind=2, extra=b"") -> bytes:
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def gif(width, height) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HH", width, height)
        + b"\xf0\0\0"
        + b"\0" * 6
        + b","
        + struct.pack("<HHHH", 0, 0, width, height)
        + b"\0\x02\x02L\x01\0;"
    )


def tiff(width, height, *, big=False, loop=False) -> bytes:
    """A TIFF of one strip that claims so many pixels; with ``loop`` its next directory is itself."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((16, 16), np.uint8), bigtiff=big, compression="zlib", metadata=None)
    data = bytearray(file.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as made:
        tags = {name: made.pages[0].tags[name].valueoffset for name in ("ImageWidth", "ImageLength")}
        kinds = {name: made.pages[0].tags[name].dtype for name in tags}
        start = made.pages[0].offset
        rows = made.pages[0].tags["RowsPerStrip"].valueoffset
    for name, value in (("ImageWidth", width), ("ImageLength", height)):
        assert kinds[name] is not None
        struct.pack_into("<H", data, tags[name] - (10 if big else 6), 4)  # now of type LONG
        struct.pack_into("<I", data, tags[name], value)
    struct.pack_into("<I", data, rows, min(height, 65535))
    if loop:
        (count,) = struct.unpack_from("<Q" if big else "<H", data, start)
        struct.pack_into(
            "<Q" if big else "<I", data, start + (8 + 20 * count if big else 2 + 12 * count), start
        )
    return bytes(data)


def webp(width, height) -> bytes:
    """An extended WebP of one lossless frame that claims another size."""
    file = io.BytesIO()
    Image.new("RGBA", (16, 16)).save(file, "WEBP", lossless=True)
    data = bytearray(file.getvalue())
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data[:12]) + b"VP8X" + struct.pack("<II", 10, 0) + sides + bytes(data[12:])


def jp2(width, height) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG2000", no_jp2=True)
    data = bytearray(file.getvalue())
    struct.pack_into(">II", data, 8, width, height)
    struct.pack_into(">II", data, 24, width, height)
    return bytes(data)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures memory as Linux tells it")
@pytest.mark.parametrize(
    "data",
    [
        png(HUGE, HUGE),
        png(HUGE, HUGE, depth=16),
        png(60_000, 60_000, kind=0),
        gif(65_535, 65_535),
        b"P6 1000000 1000000 255\n\0\0\0",
        b"P3 1000000 1000000 255\n0 0 0",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, HUGE, HUGE, 1, 24, 0, 0, 0, 0, 0, 0),
        tiff(HUGE, HUGE),
        tiff(HUGE, HUGE, big=True),
        tiff(2**31, 2**31, big=True),
        tiff(70_000, 70_000, loop=True),
        webp(16_383, 16_383),
        jp2(HUGE, HUGE),
    ],
    ids=range(13),
)
def test_what_claims_to_be_huge_is_refused_before_memory_is_taken(tmp_path: Path, data: bytes):
    path = tmp_path / "x.tif"
    path.write_bytes(data)
    peak = _peak()
    with pytest.raises(FileFormatError, match=r"'x\.tif'") as caught:
        files.read_image(path)
    assert str(caught.value).endswith(".")
    assert _peak() - peak < 300


def _peak() -> float:
    """Largest memory so far, in MiB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_tiff_whose_directories_run_in_a_circle_ends(tmp_path: Path):
    path = tmp_path / "x.tif"
    for big in (False, True):
        path.write_bytes(tiff(16, 16, big=big, loop=True))
        try:
            assert files.read_image(path).shape == (16, 16)
        except FileFormatError:
            continue


def test_an_odd_name_is_refused_in_a_sentence(tmp_path: Path):
    for name in ("nul\0.png", "x" * 5000, "half\ud800.png"):
        with pytest.raises(FileFormatError):
            files.read_image(tmp_path / name)
        with pytest.raises(FileFormatError):
            files.write_mask(tmp_path / f"{name}.png", np.eye(4))
        with pytest.raises(CheckpointError):
            checkpoint.load(name)
        with pytest.raises(LayoutError):
            datasets.read(tmp_path / name)


def test_a_device_or_a_pipe_behind_a_link_is_not_read(tmp_path: Path):
    if not Path("/dev/zero").exists():
        pytest.skip("no such devices here")
    (tmp_path / "21_training.tif").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "22_training.tif")
    for sample in datasets.read(tmp_path):
        with pytest.raises(FileFormatError, match="device"):
            sample.image()


def test_a_data_set_takes_nothing_from_outside_by_its_names_nor_runs_in_circles(tmp_path: Path):
    inside = tmp_path / "DRIVE"
    (inside / "training" / "images").mkdir(parents=True)
    (inside / "training" / "training").symlink_to(inside / "training")
    (inside / "training" / "images" / "images").symlink_to(inside)
    Image.fromarray(np.zeros((9, 8, 3), np.uint8)).save(tmp_path / "22_training.tif")
    Image.fromarray(np.zeros((9, 8, 3), np.uint8)).save(inside / "training" / "images" / "21_training.tif")
    assert [s.name for s in datasets.read(inside)] == ["21_training"]


# --- weights


def saved(path: Path, weights: dict | None = None, **header) -> Path:
    torch.manual_seed(0)
    network = SAUNetV2(widths=[8, 8, 8, 8])
    if weights:
        network.load_state_dict(network.state_dict() | weights)
    checkpoint.save(path, network, Header(**{"network_arguments": {"widths": [8, 8, 8, 8]}} | header))
    return path


def test_a_network_of_a_billion_parameters_is_refused_before_it_is_built(tmp_path: Path, monkeypatch):
    path = tmp_path / "m.safetensors"
    header = b'{"a":{"dtype":"F32","shape":[1000,1000,1000],"data_offsets":[0,4000000000]}}'
    with path.open("wb") as file:  # the file has a hole for weights: it takes no room on the disk
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 4_000_000_000)
    monkeypatch.setattr(_weights, "_build", None)
    with pytest.raises(CheckpointError, match=r"claims a network of 1,000,000,000 parameters"):
        checkpoint.load(path)


@pytest.mark.parametrize("field", ["format_version", "network", "padding", "fov_diameter"])
def test_what_a_header_says_at_length_is_not_repeated(tmp_path: Path, field: str):
    path = saved(tmp_path / "m.safetensors")
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["saunetv2"]) | {field: "x" * 10_000}
    save_file(load_file(path), path, {"saunetv2": json.dumps(header)})
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert len(str(caught.value)) < 500
    weights = {"x" * 10_000 if k == "head.bias" else k: v for k, v in load_file(path).items()}
    save_file(weights, path, {"saunetv2": json.dumps(header | {field: getattr(Header(), field)})})
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert len(str(caught.value)) < 500


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path):
    bad = torch.full((1,), float("nan"))
    with pytest.raises(CheckpointError, match="not finite"):
        checkpoint.load(saved(tmp_path / "m.safetensors", {"head.bias": bad}))
    large = saved(tmp_path / "n.safetensors", {"head.weight": torch.full((1, 8, 1, 1), 3e38)})
    with pytest.raises(CheckpointError, match="not finite"):
        inference.segment(fundus((32, 32), 0).image, checkpoint.load(large), rescale="off")


def test_a_network_that_takes_no_photograph_is_refused(tmp_path: Path):
    torch.manual_seed(0)
    arguments = {"widths": [8, 8, 8, 8], "in_channels": 2}
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, SAUNetV2(**arguments), Header(network_arguments=arguments))
    with pytest.raises(CheckpointError, match="does not accept RGB images"):
        checkpoint.load(path)


@pytest.mark.parametrize("way", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_package_is_refused_however_it_is_packed(tmp_path: Path, way: int):
    path, target = tmp_path / "p.zip", tmp_path / "m.safetensors"
    with zipfile.ZipFile(path, "w", way) as packed:
        packed.writestr(bioimage.MODEL, np.random.default_rng(0).bytes(3000))
    whole = path.read_bytes()
    bioimage.unpack(path, target)
    for place in range(60, 3000, 100):
        data = bytearray(whole)
        data[place] ^= 4
        path.write_bytes(data)
        with pytest.raises(FileFormatError, match=r"is not a package made by"):
            bioimage.unpack(path, target, overwrite=True)


@pytest.mark.parametrize("kind", ["external", "virtual", "huge", "not finite", "soft link"])
def test_a_keras_file_reaches_for_nothing_outside_itself(tmp_path: Path, kind: str):
    h5py = pytest.importorskip("h5py")
    secret = tmp_path / "secret"
    secret.write_bytes(b"\1\2\3\4" * 432)
    path = tmp_path / "w.h5"
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["kernel"] = np.zeros((3, 3, 3, 16), np.float32)
    with h5py.File(path, "w") as root:
        layer = root.create_group("conv2d")
        if kind == "external":
            layer.create_dataset("kernel", (3, 3, 3, 16), "f4", external=[(str(secret), 0, 1728)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((3, 3, 3, 16), "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "kernel", (3, 3, 3, 16))
            layer.create_virtual_dataset("kernel", layout)
        elif kind == "huge":
            layer.create_dataset("kernel", (HUGE, HUGE), "f4", chunks=(1000, 1000), compression="gzip")
        elif kind == "not finite":
            layer["kernel"] = np.full((3, 3, 3, 16), np.nan, np.float32)
        else:
            layer["kernel"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "kernel")
            layer["bias"] = h5py.SoftLink("/../../etc/passwd")
    says = {"external": "another file", "virtual": "another file", "huge": "claims", "not finite": "finite"}
    with pytest.raises(CheckpointError, match=says.get(kind, "has 0 ConvTranspose2d layers")):
        keras_import.load_keras(path, "saunetv2")


def test_a_state_with_a_flipped_bit_is_not_gone_on_with(tmp_path: Path):
    sample = fundus((48, 48), 0)
    pairs = [Pair("eye", sample.image, sample.vessels)]
    work = fine_tune(pairs, TINY, tmp_path / "run")
    next(work)
    work.close()
    state = tmp_path / "run" / "state.safetensors"
    whole = state.read_bytes()
    for place in (len(whole) - 5, len(whole) // 2):
        data = bytearray(whole)
        data[place] ^= 4
        state.write_bytes(data)
        with pytest.raises(CheckpointError, match="damaged"):
            next(fine_tune(pairs, TINY, tmp_path / "run", resume=True))
    weights = load_file(state) | {"network.head.bias": torch.zeros(7)}
    save_file(weights, state, {"training": "{}"})
    with pytest.raises(CheckpointError, match="damaged"):
        next(fine_tune(pairs, TINY, tmp_path / "run", resume=True))


# --- images


def test_a_speck_in_the_dark_does_not_make_an_image_of_any_size():
    image = np.zeros((400, 400, 3), np.uint8)
    image[200:205, 200:205] = 255  # at the model's scale this would be 43,000 x 43,000 pixels
    assert inference.segment(image).shape == (400, 400)
    with pytest.raises(SettingsError, match="smaller factor"):
        inference.segment(fundus((400, 400), 0).image, rescale=100)


@pytest.mark.parametrize("image", [[[1, 2], [3]], None, "eye.png", {}, np.zeros((4, 4), object)])
def test_what_is_no_array_is_refused_in_a_sentence(image):
    with pytest.raises(ImageError):
        inference.segment(image)


def test_the_order_of_bytes_changes_nothing():
    image = fundus((48, 48), 0).image.astype(np.uint16) * 257
    np.testing.assert_array_equal(
        inference.segment(image.astype(">u2"), rescale="off"), inference.segment(image, rescale="off")
    )


def test_what_a_file_says_cannot_steer_the_terminal():
    assert plain("\x1b[2J\x07[red]网\n\u202e") == "?\\[2J?\\[red]网\n?"


# --- sources are only read


def _hashes(folder: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_source_data_are_never_written(tmp_path: Path):
    root = tmp_path / "DRIVE" / "training"
    for part in ("images", "1st_manual", "mask"):
        (root / part).mkdir(parents=True)
    for number in (21, 22):
        sample = fundus((64, 64), number)
        Image.fromarray(sample.image).save(root / "images" / f"{number}_training.tif")
        Image.fromarray(sample.vessels * 255).save(root / "1st_manual" / f"{number}_manual1.gif")
        Image.fromarray(sample.fov * 255).save(root / "mask" / f"{number}_training_mask.gif")
    for path in sorted(root.rglob("*"), reverse=True):
        path.chmod(0o444 if path.is_file() else 0o555)
    before = _hashes(tmp_path)
    times = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    out = tmp_path / "out"
    commands = (
        ["segment", str(root / "images"), "-o", str(out / "masks"), "--overlay", "--rescale", "off"],
        ["evaluate", "drive", str(root.parent), "--split", "train", "--rescale", "off"],
    )
    out.mkdir()
    try:
        for command in commands:
            app(command, standalone_mode=False)
        pairs = [Pair(s.name, s.image(), s.labels(), s.fov()) for s in datasets.read(root.parent)]
        next(fine_tune(pairs, TINY, out / "run"))
        for data, *_ in reader.read_folder(root.parent):
            np.asarray(data)
    finally:
        for path in root.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)
    assert {k: v for k, v in _hashes(tmp_path).items() if "out" not in Path(k).parts} == before
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == times
