"""Measure the planes of a source, in a worker: those that changed, with the numbers that segments had."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure import Measurements
from napari_saunetv2.measure.follow import changed, keep_numbers
from napari_saunetv2.measure.measurements import measure_steps
from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.measure.units import Scale
from napari_saunetv2.plugin.measure.finding import Found, find
from napari_saunetv2.plugin.measure.source import Index, Source
from napari_saunetv2.progress import relay

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be measured.

    Attributes
    ----------
    source : Source
    landmarks : mapping of index to Landmarks
        Of every plane, as far as they are known.
    scale : Scale
    find_disc, find_fovea : bool
        Whether to look for what is not known.
    intervals : bool
        Whether to measure ``low`` and ``high``, which takes three times as long.
    """

    source: Source
    landmarks: Mapping[Index, Landmarks]
    scale: Scale
    find_disc: bool = False
    find_fovea: bool = False
    intervals: bool = True


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane that was measured.

    Attributes
    ----------
    pixels : array, shape (H, W)
        Its labels when it was measured.
    measurements : Measurements
    scale : Scale
    whole : bool
        Whether the intervals were measured, if there can be any.
    found : Found
        What was looked for.
    changed : array, shape (segments,), bool
        Segments with other pixels than when Measure was pressed.
    """

    pixels: NDArray[Any]
    measurements: Measurements
    scale: Scale
    whole: bool
    found: Found
    changed: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Measured:
    """All planes of a source.

    Attributes
    ----------
    source : Source
    classes : bool
        Whether the labels were read as arteries and veins.
    planes : dict of index to Plane
    first : dict of index to array, shape (H, W), int32
        Label image of each plane from when Measure was pressed.
    free : int
        First number that no segment has had.
    """

    source: Source
    classes: bool
    planes: dict[Index, Plane]
    first: dict[Index, NDArray[np.int32]]
    free: int

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """Numbers of the segments, in the shape of the vessels."""
        return self._stacked({n: p.measurements.labels for n, p in self.planes.items()}, np.int32)

    @cached_property
    def marks(self) -> NDArray[np.uint8]:
        """1 on segments that changed, in the shape of the vessels."""
        return self._stacked({n: _marked(p) for n, p in self.planes.items()}, np.uint8)

    @cached_property
    def segments(self) -> "pd.DataFrame":
        """Table of segments by label, with ``changed`` and, of a stack, ``frame``."""
        return self._joined(
            {n: p.measurements.segments.assign(changed=p.changed) for n, p in self.planes.items()}
        )

    @cached_property
    def image(self) -> "pd.DataFrame":
        """Tidy table of all measures, of a stack with ``frame``."""
        return self._joined({n: p.measurements.image for n, p in self.planes.items()})

    @cached_property
    def features(self) -> "pd.DataFrame":
        """Table whose row has the number of its segment, as napari's features table needs it; 0 is empty."""
        import pandas as pd

        rows = self.segments.drop(columns="label").reindex(pd.RangeIndex(self.free))
        rows["changed"] = rows["changed"].eq(True)
        rows.insert(0, "label", np.arange(self.free))
        return rows

    def place_of(self, label: int) -> Index:
        """Give the index of the plane that shows a segment."""
        if () in self.planes:
            return ()
        frame = int(self.segments.loc[label, "frame"])
        return tuple(map(int, np.unravel_index(frame, self.source.vessels.data.shape[:-2])))

    def prepare(self) -> None:
        """Make all tables here, in the worker, and not when the window asks for them."""
        for name in ("labels", "marks", "segments", "image", "features"):
            getattr(self, name)

    def _stacked(self, planes: Mapping[Index, NDArray[Any]], dtype: type) -> NDArray[Any]:
        if len(planes) == 1 and () in planes:
            return planes[()]
        stack = np.zeros(self.source.vessels.data.shape, dtype)
        for index, plane in planes.items():
            stack[index] = plane
        return stack

    def _joined(self, tables: "Mapping[Index, pd.DataFrame]") -> "pd.DataFrame":
        import pandas as pd

        if () in tables:
            return tables[()]
        shape = self.source.vessels.data.shape[:-2]
        framed = []
        for index, table in tables.items():
            named = table.copy()
            named.insert(0, "frame", int(np.ravel_multi_index(index, shape)))
            framed.append(named)
        return pd.concat(framed)


def measure_planes(request: Request, former: Measured | None = None) -> Generator[float, None, Measured]:
    """Measure all planes, or after a change those that changed; yields the share done.

    Parameters
    ----------
    request : Request
    former : Measured, optional
        From before the change: its segments keep their numbers.

    Raises
    ------
    SaunetError
        When a plane cannot be measured.
    """
    source = request.source
    indices = source.indices
    yield 0.0
    pixels = {index: np.array(source.vessels.plane(index)) for index in indices}
    classes = source.has_classes(list(pixels.values())) if former is None else former.classes
    planes = {} if former is None else dict(former.planes)
    first = {} if former is None else dict(former.first)
    free = 1 if former is None else former.free
    for done, index in enumerate(indices):
        old = planes.get(index)
        landmarks = request.landmarks[index]
        if old is not None and _is_still(old, pixels[index], landmarks, request):
            continue
        found = Found(landmarks)
        if request.find_disc or request.find_fovea:
            found = find(
                source, index, pixels[index], landmarks, disc=request.find_disc, fovea=request.find_fovea
            )
            yield (done + 0.3) / len(indices)
        given = source.inputs(index, pixels[index], found.landmarks, classes=classes)
        result = yield from relay(
            measure_steps(given, request.scale, intervals=request.intervals),
            lambda share, done=done: (done + share) / len(indices),  # type: ignore[misc]
        )
        result, free = keep_numbers(result, None if old is None else old.measurements.labels, free)
        first.setdefault(index, result.labels)
        whole = request.intervals or given.probability is None
        planes[index] = Plane(
            pixels[index], result, request.scale, whole, found, changed(result, first[index])
        )
    measured = Measured(source, classes, planes, first, free)
    measured.prepare()
    yield 1.0
    return measured


def _is_still(old: Plane, pixels: NDArray[Any], landmarks: Landmarks, request: Request) -> bool:
    return (
        (old.whole or not request.intervals)
        and _alike(old.measurements.landmarks, landmarks)
        and old.scale == request.scale
        and np.array_equal(old.pixels, pixels)
    )


def _alike(one: Landmarks, other: Landmarks) -> bool:
    """Whether landmarks are the same but for the rounding of the layers that hold them."""
    pairs = ((one.disc, other.disc), (one.fovea, other.fovea))
    return all(a is b or (a is not None and b is not None and np.allclose(a, b, atol=1e-3)) for a, b in pairs)


def _marked(plane: Plane) -> NDArray[np.uint8]:
    labels = plane.measurements.labels
    numbers = plane.measurements.segments["label"].to_numpy()[plane.changed]
    return np.isin(labels, numbers[numbers > 0]).astype(np.uint8)
