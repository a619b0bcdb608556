from pathlib import Path

import pytest

from napari_saunetv2 import datasets, evaluation
from napari_saunetv2.metrics import TITLES
from napari_saunetv2.models import checkpoint, lineage

BUNDLED = [info for info in checkpoint.available() if info.bundled]
EVERY = [info for info in checkpoint.available(kind=None) if info.bundled]
ACCURACY = Path(__file__).parents[1] / "docs" / "models" / "accuracy.md"

TEST_IMAGES = {
    *(f"{number:02}_test" for number in range(1, 21)),
    *(f"Image_{number}{side}" for number in (11, 12, 13, 14) for side in "LR"),
    *(f"im{number:04}" for number in (162, 163, 235, 236, 239, 240, 255, 291, 319, 324)),
    *(f"{number:02}_{group}" for number in (4, 5) for group in ("h", "g", "dr")),
}
"""DRIVE's official ones, CHASE_DB1's last four children, STARE's last ten, two of each group of HRF."""


@pytest.mark.parametrize("info", EVERY, ids=lambda info: info.name)
def test_no_test_image_is_in_what_a_model_or_its_ancestors_learned_from(info):
    for training in lineage.trainings(info.header):
        learned = {*training["data"]["train"], *training["data"]["validation"]}
        assert learned
        assert not learned & TEST_IMAGES


@pytest.mark.data
@pytest.mark.parametrize("info", EVERY, ids=lambda info: info.name)
def test_a_header_names_the_data_sets_of_what_was_learned_and_no_others(info, shared):
    for training in lineage.trainings(info.header):
        keys = training["data"]["dataset"].split(", ")
        learned = {*training["data"]["train"], *training["data"]["validation"]}
        names = {key: {s.name for s in datasets.read(folder_of(shared, key), key)} for key in keys}
        assert learned <= set().union(*names.values())
        assert all(learned & names[key] for key in keys)
        assert all(training["recipe"].get("shares", {}).get(key, 1) for key in keys), "a share of 0"


def folder_of(shared, key):
    title = datasets.DATASETS[key].title.split()[0]  # HRF holds its arteries and veins
    (folder,) = [*(shared / "data").glob(title), *(shared / "data").glob(f"*/{title}")]
    return folder


def test_the_models_keep_the_package_small():
    assert sum(info.path.stat().st_size for info in EVERY) <= 20e6


def accuracy_of(model):
    """Rows of a model in both tables of the page, joined: {(photographs, pixels, views): {column: cell}}."""
    rows, columns = {}, []
    for line in ACCURACY.read_text().splitlines():
        cells = [cell.strip(" `") for cell in line.split("|")[1:-1]]
        if cells[:1] == ["model"]:
            columns = cells
        elif cells[:1] == [model]:
            row = dict(zip(columns, cells, strict=True))
            key = (row["photographs"], row["pixels"], row["views, threshold"][:2])
            rows.setdefault(key, {}).update(row)
    return rows


@pytest.mark.parametrize("info", BUNDLED, ids=lambda info: info.name)
def test_the_table_of_accuracy_has_what_the_models_say(info):
    table = accuracy_of(info.name)
    told = {
        (
            f"{datasets.DATASETS[s['dataset']].title} ({s['images']})",
            s["protocol"],
            "D4" if s["tta"] == "d4" else "pl",
        ): s["mean"]
        for s in info.header.scores
    }
    both = table.keys() & told.keys()
    assert both
    for key in both:
        for metric in ("f1", "se", "sp", "acc", "auc", "mcc"):
            assert float(table[key][TITLES[metric]]) == pytest.approx(told[key][metric], abs=0.6e-4), (
                key,
                metric,
            )


@pytest.mark.data
@pytest.mark.parametrize("info", BUNDLED, ids=lambda info: info.name)
def test_no_image_was_both_trained_on_and_scored(info, shared):
    assert info.header.scores
    for score in info.header.scores:
        samples = datasets.read(folder_of(shared, score["dataset"]), score["dataset"])
        scored = evaluation.chosen(samples, score["split"], info.header)
        assert len(scored) == score["images"]
        assert not [s.name for s in scored if evaluation.seen(s, info.header)]
