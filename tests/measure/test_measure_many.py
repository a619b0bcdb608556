"""Measuring many images: workers, resuming after a kill, and what failed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapes

from napari_saunetv2.batch import joining, measuring
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import inputs
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure.files import MeasureOptions
from napari_saunetv2.measure.meanings import FAILURE_COLUMNS
from oddfiles import dicoms
from tiny import save_model

TABLES = ("measurements.csv", "segments.csv", "failures.csv", "columns.csv")


@pytest.fixture
def config(tmp_path: Path) -> InferenceConfig:
    model = save_model(tmp_path / "small.safetensors")
    return InferenceConfig(model=str(model), engine="torch", precision="float32")


@pytest.fixture
def files(tmp_path: Path) -> dict:
    """A photograph, three masks in two folders, a file that is damaged."""
    folder = tmp_path / "eyes"
    (folder / "later").mkdir(parents=True)
    write_image(folder / "photo1.png", fundus((90, 100), seed=1).image)
    write_mask(folder / "a_vessels.png", np.uint8(shapes.bar(160, 8, 120, 20) < 0))
    write_mask(folder / "b_vessels.png", fundus((120, 120), seed=3).vessels)
    write_mask(folder / "later" / "a_vessels.png", np.uint8(shapes.bar(160, 5, 120, 50) < 0))
    (folder / "damaged.png").write_bytes(b"no image")
    return inputs.gather([str(folder)], recursive=True, masks=True).files


def run(files, config, folder, options=MeasureOptions(), **how):  # noqa: B008 - frozen
    outputs = measuring.MeasureOutputs(folder)
    rows = list(measuring.measure_files(files, options, config, outputs, **how))
    joining.write_tables(rows, files, outputs, folder / TABLES[0], folder / TABLES[1], overwrite=True)
    return rows


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_workers_write_what_one_process_writes(files, config, tmp_path):
    pytest.importorskip("distributed")
    one = run(files, config, tmp_path / "one")
    two = run(files, config, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert {*TABLES, "photo1_segments.tif", "later/a_vessels_measurements.csv"} <= contents(
        tmp_path / "one"
    ).keys()
    assert sorted(one) == sorted(two)
    assert [Path(row.file).name for row in one if row.status == "failed"] == ["damaged.png"]


PROGRAM = """
import json, sys
from pathlib import Path, PurePath
from napari_saunetv2.batch import measuring
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.measure.files import MeasureOptions
files = {Path(a): PurePath(b) for a, b in json.loads(sys.argv[1])}
config = InferenceConfig(model=sys.argv[2], engine="torch", precision="float32")
outputs = measuring.MeasureOutputs(Path(sys.argv[3]))
for row in measuring.measure_files(files, MeasureOptions(), config, outputs, resume=True):
    print(row.status, flush=True)
"""


def test_a_run_that_is_killed_goes_on_and_gives_the_same_tables(files, config, tmp_path):
    run(files, config, tmp_path / "whole")
    folder = tmp_path / "killed"
    listed = json.dumps([(str(file), str(below)) for file, below in files.items()])
    for images in (1, 2):  # killed twice, after so many more images
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, listed, config.model, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        done = 0
        while done < images:
            done += process.stdout.readline().strip() == "done"
        process.kill()
        process.wait()
        process.stdout.close()
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*_segments.tif")}
    assert len(before) == 3
    rows = run(files, config, folder, resume=True)
    assert [row.status for row in rows].count("kept") == len(before)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert contents(folder) == contents(tmp_path / "whole")


def test_what_failed_is_listed_with_its_reason_and_every_column_is_explained(files, config, tmp_path):
    run(files, config, tmp_path)
    failures = pd.read_csv(tmp_path / "failures.csv")
    assert list(failures.columns) == list(FAILURE_COLUMNS)
    assert failures.file.tolist() == ["damaged.png"]
    assert failures.reason.iloc[0].endswith(".")
    explained = pd.read_csv(tmp_path / "columns.csv")
    for table, what in (("measurements", "images"), ("segments", "segments"), ("failures", "failures")):
        columns = pd.read_csv(tmp_path / f"{table}.csv").columns
        assert set(columns) <= set(explained[explained.what.str.contains(what)].key), table
    table = pd.read_csv(tmp_path / "measurements.csv")
    assert table.file.unique().tolist() == [(files[file] / file.name).as_posix() for file in files]


def test_another_setting_is_not_mixed_into_the_same_tables(files, config, tmp_path):
    some = {file: files[file] for file in files if "a_vessels" in file.name}
    run(some, config, tmp_path)
    with pytest.raises(SettingsError, match="another spacing"):
        run(some, config, tmp_path, MeasureOptions(spacing=5.0), resume=True)
    rows = run(some, config, tmp_path, MeasureOptions(spacing=5.0), overwrite=True)
    assert [row.status for row in rows] == ["done"] * 2
    rows = run(some, config, tmp_path, MeasureOptions(spacing=5.0))
    assert [row.status for row in rows] == ["failed"] * 2, "nothing is replaced unasked"


@pytest.mark.parametrize(
    ("element", "unit", "words"),
    [
        ("PixelSpacing", {"µm"}, "A pixel is 5 µm wide by PixelSpacing."),
        (
            "ImagerPixelSpacing",
            set(),
            "The file gives 5 µm a pixel ImagerPixelSpacing, at the sensor: no length",
        ),
    ],
)
def test_only_millimetres_on_the_retina_give_micrometres(tmp_path, config, element, unit, words):
    mask = np.uint8(shapes.bar(160, 8, 120, 20) < 0) * 255
    (tmp_path / "bar_vessels.dcm").write_bytes(
        dicoms.stored(mask, dicoms.CAPTURE, **{element: [0.005, 0.005]})
    )
    files = inputs.gather([str(tmp_path / "bar_vessels.dcm")]).files
    (row,) = run(files, config, tmp_path / "out")
    assert any(remark.startswith(words) for remark in row.remarks)
    table = pd.read_csv(tmp_path / "out" / "measurements.csv")
    widths = table[(table.measure == "width_median") & (table.region == "whole")].set_index("unit").value
    assert set(widths.index) - {"px"} == unit
    assert "µm" not in unit or widths["µm"] == pytest.approx(40, rel=0.02)


def test_a_mask_that_was_corrected_since_is_measured_again(files, config, tmp_path):
    masks = {file: part for file, part in files.items() if file.name.endswith("_vessels.png")}
    run(masks, config, tmp_path / "out")
    changed = next(file for file in masks if file.name == "b_vessels.png")
    write_mask(changed, np.uint8(shapes.bar(120, 6, 80, 20) < 0), overwrite=True)
    rows = run(masks, config, tmp_path / "out", resume=True)
    assert {Path(row.file).name: row.status for row in rows if row.status != "kept"} == {changed.name: "done"}
    table = pd.read_csv(tmp_path / "out" / TABLES[1])
    assert (table.file == changed.name).sum() == 1
