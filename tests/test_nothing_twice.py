"""What hand-written lists may hold once alone, and must not leave out."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

import napari_saunetv2
from napari_saunetv2.models import library

HERE = Path(__file__).parents[1]
DOCS = HERE / "docs"
MANIFEST = Path(napari_saunetv2.__file__).parent / "napari.yaml"
PAGES = [HERE / "README.md", *sorted(DOCS.rglob("*.md"))]


def repeated(names):
    return [name for name, count in Counter(names).items() if count > 1]


def nav():
    """Pages that the site's menu lists."""
    text = (HERE / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    return re.findall(r": (\S+\.md)$", text, re.MULTILINE)


def test_each_command_stands_in_the_manifest_once():
    contributions = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["contributions"]
    assert not repeated(command["id"] for command in contributions["commands"])
    assert not repeated(widget["command"] for widget in contributions["widgets"])


def test_the_menu_of_the_site_lists_each_page_once_and_every_bundled_model():
    assert not repeated(nav())
    cards = {f"models/{info.name}.md" for info in library.available() if info.bundled}
    assert cards <= set(nav())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_table_is_cut_in_two(page):
    """A row after an empty line begins a table of its own, so a line of dashes must follow it."""
    lines = page.read_text(encoding="utf-8").splitlines()
    begun = [
        n for n, line in enumerate(lines) if line.startswith("|") and (not n or not lines[n - 1].strip())
    ]
    assert all(re.fullmatch(r"\|([ :]*-+[ :]*\|)+", lines[n + 1]) for n in begun), page.name
