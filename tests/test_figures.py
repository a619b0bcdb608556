"""The figures of the documentation show the numbers of the pages that they stand in."""

import re
import runpy
from pathlib import Path
from statistics import mean
from xml.etree import ElementTree as ET

import pytest

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = runpy.run_path(str(DOCS / "figures.py"))


@pytest.mark.parametrize("name", FIGURES["FIGURES"])
def test_the_committed_figure_is_that_of_the_numbers(name):
    drawn = FIGURES["FIGURES"][name]()
    assert (DOCS / "images" / f"{name}.svg").read_text(encoding="utf-8") == drawn, "run make docs"
    ET.fromstring(drawn)


def test_every_photograph_is_a_dot_and_the_means_are_those_of_the_table():
    found = FIGURES["scores"]()
    assert FIGURES["accuracy"]().count("<circle") == sum(map(len, found.values())) + len(FIGURES["MODELS"])
    page = (DOCS / "models" / "accuracy.md").read_text(encoding="utf-8")
    for (model, camera), scores in found.items():
        title = f"{FIGURES['CAMERAS'][camera]} ({len(scores)})"
        row = re.search(rf"\| `{model}` \| {re.escape(title)} \| fov \| plain, 0.5 \| ([\d.]+) \|", page)
        if row:  # of STARE the page has other photographs of saunetv2-drive
            assert mean(scores.values()) == pytest.approx(float(row[1]), abs=2e-4), (model, camera)


def test_bars_and_arrows_are_those_of_the_pages():
    times = dict(FIGURES["speeds"]())
    page = (DOCS / "benchmarks" / FIGURES["PROCESSOR"]).read_text(encoding="utf-8")
    assert len(times) == len(re.findall(r"(?m)^\| 592 x 592 \| (?:torch|onnx|openvino) \|", page))
    assert list(times.values()) == sorted(times.values())
    runs = FIGURES["corrections"]()
    told = (DOCS / "finetuning.md").read_text(encoding="utf-8")
    assert len(runs) == told.count("| `python benchmarks/finetune.py")
    assert all(after > before for _, before, after in runs)


def test_the_angle_of_the_drawn_fork_is_that_of_its_centre_line():
    # On a line between the daughters, the node is as far from the crotch as from the outer edges.
    away = 1 / 3
    assert 1 - away == pytest.approx(0.5 + away * 0.5)
    assert FIGURES["apparent_angle"](1e9) == pytest.approx(60)
    page = (DOCS / "measurements.md").read_text(encoding="utf-8")
    for distance in (2, 1.4):
        assert (
            f"{FIGURES['apparent_angle'](distance):.0f}" in page.split("an angle taken")[1].split("VascX")[0]
        )
