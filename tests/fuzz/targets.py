"""What is thrown at each reader, and what must hold after it."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fuzz import corpus
from fuzz.mutate import mutated, sealed
from fuzz.zarrs import zarrs
from napari_saunetv2 import inference
from napari_saunetv2.exchange import bioimage, keras_import
from napari_saunetv2.files import (
    read_acquisition,
    read_frames,
    read_image,
    read_mask,
    read_prediction,
    read_spacing,
    read_values,
    tiled,
)
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.networks import SAUNetV2
from napari_saunetv2.plugin import reader
from napari_saunetv2.training import state as run_folder
from napari_saunetv2.training import steps
from oddfiles.dicoms import everything

_LAST = "last"
"""File that holds the name of the one that was damaged last."""

NAMES = (
    "21_training.tif",
    "im0001.ppm.gz",
    "Image_01L.jpg",
    "01_manual1.gif",
    "Image_01L_1stHO.png",
    "x_vessels.png",
    "x",
)
SHARES = {
    "image": 0.58, "parts": 0.05, "zarr": 0.1, "model": 0.1, "package": 0.04, "run": 0.06, "keras": 0.07,
}  # fmt: skip
"""How the files are shared out among the readers."""


class Target:
    """A pile of whole files, and who reads what became of one.

    ``attempt(draw)`` writes one damaged file into the folder and has it read; whatever it raises was raised
    by what it tests.
    """

    def __init__(self, folder: Path, shared: Path | None, largest: int) -> None:
        self.folder = folder
        self.images = corpus.images(shared, largest)
        self.tiffs = [data for data in self.images if data[:2] in (b"II", b"MM")]
        self.dicoms = everything()
        self.zarrs = zarrs()
        self.keras = corpus.keras(shared)
        self.models = corpus.models(folder)
        self.packages = corpus.packages(self.models[0])
        self.run_files = corpus.run_files(folder)
        torch.manual_seed(0)
        network = SAUNetV2(widths=corpus.WIDTHS).eval()
        self.tiny = Checkpoint("tiny", network, Header(network_arguments={"widths": corpus.WIDTHS}))
        self.state = steps.initial_state(corpus.TINY, None, torch.device("cpu"))

    def warm(self) -> None:
        """Start in a worker what lives as long as it: the library zarr's thread."""
        for data in self.tiffs[:3]:  # plain ones it does not read
            _whole(self._write("x.tif", data))

    def file(self, draw: random.Random) -> None:
        """Damage one file and read it."""
        kind = draw.choices(list(SHARES), list(SHARES.values()))[0]
        getattr(self, f"_{kind}")(draw)

    def _write(self, name: str, data: bytes) -> Path:
        (self.folder / _LAST).write_text(name)
        path = self.folder / name
        path.write_bytes(data)
        return path

    def written(self) -> Path | None:
        """File that was damaged last, by whichever process."""
        last = self.folder / _LAST
        return self.folder / last.read_text() if last.exists() else None

    def _image(self, draw: random.Random) -> None:
        data = mutated(draw.choice(self.images), draw.choice(self.images), draw)
        path = self._write(draw.choice(NAMES), data)
        doors = (read_image, read_image, read_mask, read_prediction, _spaced, _whole, _open_in_napari)
        read: Callable = draw.choice(doors)
        pixels = read(path)
        assert pixels.ndim in (2, 3), pixels.shape
        assert pixels.size > 0

    def dicom(self, draw: random.Random) -> None:
        """Damage one DICOM file and read it."""
        data = mutated(draw.choice(self.dicoms), draw.choice([*self.dicoms, *self.images]), draw)
        path = self._write(draw.choice(("x.dcm", "IM000001", "1.2.840.10008.7", "x.dcm.gz")), data)
        doors = (read_image, read_image, read_mask, read_frames, _spaced, _acquired, _open_in_napari)
        read: Callable = draw.choice(doors)
        pixels = read(path)
        assert pixels.ndim in (2, 3, 4), pixels.shape
        assert pixels.size > 0

    def _parts(self, draw: random.Random) -> None:
        data = mutated(draw.choice(self.tiffs), draw.choice(self.images), draw)
        _whole(self._write("x.tif", data))

    def _zarr(self, draw: random.Random) -> None:
        files = draw.choice(self.zarrs)
        shutil.rmtree(self.folder / "x.zarr", ignore_errors=True)
        for name, data in files.items():
            (self.folder / "x.zarr" / name).parent.mkdir(parents=True, exist_ok=True)
            self._write(f"x.zarr/{name}", data)
        about = sorted(name for name in files if name.endswith(("json", "array", "group", "attrs")))
        damaged = draw.choice(about if draw.random() < 0.5 else sorted(files))
        path = self._write(f"x.zarr/{damaged}", mutated(files[damaged], draw.choice(self.images), draw))
        if draw.random() < 0.05:
            path.unlink()
        _whole(self.folder / "x.zarr")

    def _model(self, draw: random.Random) -> None:
        path = self._write("m.safetensors", mutated(draw.choice(self.models), draw.choice(self.models), draw))
        if draw.random() < 0.5:
            sealed(path)
        loaded = checkpoint.load(path)
        # In torch: the choice of an engine takes seconds for every new model.
        exact = {"engine": "torch", "precision": "float32"}
        probability = inference.segment(np.full((20, 20, 3), 0.5, np.float32), loaded, rescale="off", **exact)
        assert np.isfinite(probability).all()

    def _package(self, draw: random.Random) -> None:
        data = mutated(draw.choice(self.packages), draw.choice(self.packages), draw)
        target = self.folder / "unpacked.safetensors"
        checkpoint.load(bioimage.unpack(self._write("p.zip", data), target, overwrite=True))

    def _run(self, draw: random.Random) -> None:
        name = draw.choice(sorted(self.run_files))
        run = self.folder / "fuzzed"
        run.mkdir(exist_ok=True)
        for other, data in self.run_files.items():
            (run / other).write_bytes(data)
        self._write(f"fuzzed/{name}", mutated(self.run_files[name], self.models[0], draw))
        wanted = run_folder.settings(corpus.TINY, ["eye"], [], None)
        if run_folder.start(run, wanted, resume=True):
            run_folder.restore(self.state, run)
            run_folder.save(self.state, run)

    def _keras(self, draw: random.Random) -> None:
        data = mutated(draw.choice(self.keras), draw.choice(self.keras), draw)
        keras_import.load_keras(self._write("w.h5", data), "saunetv2")

    def array(self, draw: random.Random) -> None:
        """Segment one array of any type and shape."""
        image = any_array(draw)
        plain = isinstance(image, np.ndarray) and image.dtype.kind not in "OV"
        before = image.tobytes() if plain else b""
        probability = inference.segment(
            image,
            self.tiny,
            rescale=_mostly(("auto", "off", 0.3, 1.7), (float("nan"), "on", 0, 1e9), draw),
            tile=_mostly(("auto", "off", 64, 65), (0, -3, "large", 64.5), draw),
            tta=_mostly(("none", "flips", "d4"), ("all", None), draw),
        )
        assert probability.dtype == np.float32
        assert probability.shape == np.asarray(image).shape[:2]
        assert ((probability >= 0) & (probability <= 1)).all()
        assert not plain or image.tobytes() == before


