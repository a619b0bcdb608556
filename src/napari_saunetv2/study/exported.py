"""What a study writes of each photograph for other programs."""

from collections.abc import Sequence
from pathlib import Path

from napari_saunetv2.batch.exports import NAMES, Export, write_exports
from napari_saunetv2.exchange.formats import FORMATS
from napari_saunetv2.files import make_folder
from napari_saunetv2.measure import Measurements
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.record import Record


def places(layout: Layout, name: str) -> dict[Export, Path]:
    """File of each format."""
    return {one: layout.export(name, FORMATS[one].ending) for one in NAMES}


def are_there(layout: Layout, name: str, exports: Sequence[Export], record: Record) -> bool:
    """Whether all that is wanted was written with the results that the record tells of."""
    where = places(layout, name)
    return set(exports) <= set(record.exports) and all(where[one].exists() for one in exports)


def write(
    layout: Layout,
    name: str,
    exports: Sequence[Export],
    measured: Measurements,
    file: Path,
    *,
    width: float | None = None,
    shown: str = "",
) -> None:
    """Write what is wanted; what an earlier run wrote beside it is out of date, and removed.

    Parameters
    ----------
    layout : Layout
    name : str
        Of the results.
    exports : sequence of str
    measured : Measurements
    file : Path
        The photograph.
    width : float, optional
        Of a pixel, micrometres, where a sheet says it.
    shown : str
        Pseudonym of the photograph, or "".

    Raises
    ------
    SaunetError
        If one cannot be written.
    """
    where = places(layout, name)
    for one, path in where.items():
        if one in exports:
            make_folder(path.parent)
        else:
            path.unlink(missing_ok=True)
    write_exports(exports, where, measured, file, width=width, name=shown)
