"""What a study writes of each photograph for other programs."""

from collections.abc import Sequence
from pathlib import Path

from napari_saunetv2.batch.exports import NAMES, Export, write_exports
from napari_saunetv2.errors import SaunetError
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
    return set(exports) <= set(record.exports) and all(
        where[one].exists() or one in record.unwritten for one in exports
    )


def write(
    layout: Layout,
    name: str,
    exports: Sequence[Export],
    measured: Measurements,
    file: Path,
    *,
    width: float | None = None,
    shown: str = "",
) -> dict[Export, str]:
    """Write what is wanted; what an earlier run wrote beside it is out of date, and removed.

    A photograph that cannot be written in a format, such as one in DICOM to which nothing can refer, is
    measured all the same.

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

    Returns
    -------
    dict of str to str
        Formats that could not be written, and why.
    """
    refused: dict[Export, str] = {}
    for one, path in places(layout, name).items():
        path.unlink(missing_ok=True)
        if one in exports:
            make_folder(path.parent)
            try:
                write_exports((one,), {one: path}, measured, file, width=width, name=shown)
            except SaunetError as error:
                refused[one] = str(error)
    return refused