def _mostly(right: tuple, wrong: tuple, draw: random.Random):
    return draw.choice(right if draw.random() < 0.95 else wrong)


def _spaced(path: Path):
    read_spacing(path)
    return read_values(path)


def _acquired(path: Path):
    read_acquisition(path)
    return read_image(path)


def _whole(path: Path):
    """Read an image that is read in parts: one of its corners, and all of it where that is little."""
    image = tiled.opened(path)
    most = 2**22 if image.shape[0] * image.shape[1] <= 2**22 else 600
    pixels = tiled.read(image, slice(0, most), slice(0, most))
    assert pixels.ndim in (2, 3), pixels.shape
    assert pixels.shape[:2] == tuple(min(most, n) for n in image.shape[:2])
    return pixels


def _open_in_napari(path: Path):
    read = reader.get_reader(str(path))
    return read_image(path) if read is None else read(str(path))[0][0]


TYPES = [*np.typecodes["All"], ">u2", ">f4", "<U3", "S5", "i4,f8", "(2,2)u1", "M8[s]", "m8[us]"]


def any_array(draw: random.Random):
    """An array of any type, shape, order and values; half of them are images."""
    rng = np.random.default_rng(draw.randrange(2**32))
    if draw.random() < 0.05:
        return draw.choice((None, 3, "eye.png", [[1, 2], [3]], [[0.5, 0.5]], {}, object(), [], b"\0" * 9))
    if draw.random() < 0.5:
        shape = (draw.randrange(1, 90), draw.randrange(1, 90), *draw.choice(((), (1,), (3,), (3,), (4,))))
        kind = draw.choice(("?", "u1", "u1", "u2", ">u2", "f2", "f4", "f8", "g"))
    else:
        shape = tuple(draw.choice((0, 1, 2, 3, 5, 40)) for _ in range(draw.randrange(6)))
        kind = draw.choice(TYPES)
    values = np.asarray(rng.random(shape) * draw.choice((1, 1, 1, 255, 1e30)))
    try:
        with np.errstate(all="ignore"):
            image = (
                values.astype(kind)
                if kind in "?efdgFDG"
                else np.asarray(values * 1000).astype(np.int64).astype(kind)
            )
    except (TypeError, ValueError):  # a type that no number turns into
        image = np.zeros(shape, kind)
    if image.dtype.kind == "f" and draw.random() < 0.2 and image.size:
        image.flat[draw.randrange(image.size)] = draw.choice((np.nan, np.inf, -np.inf, -0.1, 1.5))
    return _laid_out(image, draw)


def _laid_out(image, draw):
    way = draw.randrange(8)
    if way == 0 and image.ndim > 1:
        return image[::-1, ::2]
    if way == 1:
        return np.asfortranarray(image)
    if way == 2 and image.ndim > 1:
        return image.swapaxes(0, 1)
    if way == 3:
        image.setflags(write=False)
    if way == 4 and image.ndim:
        return np.broadcast_to(image[:1], image.shape)
    if way == 5:
        return np.ma.masked_array(image)
    if way == 6 and image.nbytes and not image.dtype.hasobject:  # not aligned, not writeable
        return np.frombuffer(b"\0" + image.tobytes(), image.dtype, offset=1).reshape(image.shape)
    return image
