"""Measures under the names and by the formulas of other programs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapes
from PIL import Image
from test_measure import DISC, spokes
from typer.testing import CliRunner

from napari_saunetv2 import cli
from napari_saunetv2.files import write_mask
from napari_saunetv2.measure import measure
from napari_saunetv2.measure.names import PEERS, names_of, under_names

DOCS = Path(__file__).parents[2] / "docs" / "names.md"


def test_closed_forms_by_their_formulas():
    side, length, width = 300, 200, 9
    level = np.zeros((side, side), bool)
    level[100 : 100 + width, 50 : 50 + length] = True
    circle = shapes.quarter_circle(side, 100, 7) < 0
    found = measure(level, arteries=level, veins=circle)
    pvbm, automorph = under_names(found, "pvbm"), under_names(found, "automorph")
    assert pvbm["area_arteries"] == pytest.approx(level.sum())
    assert pvbm["area_veins"] == pytest.approx(circle.sum())
    assert pvbm["TI_arteries"] == pytest.approx(1, abs=1e-3)
    assert pvbm["medTor_veins"] == pytest.approx(np.pi / 2 / np.sqrt(2), rel=0.01)
    assert pvbm["ovlen_arteries"] == pytest.approx(length, rel=0.01)
    assert (pvbm["endp_arteries"], pvbm["interp_arteries"]) == (2, 0)
    # A level vessel: its centre line, which ends half a width early on either side, has a pixel a column.
    assert automorph["Artery_Average_width"] == pytest.approx(level.sum() / (length - width), rel=0.02)
    assert automorph["Artery_Vessel_density"] == pytest.approx(level.sum() / (4 / np.pi * side**2))
    assert automorph["Artery_Distance_tortuosity"] == pytest.approx(1, abs=1e-3)
    assert automorph["Artery_Tortuosity_density"] == 0
    vascx = under_names(found, "vascx")
    assert vascx["lw_diam_arteries"] == pytest.approx(width, abs=0.3)
    assert vascx["vd_arteries"] == pytest.approx(level.sum() / side**2)
    assert np.isnan(vascx["mn_bifangle_arteries"])


def test_sums_are_over_all_segments():
    side, length, width, radius = 300, 120, 7, 100
    level = np.zeros((side, side), bool)
    level[10 : 10 + width, 20 : 20 + length] = True
    level[280 : 280 + width, 170 : 170 + length] = True
    bent = shapes.quarter_circle(side, radius, width) < 0
    assert not (level & bent).any()
    found = measure(level | bent, arteries=level | bent, veins=np.zeros_like(level))
    expected = (2 * length + np.pi / 2 * radius) / (2 * length + np.sqrt(2) * radius)
    assert under_names(found, "pvbm")["TI_arteries"] == pytest.approx(expected, rel=0.005)


def test_the_formula_that_adds_where_grisan_multiplies():
    wave = [(150 + 20 * np.sin(x / 20), x) for x in np.linspace(40, 260, 400)]
    found = measure(shapes.curve(300, np.array(wave), 6) < 0)
    (segment,) = found.segments.to_dict("records")
    n, length, density = segment["inflections"], segment["length"], segment["tortuosity_density"]
    assert n >= 2
    excess = density * length / n  # sum of arc / chord - 1 over the turns
    expected = (n - 1) / n + excess / length
    assert under_names(found, "automorph")["Tortuosity_density"] == pytest.approx(expected)


def test_central_equivalents_want_six_vessels_in_automorphs_table():
    for arteries_of, known in ((6, True), (4, False)):
        arteries, veins = spokes(arteries_of, 8), spokes(6, 12, 30 if arteries_of == 6 else 40)
        found = measure(
            np.minimum(arteries, veins) < 0, arteries=arteries < 0, veins=veins < 0, disc=DISC, spacing=10
        )
        theirs = under_names(found, "automorph")
        assert np.isfinite(theirs["CRAE_Knudtson"]) == np.isfinite(theirs["AVR_Knudtson"]) == known
        if known:
            assert theirs["CRAE_Knudtson"] == pytest.approx(139.87, rel=0.03)
            assert theirs["AVR_Knudtson"] == pytest.approx(0.54529, rel=0.03)
        assert np.isfinite(under_names(found, "pvbm")["craek"]), "theirs takes what there is"


@pytest.mark.parametrize("peer", PEERS)
def test_the_command_writes_their_table_and_explains_every_column(tmp_path, peer):
    write_mask(tmp_path / "a_vessels.png", np.uint8(shapes.bar(160, 8, 120, 20) < 0))
    (tmp_path / "broken.png").write_bytes(b"no image")
    out = tmp_path / "out"
    files = [str(tmp_path / "a_vessels.png"), str(tmp_path / "broken.png")]
    done = CliRunner().invoke(cli.app, ["measure", *files, "-o", str(out), "--disc", "none", "--names", peer])
    assert done.exit_code == 1, done.output
    table = pd.read_csv(out / f"{peer}.csv")
    assert list(table.columns) == ["file", *(one.column for one in names_of(peer))]
    assert table.file.tolist() == ["a_vessels.png"]
    assert table.iloc[0, 1:].notna().any()
    explained = pd.read_csv(out / "columns.csv")
    explained = explained[explained.what.str.contains(peer)]
    assert explained.key.tolist() == [one.column for one in names_of(peer)]
    assert explained.formula.notna().all()
    assert json.loads((out / "measure.json").read_text())["names"] == peer


def test_an_unknown_name_is_refused(tmp_path):
    done = CliRunner().invoke(cli.app, ["measure", "a.png", "-o", str(tmp_path), "--names", "siva"])
    assert "automorph, pvbm, vascx" in str(done.exception)


def test_the_page_has_every_column_with_its_formula_and_difference():
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    for peer in PEERS:
        for one in names_of(peer):
            row = f"| `{one.column}` | {one.formula} | {one.differs} |"
            assert row.replace("^2", "²") in lines or row in lines, row


@pytest.mark.data
def test_vascxs_own_numbers_are_met_where_the_formula_is_the_same(shared):
    folder = shared / "data" / "VascX_reference"
    theirs = pd.read_csv(folder / "od_centered.csv", index_col=0)
    apart = {"lw_diam": [], "lw_tort_dist": []}
    for name in ("DRIVE_22", "DRIVE_40", "CHASEDB1_12R"):
        classes = np.array(Image.open(folder / "av" / f"{name}.png"))
        found = measure(classes > 0, arteries=np.isin(classes, (1, 3)), veins=np.isin(classes, (2, 3)))
        ours = under_names(found, "vascx")
        for column, values in apart.items():
            for kind in ("arteries", "veins"):
                values.append(ours[f"{column}_{kind}"] / theirs.loc[name, f"{column}_{kind}"] - 1)
    assert np.abs(apart["lw_diam"]).mean() < 0.025
    assert np.abs(apart["lw_tort_dist"]).max() < 0.03
