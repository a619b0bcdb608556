"""Where everything of a study lies in its folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2.batch.exports import Export
from napari_saunetv2.exchange.formats import FORMATS

TABLES = ("measurements.csv", "segments.csv", "photographs.csv", "failures.csv", "columns.csv")
ABOUT = "study.json"
REPORT = "report.html"
WORKBOOK = "study.xlsx"

KINDS = ("vessels", "av")
"""Masks that may be edited by hand: of vessels, and of arteries and veins."""


@dataclass(frozen=True)
class Layout:
    """Files of a study.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def state(self) -> Path:
        """What a run that goes on must know; also the sign that the folder is that of a study."""
        return self.folder / "parts" / ".state.json"  # no photograph has a hidden name

    def mask(self, name: str, kind: str) -> Path:
        """Mask of a photograph; what its file says when it is edited by hand is what counts."""
        return self.folder / "masks" / f"{name}_{kind}.png"

    def staged(self, name: str, kind: str) -> Path:
        """The same before it is moved to its place."""
        return self.folder / "parts" / f"{name}_{kind}.png"

    def labels(self, name: str) -> Path:
        """Label image of the segments."""
        return self.folder / "masks" / f"{name}_segments.tif"

    def overlay(self, name: str) -> Path:
        """Vessels drawn on the photograph."""
        return self.folder / "overlays" / f"{name}_overlay.jpg"

    def record(self, name: str) -> Path:
        """What was done with a photograph."""
        return self.folder / "parts" / f"{name}.json"

    def review(self, name: str) -> Path:
        """What a reviewer said of a photograph."""
        return self.folder / "reviews" / f"{name}.json"

    def part(self, name: str, table: str) -> Path:
        """Rows of a photograph for a table."""
        return self.folder / "parts" / f"{name}_{table}.csv.gz"

    def picture(self, name: str, what: str) -> Path:
        """Reduced overlay for a page, "page", or for a list, "thumbnail"."""
        return self.folder / "parts" / f"{name}_{what}.jpg"

    def export(self, name: str, export: Export) -> Path:
        """What is written of a photograph for another program."""
        return self.folder / "exports" / f"{name}_{FORMATS[export].ending}"

    def results(self, name: str, kinds: Iterable[str], exports: Iterable[Export] = ()) -> list[Path]:
        """List all files of a photograph but its page; ``kinds`` are those of its masks."""
        parts = [self.part(name, table) for table in ("measurements", "segments")]
        drawn = [self.picture(name, what) for what in ("page", "thumbnail")]
        given = [self.export(name, export) for export in exports]
        masks = [self.mask(name, kind) for kind in kinds]
        return [*masks, *parts, *drawn, self.labels(name), self.overlay(name), *given]

    def page(self, name: str) -> Path:
        """Page of a photograph."""
        return self.folder / "pages" / f"{name}.html"

    def report(self, number: int) -> Path:
        """Page of the report, from 1."""
        return self.folder / (REPORT if number == 1 else f"report-{number}.html")
