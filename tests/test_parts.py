"""What is written beside its place: left by a kill it goes, written by somebody else it stays."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from napari_saunetv2 import cli, files
from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import parts as _parts

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows goes by the time instead of locks")

WRITER = """
import sys, time
from pathlib import Path
from napari_saunetv2.files import write_beside

def write(file):
    file.write(b"half")
    file.flush()
    print("half", flush=True)
    sys.stdin.readline()
    file.write(b" and whole")

write_beside(Path(sys.argv[1]), write)
"""


def writing(path: Path) -> subprocess.Popen:
    """A process that has half written a file and waits for a line."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "half\n"
    return child


def parts(folder: Path) -> list[Path]:
    return list(folder.glob(".*.part"))


@posix
def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    dead, alive = writing(tmp_path / "dead.png"), writing(tmp_path / "alive.png")
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    assert len(parts(tmp_path)) == 2
    _parts.remove_parts(tmp_path)
    assert len(parts(tmp_path)) == 1
    alive.communicate("go on\n")
    assert alive.returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["alive.png"]
    assert (tmp_path / "alive.png").read_bytes() == b"half and whole"


@posix
def test_the_next_segment_of_a_folder_removes_what_a_killed_one_left(tmp_path, monkeypatch):
    eyes, out = tmp_path / "eyes", tmp_path / "out"
    eyes.mkdir()
    files.write_image(eyes / "a.png", np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8))
    out.mkdir()
    dead, alive = writing(out / "dead.png"), writing(out / "alive.png")
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    monkeypatch.setattr(sys, "argv", ["saunetv2", "segment", str(eyes), "-o", str(out), "--rescale", "off"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code in (None, 0)
    assert len(parts(out)) == 1
    alive.communicate("go on\n")
    assert sorted(p.name for p in out.iterdir()) == ["a_vessels.png", "alive.png"]


@posix
def test_only_files_of_our_naming_go(tmp_path):
    theirs = [".part", ".movie.part", "0123456789ab.part", ".0123456789AB.part", ".0123456789ab.part.txt"]
    for name in theirs:
        (tmp_path / name).write_bytes(b"theirs")
    (tmp_path / ".0123456789ab.part").write_bytes(b"ours")
    half_a_zarr = tmp_path / ".ba9876543210.part"
    half_a_zarr.mkdir()
    (tmp_path / ".aaaaaaaaaaaa.part").symlink_to(tmp_path / ".movie.part")
    _parts.remove_parts(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*theirs, half_a_zarr.name, ".aaaaaaaaaaaa.part"]
    )
    _parts.remove_parts(tmp_path / "nowhere")


@posix
@pytest.mark.parametrize("folder_mode", ["same", "new"])
def test_writers_and_removers_at_once_lose_nothing(tmp_path, folder_mode):
    done = threading.Event()

    def remove():
        while not done.is_set():
            _parts.remove_parts(tmp_path)

    removers = [threading.Thread(target=remove) for _ in range(2)]
    for thread in removers:
        thread.start()
    try:
        for number in range(100):
            name = "x" if folder_mode == "same" else f"x{number}"
            files.write_beside(tmp_path / name, lambda f: f.write(b"whole"), overwrite=True)
    finally:
        done.set()
        for thread in removers:
            thread.join()
    found = list(tmp_path.iterdir())
    assert len(found) == (1 if folder_mode == "same" else 100)
    assert {p.read_bytes() for p in found} == {b"whole"}


@posix
def test_where_there_are_no_locks_nothing_is_removed_and_files_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(_parts, "lock", lambda handle: None)
    left = tmp_path / ".0123456789ab.part"
    left.write_bytes(b"of somebody")
    files.write_beside(tmp_path / "x", lambda f: f.write(b"whole"))
    _parts.remove_parts(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [left.name, "x"]


@posix
def test_a_part_that_a_remover_took_for_dead_is_made_anew(tmp_path, monkeypatch):
    tried = []

    def lock(handle):
        tried.append(handle)
        if len(tried) == 1:
            return False  # the remover looks at it
        if len(tried) == 2:
            (only,) = parts(tmp_path)
            only.unlink()  # the remover was quicker
        return True

    monkeypatch.setattr(_parts, "lock", lock)
    files.write_beside(tmp_path / "x", lambda f: f.write(b"whole"))
    assert len(tried) == 3
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_no_handle_stays_open(tmp_path):
    def fail(file):
        raise OSError(28, "No space left on device")

    def handles():
        folder = Path("/proc/self/fd")
        return len(list(folder.iterdir())) if folder.is_dir() else 0

    before = handles()
    files.write_beside(tmp_path / "x", lambda f: f.write(b"whole"))
    with pytest.raises(FileFormatError, match="No space"):
        files.write_beside(tmp_path / "y", fail)
    assert handles() == before
    assert parts(tmp_path) == []
