"""What a reviewer says in Browse stands in the study's table of photographs, its report and its pages."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_saunetv2 import cli
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.study import verdicts
from napari_saunetv2.study.layout import Layout
from tiny import save_model

COLUMNS = ["review", "reviewed", "reviewer", "changed_since_review"]


@pytest.fixture
def study(tmp_path):
    """Runs the command on three small photographs, of which one is damaged; gives the table."""
    for number, name in enumerate(("a", "b")):
        path = tmp_path / "eyes" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, fundus((90, 96), seed=number).image)
    (tmp_path / "eyes" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    words = ["study", str(tmp_path / "eyes"), "-o", str(tmp_path / "out")]
    words += ["-m", str(save_model(tmp_path / "small.safetensors")), "--engine", "torch"]

    def run():
        assert cli.app([*words, "--precision", "float32"], standalone_mode=False) == 1
        table = pd.read_csv(tmp_path / "out" / "photographs.csv", dtype=str, keep_default_na=False)
        return table.set_index("file")

    return run


def test_verdicts_are_columns_and_a_mask_written_later_was_not_reviewed(study, tmp_path):
    before = study()
    assert not before[COLUMNS].any(axis=None)
    layout = Layout(tmp_path / "out")
    said = verdicts.review(layout, "a", "a.png", "accepted", " Ada L. ")
    verdicts.review(layout, "c", "c.png", "set aside")
    table = study()
    assert table.loc["a.png", COLUMNS].tolist() == ["accepted", said.when, "Ada L.", ""]
    assert table.loc["b.png", COLUMNS].tolist() == ["", "", "", ""]
    assert table.loc["c.png", "review"] == "set aside"
    others = [column for column in before.columns if column not in COLUMNS]
    assert table[others].equals(before[others]), "nothing is measured again"
    report = layout.report(1).read_text(encoding="utf-8")
    for pair in (
        "<dt>accepted</dt><dd>1</dd>",
        "<dt>set aside</dt><dd>1</dd>",
        "<dt>changed since review</dt><dd>0</dd>",
    ):
        assert pair in report
    assert report.count("&middot; accepted") == report.count("&middot; set aside") == 1
    page = layout.page("a").read_text(encoding="utf-8")
    assert "<dt>review</dt><dd>accepted</dd>" in page
    assert "<dt>reviewer</dt><dd>Ada L.</dd>" in page

    Image.fromarray(np.zeros((90, 96), np.uint8)).save(layout.mask("a", "vessels"))
    assert study().loc["a.png", COLUMNS].tolist() == ["accepted", said.when, "Ada L.", "yes"]
    report = layout.report(1).read_text(encoding="utf-8")
    assert "&middot; accepted" not in report
    assert "&middot; changed since review" in report
    verdicts.withdraw(layout, "a")
    assert not study().loc["a.png", COLUMNS].any()


def test_a_review_of_an_earlier_version_names_nobody(tmp_path):
    layout = Layout(tmp_path / "out")
    verdicts.review(layout, "a", "a.png", "accepted", "Ada L.")
    path = layout.review("a")
    kept = json.loads(path.read_text(encoding="utf-8"))
    del kept["reviewer"]
    path.write_text(json.dumps(kept), encoding="utf-8")
    found = verdicts.read_review(layout, "a")
    assert (found.verdict, found.reviewer) == ("accepted", "")
