"""Save the tables of a measurement."""

from pathlib import Path

from napari_saunetv2.exchange.tables import save_tables
from napari_saunetv2.plugin.measure.run import Measured


def save(measured: Measured | None, target: Path) -> str:
    """Write the tables, and say what was written; raises SaunetError.

    Parameters
    ----------
    measured : Measured or None
        None where nothing was measured yet.
    target : Path
        CSV or Excel, by its suffix.
    """
    if measured is None:
        return "Nothing was measured yet: press Measure."
    written = save_tables(target, measured.source.vessels.name, measured.image, measured.segments)
    return f"Written {', '.join(path.name for path in written)}."
