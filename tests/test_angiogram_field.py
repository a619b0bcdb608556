"""An OCT angiogram fills its frame: what is measured and scored of it is so over all of the frame."""

import numpy as np
import pytest
from napari.components import ViewerModel
from typer.testing import CliRunner

from napari_saunetv2.batch import measuring
from napari_saunetv2.cli import app
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure import measure
from napari_saunetv2.measure.files import MeasureOptions, measure_file
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.common.modalities import MODALITY, modality_of
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.evaluate.pairing import pairs
from napari_saunetv2.plugin.measure.widget import MeasureWidget
from napari_saunetv2.plugin.session import autosave
from test_modality import ANGIOGRAM
from tiny import save_model

OCTA = {"dataset": "octa500-6m", "subject": "10001", "split": "train"}
FOUND = field_of_view.detect(to_unit(ANGIOGRAM))
MASK = np.zeros(ANGIOGRAM.shape, np.uint8)
MASK[2:8, 5:-5] = MASK[:, 97:103] = 1  # a vessel of it lies outside what would be found
WHOLE = MASK.mean()


def density(table):
    rows = table[(table.measure == "area_density") & (table.region == "whole") & (table.vessels == "all")]
    return float(rows.value.iloc[0])


@pytest.fixture
def model():
    viewer = ViewerModel()
    yield viewer
    autosave.watch(viewer).close()


def test_the_field_that_is_not_searched_would_be_wrong():
    assert density(measure(MASK, fov=FOUND).image) != pytest.approx(WHOLE, rel=0.1)


@pytest.mark.parametrize("wanted", ["octa", "fundus"])
def test_a_file_is_measured_in_all_of_its_frame_with_a_model_for_angiograms(tmp_path, monkeypatch, wanted):
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path))
    save_model(tmp_path / "mine.safetensors", modality=wanted)
    file = tmp_path / "a.png"
    write_image(file, ANGIOGRAM)
    made = measuring._segmenter(InferenceConfig(model="mine", engine="torch", precision="float32"))(ANGIOGRAM)
    np.testing.assert_array_equal(made.fov, FOUND | (wanted == "octa"))
    drawn = made._replace(probability=MASK.astype(np.float32), threshold=0.5)
    found = measure_file(file, MeasureOptions(disc="none"), lambda _: drawn)
    assert density(found.image) == pytest.approx(
        WHOLE if wanted == "octa" else (MASK * FOUND).sum() / FOUND.sum()
    )


@pytest.mark.parametrize("wanted", ["octa", "fundus"])
def test_a_model_for_angiograms_is_fine_tuned_on_all_of_the_frame(tmp_path, monkeypatch, wanted):
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(tmp_path))
    save_model(tmp_path / "mine.safetensors", modality=wanted)
    for name in ("a", "b"):
        for part in ("images", "labels"):
            (tmp_path / "eyes" / part).mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "eyes" / "images" / f"{name}.png", ANGIOGRAM)
        write_mask(tmp_path / "eyes" / "labels" / f"{name}.png", MASK)
    searched = []
    monkeypatch.setattr(field_of_view, "detect", lambda image: [searched.append(1), FOUND][1])
    words = ["finetune", tmp_path / "eyes", "-o", tmp_path / "run", "--base", "mine", "--steps", "1"]
    words += ["--validate-every", "1", "--batch", "1", "--crop", "64", "--inside-fov"]
    answer = CliRunner().invoke(app, [str(word) for word in words])
    assert answer.exit_code == 0, answer.output
    assert bool(searched) == (wanted == "fundus")


@pytest.mark.gui
@pytest.mark.parametrize("said", [OCTA, {MODALITY: "octa", ROLE: "vessels", OF: "eye"}, {}])
def test_the_measure_window_measures_all_of_the_frame(model, qtbot, said):
    model.add_image(np.dstack([ANGIOGRAM] * 3), rgb=True, name="eye", metadata=OCTA if said == OCTA else {})
    layer = model.add_labels(MASK, name="eye vessels", metadata=said)
    panel = MeasureWidget(model)
    qtbot.addWidget(panel.native)
    panel.vessels.value, panel.photograph.value = layer, model.layers["eye"]
    panel.disc.value = panel.fovea.value = "none"
    panel.run.native.click()
    qtbot.waitUntil(lambda: panel.panel.job is None, timeout=60_000)
    found = panel.results.measured
    expected = WHOLE if said else (MASK * FOUND).sum() / FOUND.sum()
    assert density(found.image) == pytest.approx(expected)
    scope = {"viewer": model}
    exec(panel.as_python(), scope)  # as in napari's console
    assert density(scope["found"].image) == pytest.approx(expected)


@pytest.mark.gui
@pytest.mark.parametrize("said", [OCTA, {MODALITY: "octa", ROLE: "probability"}])
def test_the_evaluate_window_scores_all_of_the_frame_and_needs_no_photograph(model, said):
    truth = model.add_labels(MASK, name="truth", metadata=OCTA)
    found = model.add_image(MASK.astype(np.float32), name="eye probability", metadata=said)
    [pair] = pairs(list(model.layers), [found], [truth], fov="auto")
    assert pair.inside is pair.photograph is None
    [(_, case, _)] = pair.cases()
    assert (case.inside, case.fov) == (None, "whole frame")
    plain = model.add_labels(MASK, name="of a photograph")
    with pytest.raises(SettingsError, match="No photograph"):
        pairs([plain], [plain], [plain], fov="auto")


@pytest.mark.gui
def test_layers_say_what_they_are_of(model):
    octa, plain = model.add_labels(MASK, metadata=OCTA), model.add_labels(MASK)
    assert modality_of(plain, octa, None) == "octa"
    assert modality_of(plain) == modality_of() == "fundus"
    made = model.add_labels(MASK, metadata=OCTA | {MODALITY: "fundus"})
    assert modality_of(made) == "fundus"  # the model's word stands before the file's
