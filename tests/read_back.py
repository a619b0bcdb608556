"""Label images from the outlines in files of other programs."""

import numpy as np


def filled(rings, shape):
    """Pixels whose middle lies within rings of x, y an odd number of times."""
    inside = np.zeros(shape, bool)
    rows = np.arange(shape[0]) + 0.5
    columns = np.arange(shape[1]) + 0.5
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if x0 == x1:
                inside ^= ((rows > min(y0, y1)) & (rows < max(y0, y1)))[:, None] & (columns > x0)
    return inside


def of_imagej(rois, shape):
    """Labels from regions of ImageJ, as roifile reads them."""
    labels = np.zeros(shape, np.int32)
    for roi in rois:
        multi = roi.coordinates(multi=True) if roi.composite else [roi.coordinates()]
        rings = [np.asarray(r) for r in multi]
        rings = [r[:-1] if (r[0] == r[-1]).all() else r for r in rings]
        labels[filled(rings, shape)] = int(roi.name.split()[1])
    return labels


def of_geojson(read, shape):
    """Labels from annotations of QuPath."""
    labels = np.zeros(shape, np.int32)
    for feature in read["features"]:
        at = feature["geometry"]
        polygons = [at["coordinates"]] if at["type"] == "Polygon" else at["coordinates"]
        label = int(feature["properties"]["name"].split()[1])
        labels[filled([np.array(r[:-1]) for p in polygons for r in p], shape)] = label
    return labels
