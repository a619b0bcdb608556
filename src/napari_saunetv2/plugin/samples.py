"""Sample images: File > Open Sample."""

from typing import Any

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.plugin.common.class_colours import MARKED, artery_vein_colours

LayerData = tuple[Any, dict[str, Any], str]


def synthetic() -> list[LayerData]:
    """Make a synthetic fundus image with its exact vessels, arteries and veins, and field of view."""
    sample = fundus()
    about = {"dataset": "synthetic", "subject": "0", "split": None}
    return [
        (
            sample.image,
            {"name": "synthetic", "rgb": True, "metadata": about | {"role": "image", "observer": None}},
            "image",
        ),
        (
            sample.vessels,
            {
                "name": "synthetic exact",
                "visible": False,
                "metadata": about | {"role": "labels", "observer": "exact"},
            },
            "labels",
        ),
        (
            sample.labels,
            {
                "name": "synthetic arteries and veins",
                "visible": False,
                "opacity": 0.7,
                "colormap": artery_vein_colours(),
                "metadata": about | MARKED | {"role": "labels", "observer": "exact classes"},
            },
            "labels",
        ),
        (
            sample.fov,
            {
                "name": "synthetic FOV",
                "visible": False,
                "metadata": about | {"role": "fov", "observer": None},
            },
            "labels",
        ),
    ]


def retina() -> list[LayerData]:
    """Open scikit-image's public-domain retina photograph; it is downloaded the first time.

    Raises
    ------
    FileFormatError
        If it is not cached and cannot be downloaded.
    """
    from skimage import data

    try:
        image = data.retina()  # type: ignore[no-untyped-call]
    except Exception as error:  # any error of the network or the cache folder
        raise FileFormatError(
            "The retina photograph could not be downloaded: connect to the internet once, or open the "
            "synthetic sample."
        ) from error
    about = {"dataset": "scikit-image", "subject": "retina", "split": None, "observer": None, "role": "image"}
    return [(image, {"name": "retina", "rgb": True, "metadata": about}, "image")]
