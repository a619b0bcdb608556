import contextlib
import csv
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_saunetv2 import batch, cli
from napari_saunetv2.batch import cluster, workers
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import inputs
from napari_saunetv2.errors import FileFormatError, OverwriteError, SettingsError
from napari_saunetv2.imaging.vessels import PostProcessing
from tiny import save_model

HALF = PostProcessing(threshold=0.5)
TORCH = {"engine": "torch", "precision": "float32"}


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(save_model(tmp_path / "small.safetensors"))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "eyes"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        Image.fromarray(rng.integers(0, 256, (40, 56, 3), np.uint8)).save(folder / f"{number}.png")
    (folder / "bad.png").write_bytes(b"no image")
    return list(inputs.gather([str(folder)]).files)


def _run(files, model, folder, **options):
    folder.mkdir(exist_ok=True)
    output = batch.OutputOptions(folder, probability=True)
    return list(cluster.segment_files(files, InferenceConfig(model=model, **TORCH), HALF, output, **options))


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_workers_write_what_one_process_writes_and_a_lost_worker_is_survived(
    files, model, tmp_path, monkeypatch
):
    distributed = pytest.importorskip("distributed")
    one = _run(files, model, tmp_path / "one")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, env={"OMP_NUM_THREADS": "1"}
        ) as local,
        distributed.Client(local),
    ):
        rows = []
        options = batch.OutputOptions(tmp_path / "two", probability=True)
        options.folder.mkdir()
        scheduler = local.scheduler_address
        config = InferenceConfig(model=model, **TORCH)
        for row in cluster.segment_files(files, config, HALF, options, scheduler=scheduler):
            if not rows:
                next(iter(local.workers.values())).process.process.kill()
            rows.append(row)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")
    assert len(_contents(tmp_path / "one")) == 8
    assert sorted(r._replace(seconds=0) for r in one) == sorted(r._replace(seconds=0) for r in rows)
    for found in (one, rows):
        assert sorted(row.status for row in found) == ["done"] * 4 + ["failed"]
        assert [Path(row.file).name for row in found if row.status == "failed"] == ["bad.png"]


def test_a_finished_image_is_not_done_again(files, model, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    _run(files[:3], model, folder)
    kept = folder / "0_vessels.png"
    before = kept.stat().st_mtime_ns
    (folder / "1_probability.tif").unlink()  # the run was killed between two files of an image
    rows = _run(files, model, folder, resume=True)
    assert {Path(r.file).name: r.status for r in rows} == {
        "0.png": "kept", "1.png": "done", "2.png": "kept", "3.png": "done", "bad.png": "failed",
    }  # fmt: skip
    assert kept.stat().st_mtime_ns == before
    assert len(_contents(folder)) == 8
    assert {r.status for r in _run(files, model, folder)} == {"failed"}  # neither --resume nor --overwrite


def test_the_table_outlives_a_kill(tmp_path):
    path = tmp_path / "t.csv"

    def killed():
        with cluster.table(path, resume=False) as add:
            add(cluster.Row("b.png", "done", "b_vessels.png", 4, 5, 0.25, 1.5))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    with path.open("a") as out:
        out.write("c.png,do")  # cut in the middle of a line
    with cluster.table(path, resume=True) as add:
        add(cluster.Row("b.png", "kept"))
        add(cluster.Row("a.png", "failed", error="no, really"))
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(r["file"], r["status"], r["height"], r["error"]) for r in rows] == [
        ("a.png", "failed", "0", "no, really"),
        ("b.png", "done", "4", ""),
    ]


def test_no_table_is_replaced_unasked(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("mine\n")
    for name in ("t.csv", "t.parquet"):
        for resume in (False, True):
            with (
                pytest.raises(OverwriteError, match=r"t\.csv' already exists"),
                cluster.table(tmp_path / name, resume=resume),
            ):
                pass
    assert path.read_text() == "mine\n"
    with cluster.table(path, resume=False, overwrite=True) as add:
        add(cluster.Row("a.png", "done"))
    assert list(cluster.read_table(path)) == ["a.png"]


def test_a_table_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileFormatError), cluster.table(tmp_path / "file" / "t.csv", resume=False):
        pass
    if not Path("/dev/full").exists():
        return
    (tmp_path / "full.csv").symlink_to("/dev/full")
    with (
        pytest.raises(FileFormatError, match="No space left"),
        cluster.table(tmp_path / "full.csv", resume=False, overwrite=True) as add,
    ):
        add(cluster.Row("a.png", "done"))


def test_parquet(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    with cluster.table(tmp_path / "t.parquet", resume=False) as add:
        add(cluster.Row("a.png", "done", vessel_share_of_fov=0.5))
    assert pq.read_table(tmp_path / "t.parquet").to_pylist()[0]["vessel_share_of_fov"] == 0.5


def test_a_scheduler_that_is_not_there_is_told(files, model, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")

    def nobody(*_, **__):
        raise OSError

    monkeypatch.setattr(distributed, "Client", nobody)
    with pytest.raises(SettingsError, match="tcp://nowhere:1"):
        _run(files, model, tmp_path / "out", scheduler="tcp://nowhere:1")


def test_the_command_resumes_and_writes_the_table(files, model, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    command = ["saunetv2", "segment", str(files[0].parent), "-o", str(out), "-m", model, "--engine", "torch"]
    for extra in ([], ["--resume"]):
        monkeypatch.setattr("sys.argv", [*command, "--table", str(out / "t.csv"), *extra])
        with pytest.raises(SystemExit) as done:
            cli.main()
        assert done.value.code == 1  # bad.png
    assert "already has its results" in capsys.readouterr().out
    assert len((out / "t.csv").read_text().splitlines()) == 6


def test_workers_below_one_are_refused(files, model, tmp_path):
    with pytest.raises(SettingsError, match="workers is 0"):
        _run(files, model, tmp_path / "out", workers=0)


def test_a_second_run_beside_a_first_one_warns_of_no_port(recwarn):
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # some other program may have it already
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        with workers._client(1, None) as client:
            assert client.submit(sum, (1, 2)).result(timeout=60) == 3
    assert not [str(one.message) for one in recwarn if "8787" in str(one.message)]
