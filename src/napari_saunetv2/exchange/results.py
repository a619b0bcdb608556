"""Segments and vessels for ImageJ, QuPath, OME readers and spreadsheets: one function for each."""

import io
import json
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_saunetv2.errors import FileFormatError, SettingsError
from napari_saunetv2.exchange.outlines import Outline, outlines
from napari_saunetv2.files import Spacing, write_beside

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 2**20 - 1
"""Rows of a sheet of Excel below its heading."""

COLOURS = {"all": (255, 255, 0), "arteries": (255, 0, 0), "veins": (0, 0, 255)}
"""Of the kinds of vessels."""

_CLASSES = {"all": "Vessel", "arteries": "Artery", "veins": "Vein"}
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0  # of a path in ImageJ's format


def write_imagej(
    path: Path, labels: NDArray[np.integer[Any]], segments: "pd.DataFrame", *, overwrite: bool = False
) -> None:
    """Write segments as regions of interest for ImageJ's ROI Manager.

    Parameters
    ----------
    path : Path
        ``.zip``.
    labels : array, shape (H, W), integers
        Number of the segment of each pixel, 0 for background.
    segments : DataFrame
        With ``label`` and ``vessels``, as :class:`napari_saunetv2.measure.Measurements` has it.
    overwrite : bool

    Raises
    ------
    SettingsError
        Without the package roifile.
    OverwriteError, FileFormatError
        If it may not or cannot be written.
    """
    try:
        import roifile
    except ImportError as error:
        raise _missing("roifile") from error
    kinds = _kinds(segments)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for label, pieces in outlines(labels):
            rings = [ring for piece in pieces for ring in (piece.outer, *piece.holes)]
            kind = kinds.get(label, "all")
            roi = roifile.ImagejRoi.frompoints(np.concatenate(rings), name=f"{_CLASSES[kind]} {label}")
            if len(rings) == 1:
                roi.roitype = roifile.ROI_TYPE.POLYGON
            else:
                drawn = [
                    step
                    for ring in rings
                    for n, (x, y) in enumerate(ring.tolist())
                    for step in ((_LINE if n else _MOVE), x, y, *((_CLOSE,) if n == len(ring) - 1 else ()))
                ]
                roi.roitype, roi.multi_coordinates = roifile.ROI_TYPE.RECT, np.array(drawn, np.float32)
                roi.shape_roi_size = len(drawn)
            red, green, blue = COLOURS[kind]
            roi.stroke_color = bytes((255, red, green, blue))
            # A fixed date, so that the same segments give the same file.
            archive.writestr(zipfile.ZipInfo(f"{label:05d}.roi"), roi.tobytes())
    write_beside(path, lambda out: out.write(packed.getvalue()), overwrite=overwrite)


def write_geojson(
    path: Path, labels: NDArray[np.integer[Any]], segments: "pd.DataFrame", *, overwrite: bool = False
) -> None:
    """Write segments as GeoJSON annotations with their measures, for QuPath.

    Parameters and errors are those of :func:`write_imagej`; no package is needed. Coordinates are pixels.
    """
    kinds = _kinds(segments)
    numbers = segments.set_index("label").select_dtypes("number")
    features = []
    for label, pieces in outlines(labels):
        kind = kinds.get(label, "all")
        shown = numbers.loc[label].to_dict() if label in numbers.index else {}
        features.append(
            {
                "type": "Feature",
                "geometry": _geometry(pieces),
                "properties": {
                    "objectType": "annotation",
                    "name": f"{_CLASSES[kind]} {label}",
                    "classification": {"name": _CLASSES[kind], "color": COLOURS[kind]},
                    "measurements": {k: float(v) for k, v in shown.items() if np.isfinite(v)},
                },
            }
        )
    text = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    write_beside(path, lambda out: out.write(text), overwrite=overwrite)


def write_ome(
    path: Path,
    labels: NDArray[np.integer[Any]],
    spacing: Spacing | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write labels as OME-TIFF, with the size of a pixel where it is known in millimetres.

    Raises
    ------
    OverwriteError, FileFormatError
        If it may not or cannot be written.
    """
    about: dict[str, Any] = {"axes": "YX", "Name": path.name.removesuffix(".ome.tif")}
    if spacing is not None and spacing.millimetres:
        about |= {
            "PhysicalSizeX": spacing.width * 1000,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": spacing.height * 1000,
            "PhysicalSizeYUnit": "µm",
        }
    kind = np.uint16 if int(labels.max(initial=0)) < 2**16 else np.uint32  # bioimage tools read no int32
    made = io.BytesIO()
    tifffile.imwrite(made, labels.astype(kind), ome=True, metadata=about, compression="zlib")
    write_beside(path, lambda out: out.write(made.getvalue()), overwrite=overwrite)


def write_excel(path: Path, tables: "Mapping[str, pd.DataFrame]", *, overwrite: bool = False) -> None:
    """Write tables as the sheets of an Excel workbook, by name.

    Raises
    ------
    SettingsError
        Without the package openpyxl.
    FileFormatError
        If a table has more rows than a sheet, or the file cannot be written.
    OverwriteError
        If it may not be replaced.
    """
    import pandas as pd

    for name, table in tables.items():
        if len(table) > MOST_ROWS:
            raise FileFormatError(
                f"The table of {name} has {len(table):,} rows, a sheet of Excel only {MOST_ROWS:,}: use the "
                "CSV file."
            )
    made = io.BytesIO()
    try:
        import_module("openpyxl")  # pandas would say less of it if it is missing
        with pd.ExcelWriter(made, engine="openpyxl") as writer:
            for name, table in tables.items():
                table.to_excel(writer, sheet_name=name, index=False, freeze_panes=(1, 1))
                for row in writer.sheets[name].iter_rows():
                    for cell in row:
                        if cell.data_type == "f":  # a file's name that begins like a formula is still a name
                            cell.data_type = "s"
    except ImportError as error:
        raise _missing("openpyxl") from error
    write_beside(path, lambda out: out.write(made.getvalue()), overwrite=overwrite)


def _kinds(segments: "pd.DataFrame") -> dict[int, str]:
    return dict(zip(segments["label"].astype(int), segments["vessels"].astype(str), strict=True))


def _geometry(pieces: list[Outline]) -> dict[str, Any]:
    polygons = [
        [[*ring.tolist(), ring[0].tolist()] for ring in (piece.outer, *piece.holes)] for piece in pieces
    ]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _missing(package: str) -> SettingsError:
    return SettingsError(
        f"This format needs the package {package}: install it with pip install 'napari-saunetv2[results]', "
        "or use another format."
    )
