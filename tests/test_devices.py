import sys
from types import SimpleNamespace

import pytest

from napari_saunetv2.engines import _gpus, devices
from napari_saunetv2.errors import DeviceError


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


@pytest.mark.parametrize(
    ("built_for", "driver", "found"),
    [
        ({"cuda": "None", "hip": "None"}, True, False),  # torch for the CPU alone
        ({"cuda": "'12.8'", "hip": "None"}, False, False),
        ({"cuda": "'12.8'", "hip": "None"}, True, True),
        ({"cuda": "None", "hip": "'6.3'"}, False, True),
        (None, False, True),  # it does not say: torch must be asked
    ],
)
def test_a_machine_without_a_gpu_is_known_without_torch(built_for, driver, found, tmp_path, monkeypatch):
    said = [f"{name}: Optional[str] = {value}" for name, value in (built_for or {}).items()]
    (tmp_path / "version.py").write_text("\n".join(["__version__ = '2.13.0'", *said, ""]))
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(_gpus, "find_spec", lambda _: spec)
    monkeypatch.setitem(_gpus._DRIVERS, sys.platform, "libc.so.6" if driver else "no-such-library.so")
    monkeypatch.setattr(sys, "modules", {name: m for name, m in sys.modules.items() if name != "torch"})
    _gpus.perhaps.cache_clear()
    assert _gpus.perhaps() is found
    _gpus.perhaps.cache_clear()


def test_the_name_of_a_device_is_what_torch_resolves(monkeypatch):
    monkeypatch.setattr(_gpus, "perhaps", lambda: True)
    assert devices.resolved("auto") == str(devices.resolve("auto"))
    assert devices.resolved("cpu") == "cpu"
    with pytest.raises(DeviceError, match="cuda:99"):
        devices.resolved("cuda:99")
