"""Sample images: File > Open Sample."""

from typing import Any

from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.plugin.common.class_colours import MARKED, artery_vein_colours

LayerData = tuple[Any, dict[str, Any], str]


def synthetic() -> list[LayerData]:
    """Make a synthetic fundus image with its exact vessels, arteries and veins, and field of view."""
    sample = fundus()
    eye = {"dataset": "synthetic", "subject": "0", "split": None}

    def about(name: str, role: str, observer: str | None = None, **looks: Any) -> dict[str, Any]:
        return {"name": name, "metadata": eye | {"role": role, "observer": observer}, **looks}

    looks = {"visible": False, "opacity": 0.7, "colormap": artery_vein_colours()}
    classes = about("synthetic arteries and veins", "labels", "exact classes", **looks)
    classes["metadata"] |= MARKED
    return [
        (sample.image, about("synthetic", "image", rgb=True), "image"),
        (sample.vessels, about("synthetic exact", "labels", "exact", visible=False), "labels"),
        (sample.labels, classes, "labels"),
        (sample.fov, about("synthetic FOV", "fov", visible=False), "labels"),
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
