"""Zarr files: read as the library zarr reads them, and refused where it would do what they say."""

import json
import os
import pickle
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import tiled, zarrs

zarr = pytest.importorskip("zarr")
IMAGE = np.random.default_rng(0).integers(0, 200, (70, 90, 3), np.uint8)
V3 = zarr.codecs


def made(path: Path, pixels=IMAGE, **options):
    options = {"chunks": (32, 40, 3), "zarr_format": 3} | options
    # In format 3 the order of bytes is a codec's affair.
    dtype = pixels.dtype if options["zarr_format"] == 2 else pixels.dtype.newbyteorder("=")
    array = zarr.create_array(path, shape=pixels.shape, dtype=dtype, **options)
    array[:] = pixels
    return array


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": None},
        {"compressors": V3.GzipCodec()},
        {"compressors": V3.ZstdCodec()},
        {"compressors": V3.BloscCodec(cname="lz4")},
        {"compressors": V3.BloscCodec(cname="zstd", shuffle="bitshuffle")},
        {"compressors": [V3.ZstdCodec(), V3.Crc32cCodec()]},
        {"filters": V3.TransposeCodec(order=(2, 0, 1))},
        {"shards": (64, 80, 3)},
        {"shards": (64, 80, 3), "compressors": V3.GzipCodec()},
        {"chunk_key_encoding": {"name": "v2", "separator": "."}},
        {"zarr_format": 2},
        {"zarr_format": 2, "order": "F", "compressors": None},
        {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
    ],
    ids=lambda options: "-".join(options) or "plain",  # str() of a codec varies
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float32"])
def test_read_as_the_library_reads_it(tmp_path: Path, options, dtype):
    pixels = IMAGE.astype(dtype)
    if dtype == ">u2" and not {"zarr_format", "shards"} & set(options):
        options = options | {"serializer": V3.BytesCodec(endian="big")}
    array = made(tmp_path / "a.zarr", pixels, **options)
    found = zarrs.opened(tmp_path / "a.zarr")
    assert (found.shape, found.chunks, found.ndim) == (array.shape, array.chunks, 3)
    assert found.dtype == pixels.dtype.newbyteorder("=")
    parts = ((slice(None),), (slice(30, 67), slice(5, 81)), (slice(64, 64),), (slice(69, 70), slice(80, 99)))
    for part in parts:
        np.testing.assert_array_equal(found[part], array[part])


@pytest.mark.parametrize("codec", ["zlib", "gzip", "lz4", "zstd", "blosc"])
def test_what_older_programs_packed(tmp_path: Path, codec):
    numcodecs = pytest.importorskip("numcodecs")
    made(tmp_path / "a.zarr", zarr_format=2, compressors=numcodecs.get_codec({"id": codec}))
    np.testing.assert_array_equal(zarrs.opened(tmp_path / "a.zarr")[:], IMAGE)


@pytest.mark.parametrize("version", [2, 3])
def test_the_finest_level_and_pieces_that_are_not_there(tmp_path: Path, version):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    array = group.create_array("fine/0", shape=(70, 90), chunks=(32, 40), dtype="u1", fill_value=7)
    array[:32] = IMAGE[:32, :, 0]
    scales = [{"datasets": [{"path": "fine/0"}, {"path": "fine/1"}]}]
    group.attrs.update({"ome": {"multiscales": scales}} if version == 3 else {"multiscales": scales})
    found = zarrs.opened(tmp_path / "a.zarr")[:]
    np.testing.assert_array_equal(found, array[:])
    assert (found[32:] == 7).all()


def test_no_number_in_a_file_is_not_a_number(tmp_path: Path):
    zarr.create_array(tmp_path / "a.zarr", shape=(4, 4), dtype="f4", fill_value=float("nan"))
    assert np.isnan(zarrs.opened(tmp_path / "a.zarr")[:]).all()


# --- files that mean harm


def by_hand(folder: Path, piece: bytes | None = b"\1" * 64, **about) -> Path:
    """An array of format 2, of 8 x 8 bytes in one piece."""
    folder.mkdir()
    whole = {
        "zarr_format": 2, "shape": [8, 8], "chunks": [8, 8], "dtype": "|u1", "compressor": None, "order": "C",
        "fill_value": 0, "filters": None,
    }  # fmt: skip
    (folder / ".zarray").write_text(json.dumps(whole | about))
    if piece is not None:
        (folder / "0.0").write_bytes(piece)
    return folder


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    "about",
    [
        {"compressor": {"id": "pickle"}},
        {"filters": [{"id": "pickle"}]},
        {"filters": [{"id": "vlen-utf8"}, {"id": "pickle"}], "dtype": "|O"},
        {"dtype": "|O"},
    ],
    ids=str,
)
def test_no_codec_runs_what_a_file_holds(tmp_path: Path, monkeypatch, about):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileFormatError):
        tiled.read(tiled.opened(by_hand(tmp_path / "a.zarr", pickle.dumps(Harm()), **about)))
    assert not Path("harm").exists()


