import runpy
from pathlib import Path

from napari_saunetv2.models.checkpoint import Header, ModelInfo

CARDS = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "model_cards.py"))


def test_a_card_shows_every_training():
    def recipe(**settings):
        told = {"name": "chase", "steps": 9, "batch": 4, "crop": 320, "learning_rate": 2e-3, "ema": 0.9}
        return told | {"loss": "bce", "network_arguments": {"dropblock": 0.1}} | settings

    drive = {"dataset": "drive", "train": ["21_training", "22_training"], "validation": []}
    header = Header(
        data={"dataset": "chase", "train": ["Image_01L"], "validation": []},
        recipe=recipe(crop=448, network_arguments={}, seconds=600.0, steps_taken=7),
        seed=5,
        lineage=(
            {"name": "old", "data": {}, "recipe": {}, "seed": None},
            {"name": "base", "data": drive, "recipe": recipe(steps=5000, name="drive"), "seed": 1},
        ),
    )
    card = "\n".join(CARDS["_card"](ModelInfo("m", Path("m"), header, 9, bundled=True)))
    rows = [line for line in card.splitlines() if "`drive`" in line or "`chase` |" in line]
    assert rows == [
        "| base | `drive` | 2 of DRIVE | 5,000 | 4 | 320 | 0.002 | 0.1 | bce | 0.9 | 1 | unknown |",
        "| this model | `chase` | 1 of CHASE_DB1 | 7 | 4 | 448 | 0.002 | as published "
        "| bce | 0.9 | 5 | 10 min |",
    ]
    assert "| old |  | unknown |" in card
    assert "- DRIVE: " in card  # whose terms hold for what was made from it
    table = [line for line in card.splitlines() if line.startswith(("| base", "| old", "| training |"))]
    assert [line.count("|") for line in table] == [13, 13, 13]
