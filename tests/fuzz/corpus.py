"""Whole files to damage: real ones where they are, and synthetic ones of every kind that is read."""

import gzip
import io
import zipfile
from functools import cache
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
import torch
from PIL import Image

from napari_saunetv2.exchange import bioimage
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import SAUNetV2
from napari_saunetv2.training import Pair, TrainConfig, fine_tune
from napari_saunetv2.training import state as run_folder

WIDTHS = (8, 8, 8, 8)
TINY = TrainConfig(
    network_arguments={"widths": WIDTHS},
    steps=4,
    batch=1,
    crop=32,
    warmup=1,
    precision="float32",
    validation=0,
    validate_every=2,
)


def images(shared: Path | None, largest: int) -> list[bytes]:
    """Image files; of the real ones those of at most so many bytes, and three larger ones."""
    found = _synthetic_images()
    if shared is not None:
        real = sorted(p for p in (shared / "data").rglob("*") if p.is_file() and p.suffix != ".md")
        small = [p for p in real if p.stat().st_size <= largest]
        found += [p.read_bytes() for p in [*small, *[p for p in real if p not in small][::40]]]
    return found


def keras(shared: Path | None) -> list[bytes]:
    """Weight files of Keras."""
    if shared is None or not (shared / "reference").is_dir():
        return [_keras()]
    return [_keras(), *(p.read_bytes() for p in sorted((shared / "reference").glob("*.h5")))]


def models(folder: Path) -> list[bytes]:
    """Model files: the bundled one, and one of a tiny network."""
    torch.manual_seed(0)
    score = {"dataset": "drive", "split": "test", "protocol": "whole", "mean": {"f1": 0.8}}
    header = checkpoint.Header(network_arguments={"widths": WIDTHS}, scores=(score,), fov_diameter=540.0)
    checkpoint.save(folder / "tiny.safetensors", SAUNetV2(widths=WIDTHS), header, overwrite=True)
    return [(folder / "tiny.safetensors").read_bytes(), checkpoint.find(checkpoint.DEFAULT).read_bytes()]


def packages(model: bytes) -> list[bytes]:
    """Packages for bioimage.io, packed in four ways; what is in them beside the model is not read."""
    found = []
    for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", way) as packed:
            packed.writestr("rdf.yaml", "{}")
            packed.writestr(bioimage.MODEL, model)
        found.append(file.getvalue())
    return found


def run_files(folder: Path) -> dict[str, bytes]:
    """The files of a training that was left off after two steps, by name."""
    work = fine_tune(pairs(), TINY, folder / "run")
    for _ in range(2):
        next(work)
    work.close()
    return {name: (folder / "run" / name).read_bytes() for name in (run_folder.STATE, run_folder.SETTINGS)}


@cache  # before the forks that use it
def pairs() -> list[Pair]:
    """One small photograph with its vessels."""
    sample = fundus((48, 48), 0)
    return [Pair("eye", sample.image, sample.vessels)]


def _synthetic_images() -> list[bytes]:
    rgb = fundus((96, 80), 0).image
    grey, deep = rgb[..., 1], rgb.astype(np.uint16) * 257
    bits, real = grey > 90, (rgb / 255).astype(np.float32)
    found = [_pillow(pixels, kind) for kind in ("PNG", "GIF", "BMP", "PPM") for pixels in (rgb, grey, bits)]
    found += [_pillow(rgb, "JPEG", progressive=p, quality=q) for p in (False, True) for q in (30, 95)]
    found += [_pillow(np.dstack([rgb, grey]), "PNG"), _pillow(deep[..., 0], "PNG")]
    ways = (
        {},
        {"compression": "zlib"},
        {"compression": "lzw", "predictor": True},
        {"compression": "jpeg"},
        {"compression": "packbits"},
        {"tile": (32, 32), "compression": "zlib"},
        {"bigtiff": True, "compression": "zlib"},
        {"byteorder": ">"},
        {"rowsperstrip": 8, "compression": "zstd"},
    )
    found += [_tiff(rgb, photometric="rgb", **way) for way in ways]
    found += [_tiff(pixels) for pixels in (grey, deep, real[..., 0], bits)]
    found += [_tiff(grey, photometric="miniswhite"), _tiff(grey, imagej=True), _tiff(grey, ome=True)]
    return [*found, *_odd(rgb), gzip.compress(found[9]), gzip.compress(found[0])]


def _odd(rgb) -> list[bytes]:
    """Files of kinds that cameras and editors write."""
    exif = Image.Exif()
    exif[0x0112] = 6
    grey, deep = rgb[..., 1], rgb.astype(np.uint16) * 257
    index = Image.fromarray(rgb).quantize(7)
    inks = Image.fromarray(rgb).convert("CMYK")
    found = [_pillow(rgb, kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP")]
    found += [_pillow(rgb, "WEBP", lossless=True), _pillow(rgb, "JPEG2000"), _pillow(grey, "JPEG2000")]
    found += [_pillow(rgb, "MPO", save_all=True, append_images=[Image.fromarray(rgb)])]
    found += [_saved(inks, "JPEG"), _saved(index, "PNG", transparency=0), _saved(index, "GIF")]
    found += [
        _saved(index, "TIFF"),
        _saved(inks, "TIFF", compression="tiff_lzw"),
        imagecodecs.png_encode(deep),
    ]
    found += [
        _tiff(np.moveaxis(rgb, 2, 0), photometric="rgb", planarconfig="separate"),
        _tiff(np.moveaxis(rgb, 2, 0), ome=True, metadata={"axes": "CYX", "SignificantBits": 8}),
        _tiff(rgb, photometric="rgb", extratags=[(274, 3, 1, 6, True)]),
        _tiff(deep >> 4, photometric="rgb"),
    ]
    several = io.BytesIO()
    with tifffile.TiffWriter(several) as writer:
        writer.write(rgb[::4, ::4], photometric="rgb", subfiletype=1)
        writer.write(rgb, photometric="rgb", subifds=1)
        writer.write(rgb[::2, ::2], photometric="rgb", subfiletype=1)
    return [*found, several.getvalue()]


def _pillow(pixels, kind, **options) -> bytes:
    return _saved(Image.fromarray(pixels), kind, **options)


def _saved(image, kind, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _tiff(pixels, **options) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def _keras() -> bytes:
    import h5py

    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        for number in range(4):
            layer = root.create_group(f"conv2d_{number}/conv2d_{number}")
            layer.create_dataset("kernel:0", data=np.ones((3, 3, 4, 4), np.float32), compression="gzip")
            layer.create_dataset("bias:0", data=np.zeros(4, np.float32))
        root.attrs["layer_names"] = [f"conv2d_{n}".encode() for n in range(4)]
    return file.getvalue()