@pytest.mark.parametrize("name", ["pickle", "numcodecs.pickle", "vlen-utf8", {}, ["gzip"], None])
def test_unknown_codecs_are_refused(tmp_path: Path, name):
    made(tmp_path / "a.zarr")
    about = json.loads((tmp_path / "a.zarr/zarr.json").read_text())
    about["codecs"].append({"name": name})
    (tmp_path / "a.zarr/zarr.json").write_text(json.dumps(about))
    with pytest.raises(FileFormatError, match="which is not supported: rewrite it"):
        tiled.opened(tmp_path / "a.zarr")


@pytest.mark.parametrize("codec", ["zlib", "gzip", "zstd", "blosc", "lz4"])
def test_a_piece_that_unpacks_without_end_takes_no_memory(tmp_path: Path, codec):
    numcodecs = pytest.importorskip("numcodecs")
    # So little that it passes for one piece of 64 bytes, which grew when it was packed.
    bomb = bytes(numcodecs.get_codec({"id": codec}).encode(np.zeros(2**23, np.uint8)))
    assert len(bomb) < 2**16
    folder = by_hand(tmp_path / "a.zarr", bomb, compressor={"id": codec})
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="it is damaged"):
            tiled.read(tiled.opened(folder))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    (folder / "0.0").write_bytes(bytes(2**17))
    with pytest.raises(FileFormatError, match="it is damaged"):
        tiled.read(tiled.opened(folder))


def test_links_lead_nowhere_outside(tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"\7" * 64)
    folder = by_hand(tmp_path / "a.zarr", None)
    (folder / "0.0").symlink_to(tmp_path / "secret")
    with pytest.raises(FileFormatError, match="lies outside"):
        tiled.read(tiled.opened(folder))
    by_hand(tmp_path / "b.zarr")
    outer = tmp_path / "c.zarr"
    outer.mkdir()
    (outer / ".zgroup").write_text('{"zarr_format": 2}')
    for way in ("../b.zarr", str(tmp_path / "b.zarr")):
        (outer / ".zattrs").write_text(json.dumps({"multiscales": [{"datasets": [{"path": way}]}]}))
        with pytest.raises(FileFormatError, match="lies outside"):
            tiled.opened(outer)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path):
    folder = by_hand(tmp_path / "a.zarr", None)
    os.mkfifo(folder / "0.0")
    with pytest.raises(FileFormatError, match="is not a file"):
        tiled.read(tiled.opened(folder))


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"shape": [10**6, 10**6], "chunks": [4096, 4096]}, "claims"),
        ({"shape": [10**5, 10**5], "chunks": [10**5, 10**5]}, "chunks of"),
        ({"shape": [10**5, 10**5], "chunks": [1, 1]}, "more than 4,194,304 chunks"),
        ({"chunks": [0, 8]}, "nor a zarr"),
        ({"shape": [-8, 8]}, "nor a zarr"),
        ({"shape": [8, 8, 8], "chunks": [8, 8, 8]}, "has shape"),
        ({"shape": [8] * 5000, "chunks": [8] * 5000}, "chunks of"),
        ({"shape": [10**4000, 8]}, "chunks"),
        ({"dtype": "<c8"}, "nor a zarr"),
        ({"fill_value": "x"}, "nor a zarr"),
    ],
)
def test_claims_are_bounded(tmp_path: Path, about, says):
    with pytest.raises(FileFormatError, match=says) as caught:
        tiled.opened(by_hand(tmp_path / "a.zarr", **about))
    assert len(str(caught.value)) < 1000


def test_flipped_bits_under_a_check_sum_are_found(tmp_path: Path):
    pytest.importorskip("google_crc32c")
    made(tmp_path / "a.zarr", compressors=V3.Crc32cCodec())
    piece = tmp_path / "a.zarr/c/0/0/0"
    data = bytearray(piece.read_bytes())
    data[100] ^= 1
    piece.write_bytes(data)
    with pytest.raises(FileFormatError, match="it is damaged"):
        tiled.read(tiled.opened(tmp_path / "a.zarr"))


def test_a_piece_longer_than_it_should_be_is_damage(tmp_path: Path):
    folder = by_hand(tmp_path / "a.zarr", zlib.compress(b"\1" * 65), compressor={"id": "zlib"})
    with pytest.raises(FileFormatError, match="it is damaged"):
        tiled.read(tiled.opened(folder))
