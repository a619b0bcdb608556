"""Seconds of other programs for the same masks; ``measure_peers`` runs it in their environment.

python measured_by_peers.py masks.npz pvbm
"""

import contextlib
import json
import sys
import time
from importlib.metadata import version

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize


def pvbm(mask: np.ndarray, disc: tuple[float, float, float], *, artery: bool) -> None:
    """Lengths, tortuosity, angles and counts of trees at the disc; central equivalents; dimensions."""
    from PVBM.CentralRetinalAnalysis import CREVBMs
    from PVBM.FractalAnalysis import MultifractalVBMs
    from PVBM.GeometryAnalysis import GeometricalVBMs

    x, y, r = map(int, disc)
    vessels = mask.astype(float)
    lines = skeletonize(mask).astype(float)
    GeometricalVBMs().compute_geomVBMs(vessels.copy(), lines.copy(), x, y, r)
    CREVBMs().compute_central_retinal_equivalents(vessels.copy(), lines.copy(), x, y, r, artery=artery)
    side = max(mask.shape)
    square = np.zeros((side, side))
    square[: mask.shape[0], : mask.shape[1]] = vessels
    MultifractalVBMs().compute_multifractals(square)


def skan(mask: np.ndarray, _disc: tuple[float, float, float], **_: bool) -> None:
    """Length of each branch, and its width by the distance to the edge."""
    from skan import Skeleton, summarize

    widths = 2 * ndimage.distance_transform_edt(mask)
    summarize(Skeleton(skeletonize(mask) * widths), separator="_")


def main() -> None:
    given, name = np.load(sys.argv[1]), sys.argv[2]
    measure = {"pvbm": pvbm, "skan": skan}[name]
    with contextlib.suppress(Exception):  # imports and compiling are not counted
        measure(given["veins"][:300, :300], (150.0, 150.0, 30.0), artery=False)
    begun, cpu = time.perf_counter(), time.process_time()
    said = ""
    for kind in ("arteries", "veins"):
        try:
            measure(given[kind], tuple(given["disc"]), artery=kind == "arteries")
        except Exception as error:  # noqa: BLE001 - what it is, the table says
            said = f"{type(error).__name__} in {kind}"
    seconds, processor = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps([version(name), round(seconds, 2), round(processor, 2), said]))


if __name__ == "__main__":
    main()
