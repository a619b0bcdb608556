"""Decode the bytes of a TIFF file to one image."""

import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from tifffile import COMPRESSION, PHOTOMETRIC

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import _directories
from napari_saunetv2.files._decoded import (
    CMYK_REMARK,
    MAX_BYTES,
    ONE_PLANE,
    WAY_OUT,
    Decoded,
    Pixels,
    resolved,
    rgb_of_cmyk,
    too_large,
)
from napari_saunetv2.files._upright import TAG as ORIENTATION

_GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
_READ = (*_GREY, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED)
_JPEG = (COMPRESSION.JPEG, COMPRESSION.OJPEG)
_REDUCED, _TRANSPARENCY = 1, 4  # bits of the tag NewSubfileType
MAX_SAMPLE_VALUES = (281, 341)  # MaxSampleValue, SMaxSampleValue
_INK_SET = 332


def decode_tiff(data: bytes, name: str) -> Decoded:
    """Decode the photograph in a TIFF file: not its thumbnail, nor a smaller copy.

    Raises
    ------
    FileFormatError
        If it holds no image or several, or stores it in an unsupported way.
    """
    _directories.check(io.BytesIO(data), name)
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        series, remarks = photograph(tiff, name)
        page = series.keyframe
        axes, kept = plane(series.axes, series.shape)
        _refuse(series, axes, kept, name)
        # tifffile fills missing parts with zeros; a black stripe must not pass for a photograph.
        ends = (
            o + n for p in series.pages if p for o, n in zip(p.dataoffsets, p.databytecounts, strict=True)
        )
        if max(ends, default=0) > len(data):
            raise FileFormatError(f"'{name}' is truncated: copy it again from its source.")
        pixels = series.asarray().reshape(kept)
        bits = stated_bits(tiff, page, pixels)
        orientation = tag(page, ORIENTATION)
        if axes == "SYX" or axes == "CYX":
            pixels = np.moveaxis(pixels, 0, 2)
        if axes == "CYX":
            remarks += ("The three channels are treated as red, green and blue.",)
        found = _coloured(pixels, page, bits)
    return Decoded(found.pixels, found.index, found.alpha, bits, remarks + found.remarks).upright(orientation)


def channels_first(path: Path) -> bool:
    """Whether a TIFF file is one colour photograph with its colours in separate planes."""
    try:
        with _directories.opened(path) as tiff:
            if tiff is None:
                return False
            series, _ = photograph(tiff, path.name)
            axes, kept = plane(series.axes, series.shape)
    except Exception:  # noqa: BLE001 - a stranger's file makes what reads it raise anything
        return False
    return axes in ("CYX", "SYX") and kept[0] == 3


def tiff_orientation(path: Path) -> Any:
    """Orientation of a TIFF file; None if it has none, or is not a TIFF file."""
    try:
        with _directories.opened(path) as tiff:
            return None if tiff is None else tag(photograph(tiff, path.name)[0].keyframe, ORIENTATION)
    except Exception:  # noqa: BLE001 - as above
        return None


def photograph(tiff: tifffile.TiffFile, name: str) -> tuple[Any, tuple[str, ...]]:
    """Choose the series of pages with the photograph, with remarks; raises FileFormatError for a tie.

    Reduced copies and transparency masks are ignored; of the other pages the largest is used.
    """
    found = [series for series in tiff.series if series.keyframe is not None]
    whole = [s for s in found if not int(s.keyframe.subfiletype) & (_REDUCED | _TRANSPARENCY)] or found
    if not whole:
        raise FileFormatError(f"'{name}' holds no image: {WAY_OUT}.")
    areas = [_area(series) for series in whole]
    if areas.count(max(areas)) > 1:
        raise FileFormatError(f"'{name}' holds {len(whole)} images: {ONE_PLANE}.")
    chosen = whole[areas.index(max(areas))]
    if len(whole) == 1:
        return chosen, ()
    size = dict(zip(chosen.axes, chosen.shape, strict=True))
    return chosen, (
        f"The file holds {len(whole)} images of different size: the largest, {size.get('X')} x "
        f"{size.get('Y')} pixels, is read.",
    )


def _area(series: Any) -> int:
    return math.prod(n for axis, n in zip(series.axes, series.shape, strict=True) if axis in "YX")


