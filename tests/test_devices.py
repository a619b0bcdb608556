import sys

import pytest

from napari_saunetv2.engines import devices


def test_triton_is_kept_out_beside_another_llvm_only(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)  # which puts back what is there now, in the end
    del sys.modules["triton"]
    devices.avoid_triton(tmp_path / "no such file, as on other systems")
    maps = tmp_path / "maps"
    maps.write_text("7f00-7f01 r-xp 00000000 fe:00 1 /usr/lib/libc.so.6\n")
    devices.avoid_triton(maps)
    assert "triton" not in sys.modules
    maps.write_text("7f00-7f01 r-xp 00000000 fe:00 2 /usr/lib/libLLVM-15.so.1\n")
    devices.avoid_triton(maps)
    with pytest.raises(ImportError):
        __import__("triton")
    itself = object()
    monkeypatch.setitem(sys.modules, "triton", itself)
    devices.avoid_triton(maps)  # what is there already is left alone
    assert sys.modules["triton"] is itself
