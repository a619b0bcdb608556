"""What the status line says of a measurement."""

from typing import TYPE_CHECKING

from napari_saunetv2.plugin.measure.choices import DISC, FOVEA

if TYPE_CHECKING:
    from napari_saunetv2.plugin.measure.run import Measured

DRAW = {
    DISC: "Drag from one corner of the disc's box to the other; the numbers follow.",
    FOVEA: "Click on the fovea; the numbers follow.",
}


def of(measured: "Measured") -> str:
    """Say how many segments were measured, what changed, and what to mind."""
    planes = list(measured.planes.values())
    kinds = "arteries and veins" if measured.classes else "vessels"
    said = [f"{len(measured.segments)} segments of {kinds}."]
    changed = sum(int(plane.changed.sum()) for plane in planes)
    if changed:
        said.append(f"{changed} changed since Measure was pressed, outlined in yellow.")
    remarks = (r for plane in planes for r in (*plane.measurements.remarks, plane.found.in_words()))
    said += dict.fromkeys(remarks)
    if not any(plane.found.searched for plane in planes) and any(
        plane.measurements.landmarks.disc is None for plane in planes
    ):
        said.append("Without an optic disc there are no zones.")
    if any(plane.measurements.landmarks.fovea is None for plane in planes):
        said.append("Without a fovea there is no ETDRS grid.")
    return " ".join(filter(None, said))