def plane(axes: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Drop axes of length one, but not height and width."""
    kept = [(axis, n) for axis, n in zip(axes, shape, strict=True) if n > 1 or axis in "YX"]
    return "".join(axis for axis, _ in kept), tuple(n for _, n in kept)


def _refuse(series: Any, axes: str, kept: tuple[int, ...], name: str) -> None:
    """Raise FileFormatError for a file that cannot be decoded to one image."""
    page = series.keyframe
    size = max(math.prod(series.shape), math.prod(page.chunks)) * series.dtype.itemsize
    if size > MAX_BYTES:
        raise too_large(name, f"{size / 2**30:,.0f} GiB of pixels")
    if page.photometric not in _READ and not (
        page.photometric == PHOTOMETRIC.YCBCR and page.compression in _JPEG
    ):
        colours = getattr(page.photometric, "name", page.photometric)
        raise FileFormatError(f"'{name}' stores its colours as {colours}, which is not supported: {WAY_OUT}.")
    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
    except KeyError as error:
        packed = getattr(page.compression, "name", page.compression)
        raise FileFormatError(
            f"'{name}' is compressed by {packed}, which is not supported: {WAY_OUT}."
        ) from error
    if isinstance(page.bitspersample, tuple) or series.dtype.kind not in "biuf":
        raise FileFormatError(f"'{name}' stores its values in an unsupported way: {WAY_OUT}.")
    samples = {
        PHOTOMETRIC.PALETTE: (1,),
        PHOTOMETRIC.SEPARATED: (4,),
    }.get(page.photometric, (1, 3, 4) if not _grey_with_alpha(page) else (2,))
    channels = [n for axis, n in zip(axes, kept, strict=True) if axis not in "YX"] or [1]
    in_place = axes in ("YX", "YXS", "SYX") or (axes == "CYX" and kept[0] == 3)
    if not in_place or channels[0] not in samples:
        raise FileFormatError(f"'{name}' has shape {kept}, not one grey or RGB image: {ONE_PLANE}.")
    if page.photometric == PHOTOMETRIC.SEPARATED and tag(page, _INK_SET) not in (None, 1):
        raise FileFormatError(f"'{name}' stores its colours as inks other than CMYK: {WAY_OUT}.")


def _grey_with_alpha(page: Any) -> bool:
    extra = tuple(int(one) for one in page.extrasamples)
    return page.photometric in _GREY and page.samplesperpixel == 2 and extra in ((1,), (2,))


def _coloured(pixels: Pixels, page: Any, bits: int | None) -> Decoded:
    """Resolve palettes, inks and inverted values."""
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        colours = page.colormap.T
        # Some programs write 8-bit colours into the 16 bits of each entry.
        palette = (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)
        return Decoded(resolved(pixels, palette), index=pixels)
    if page.photometric == PHOTOMETRIC.SEPARATED:
        return Decoded(rgb_of_cmyk(pixels), remarks=(CMYK_REMARK,))
    alpha = None
    if _grey_with_alpha(page):
        pixels, alpha = pixels[..., 0], pixels[..., 1]
    # tifffile labels the one-bit arrays that it writes MINISWHITE, but does not invert them.
    by_tifffile = pixels.dtype == np.bool_ and page.software == "tifffile.py"
    if page.photometric == PHOTOMETRIC.MINISWHITE and not by_tifffile:
        pixels = _inverted(pixels, bits)
    return Decoded(pixels, alpha=alpha)


def _inverted(pixels: Pixels, bits: int | None) -> Pixels:
    if pixels.dtype.kind == "b":
        return ~pixels
    top: Any = 1
    if pixels.dtype.kind in "iu":
        top = 2**bits - 1 if bits else np.iinfo(pixels.dtype).max
    return np.asarray(top - pixels, pixels.dtype)


def stated_bits(tiff: tifffile.TiffFile, page: Any, pixels: Pixels) -> int | None:
    """Bit depth stated in the file, if it is less than the type's and holds every value."""
    if pixels.dtype.kind not in "iu" or page.photometric == PHOTOMETRIC.PALETTE:
        return None
    full = 8 * pixels.dtype.itemsize
    if page.bitspersample < full:
        return int(page.bitspersample)
    stated = [_significant_bits(tiff), *(_depth_of(tag(page, code)) for code in MAX_SAMPLE_VALUES)]
    top = int(pixels.max(initial=0))
    return next((bits for bits in stated if bits and 8 <= bits < full and top < 2**bits), None)


def _significant_bits(tiff: tifffile.TiffFile) -> int | None:
    """Bit depth in the OME metadata."""
    said = re.search(r'SignificantBits="(\d{1,2})"', tiff.ome_metadata or "") if tiff.is_ome else None
    return int(said[1]) if said else None


def _depth_of(value: Any) -> int | None:
    """Bit depth whose largest value this is; None for any other value, which may be the image's maximum."""
    top = max(value, default=0) if isinstance(value, tuple) else value
    return top.bit_length() if isinstance(top, int) and top > 0 and top & (top + 1) == 0 else None


def tag(page: Any, code: int) -> Any:
    """Value of a tag of a page; None if it has none."""
    found = page.tags.get(code)
    return None if found is None else found.value
