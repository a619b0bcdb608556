"""Write what was measured for another program, or under another program's names."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_saunetv2.exchange.formats import FORMATS, Vessels
from napari_saunetv2.files import Spacing, write_beside
from napari_saunetv2.measure.files import named, under_names_table
from napari_saunetv2.measure.names import PEERS, Peer
from napari_saunetv2.plugin.common.export_menu import FORMAT_LINES, Line, Work, written
from napari_saunetv2.plugin.measure.run import Measured, Plane
from napari_saunetv2.plugin.measure.source import Index

if TYPE_CHECKING:
    import pandas as pd

_PEER_TITLES: dict[Peer, str] = {"automorph": "AutoMorph", "pvbm": "PVBM", "vascx": "VascX"}

LINES = FORMAT_LINES | {peer: Line(f"Columns of {_PEER_TITLES[peer]} (CSV)", f"{peer}.csv") for peer in PEERS}
"""Of the menu of the Measure window."""

NOT_TOLD_APART = "Arteries and veins are not told apart: their columns are empty."


def export(key: str, target: Path, measured: Measured, index: Index, photograph: Path | None) -> Work:
    """Write a file, as a job; returns what to tell the user.

    Parameters
    ----------
    key : str
        Of a format, or of a program whose names and formulas a table gets.
    target : Path
    measured : Measured
    index : tuple of int
        Of the plane that is written; tables have all planes.
    photograph : Path, optional
        Its DICOM file.

    Raises
    ------
    SaunetError
        When it cannot be written.
    """
    yield 0.0
    peer = next((one for one in PEERS if one == key), None)
    if peer is None:
        FORMATS[key].write(target, _vessels(measured, index, photograph))
        return written(target)
    text = _under_names(measured, peer).to_csv(index=False, lineterminator="\n").encode()
    write_beside(target, lambda file: file.write(text), overwrite=True)
    return written(target, *([] if measured.classes else [NOT_TOLD_APART]))


def _vessels(measured: Measured, index: Index, photograph: Path | None) -> Vessels:
    plane = measured.planes[index]
    return Vessels(
        measured.source.vessels.name,
        plane.measurements.labels,
        plane.measurements.masks,
        measured.segments,
        measured.image,
        _spacing(plane),
        photograph,
    )


def _spacing(plane: Plane) -> Spacing | None:
    if plane.scale.spacing is None:  # a scale that is only assumed goes into no file
        return None
    millimetres = plane.scale.spacing / 1000
    return Spacing(millimetres, millimetres, millimetres=True)


def _under_names(measured: Measured, peer: Peer) -> "pd.DataFrame":
    import pandas as pd

    shape = measured.source.vessels.data.shape[:-2]
    tables = []
    for index, plane in measured.planes.items():
        table = under_names_table(plane.measurements, peer)
        if shape:
            table.insert(0, "frame", int(np.ravel_multi_index(index, shape)))
        tables.append(table)
    return named(pd.concat(tables), measured.source.vessels.name)
