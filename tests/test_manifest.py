import subprocess
import sys
from pathlib import Path

import npe2
import numpy as np
import pytest
import yaml
from qtpy.QtWidgets import QPushButton
from typer.testing import CliRunner

import napari_saunetv2
from napari_saunetv2 import DISCLAIMER, datasets, evaluation
from napari_saunetv2.batch import catalogue
from napari_saunetv2.cli import app
from napari_saunetv2.evaluation import report
from napari_saunetv2.plugin.common import preferences

PACKAGE = Path(napari_saunetv2.__file__).parent
MANIFEST = PACKAGE / "napari.yaml"

EXAMPLES = [
    *("21_training.tif", "40_training.tif", "01_test.tif", "20_test.TIF"),
    *("01_manual1.gif", "01_manual2.gif", "21_training_mask.gif", "01_test_mask.gif"),
    *("im0001.ppm", "im0324.ppm.gz", "im0001.PPM"),
    *("im0001.ah.ppm", "im0001.ah.ppm.gz", "im0001.vk.ppm", "im0001.vk.ppm.gz"),
    *("Image_01L.jpg", "Image_14R.JPG", "Image_01L_1stHO.png", "Image_14R_2ndHO.png"),
    *("01_h.jpg", "15_g.jpg", "01_dr.JPG", "01_h.tif", "01_g.tif", "01_dr.tif"),
    *("01_h_mask.tif", "01_g_mask.tif", "01_dr_mask.tif"),
    *("training/21_training.png", "test/01_test.png", "01_h_AVmanual.png", "15_dr_AVmanual.png"),
    *("images/IR_Case_011.png", "labels/IR_Case_058.png"),
]
MASKS = [
    *("01_test_vessels.png", "eye vessels.tif", "eye_vessels.TIFF", "vessels.gif"),
    *("eye_av.png", "01_test_av.tif", "eye_av.gif"),
]
DICOM = ["eye.dcm", "EYE.DCM", "eye.dicom", *("IM000001"[:n] for n in range(1, 9)), "1.2.840.113619.2.5"]
FOREIGN = [
    *("IM0001.tif", "IMG_00012345", "a.b", "1.2.tif", "CHANGES.md"),
    *("photo.tif", "my_test.tif", "scan.png", "cells.gif", "movie.tif.gz", "stack.ppm", "IMG_0001.jpg"),
    *("image_001.jpg", "Image_0001.jpg", "im1.ppm", "im0001.png", "001_test.tif", "1_h.jpg", "mask.tif"),
    *("01_test.zarr", "01_test.tif.txt", "im0001.ah.ppm.bak", "Image_01L_3rdHO.png"),
]


@pytest.fixture
def manifest():
    return npe2.PluginManifest.from_file(MANIFEST)


def offered(manifest, name):
    """Tell by npe2's own rule whether the reader would be offered for a file."""
    manager = npe2.PluginManager()
    manager.register(manifest)
    return any(r.command == "napari-saunetv2.read" for r in manager.iter_compatible_readers(name))


def test_npe2_finds_nothing_to_complain_of():
    command = [sys.executable, "-m", "npe2", "validate", "napari-saunetv2", "--imports"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "valid" in answer.stdout


def test_every_result_says_that_it_is_not_a_medical_device():
    places = {
        "README.md": DISCLAIMER,
        "docs/index.md": DISCLAIMER.rstrip("."),
        "SECURITY.md": "Not a medical device",
        "docs/reliability.md": DISCLAIMER,
    }
    for name, words in places.items():
        assert words in (MANIFEST.parents[2] / name).read_text(encoding="utf-8"), name
    # In the code it is one constant: what else says it must take it from there.
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html")]:
        if path != PACKAGE / "__init__.py":
            assert DISCLAIMER.lower() not in path.read_text(encoding="utf-8").lower(), path
    score = evaluation.ImageScore("eye", dict.fromkeys(evaluation.TITLES, 0.5))
    assert DISCLAIMER in evaluation.as_csv([score])
    assert DISCLAIMER in evaluation.as_markdown([score], "title")
    assert DISCLAIMER in evaluation.as_json([score], {})
    case = evaluation.Case("eye", None, np.eye(9, dtype=np.uint8), np.eye(9, dtype=np.uint8))
    assert DISCLAIMER in report.page([report.entry(case)], "title", {})
    assert DISCLAIMER in catalogue.as_csv([catalogue.Line("eye", {"f1": 0.5})])
    assert DISCLAIMER in " ".join(CliRunner().invoke(app, ["--help"]).output.split())


@pytest.mark.gui
def test_the_help_of_every_widget_says_that_it_is_not_a_medical_device(make_napari_viewer, manifest):
    viewer = make_napari_viewer()
    for widget in manifest.contributions.widgets:
        _, panel = viewer.window.add_plugin_dock_widget("napari-saunetv2", widget.display_name)
        tips = [button.toolTip() for button in panel.native.findChildren(QPushButton)]
        assert any(DISCLAIMER in tip for tip in tips), widget.display_name


def test_the_manifest_at_the_top_is_the_one_in_the_package():
    top = Path(__file__).parents[1] / "napari.yaml"
    assert top.read_text(encoding="utf-8") == MANIFEST.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", ["from_distribution('napari-saunetv2')", f"from_file({str(MANIFEST)!r})"])
def test_the_manifest_and_the_package_load_nothing_heavy(source):
    program = (
        f"import sys, npe2, napari_saunetv2; m = npe2.PluginManifest.{source};"
        "assert m.contributions.widgets, m;"
        "heavy = {'torch', 'napari', 'magicgui', 'qtpy', 'PySide6', 'PyQt6', 'skimage', 'scipy', 'dask'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_reader_is_offered_for_the_files_of_the_data_sets(manifest, name):
    assert datasets.identify(name)
    assert offered(manifest, f"/any/where/{name}")


@pytest.mark.parametrize("name", MASKS + DICOM)
def test_the_reader_is_offered_for_its_own_masks_and_for_dicom(manifest, name):
    assert offered(manifest, f"/any/where/{name}")


@pytest.mark.parametrize("name", FOREIGN)
def test_the_reader_is_not_offered_for_anything_else(manifest, name):
    assert not offered(manifest, f"/any/where/{name}")


def test_every_pattern_is_there_for_a_file_that_is_known(manifest):
    for pattern in manifest.contributions.readers[0].filename_patterns:
        alone = manifest.model_copy(deep=True)
        alone.contributions.readers[0].filename_patterns = [pattern]
        assert any(offered(alone, name) for name in EXAMPLES + MASKS + DICOM), pattern


def test_what_the_manifest_offers(manifest):
    offers = manifest.contributions
    widgets = {"Segment vessels", "Evaluate vessels", "Fine-tune a model", "Browse a data set"}
    assert {w.display_name for w in offers.widgets} >= widgets
    assert {s.key for s in offers.sample_data} == {"synthetic", "retina"}
    assert [w.layer_types for w in offers.writers] == [["labels"]]
    assert offers.readers[0].accepts_directories
    # As it is written: npe2 drops what it does not know, and its oldest does not know configurations.
    written = yaml.safe_load(MANIFEST.read_text())
    page = written["contributions"]["configurations"]["segmentation"]
    assert {key: value["default"] for key, value in page["properties"].items()} == preferences._DEFAULTS
