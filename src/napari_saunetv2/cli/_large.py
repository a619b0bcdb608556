"""``saunetv2 segment`` for one image into one file: in tiles if it is too large for memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from napari_saunetv2.cli._shared import bar, out, plain, refuse_existing
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SettingsError

SUFFIXES = (".tif", ".tiff", ".zarr")


def segment_to_file(
    inputs: Sequence[str],
    target: Path,
    config: InferenceConfig,
    *,
    threshold: Literal["auto"] | float,
    what: Literal["vessels", "probability"],
    overwrite: bool,
    refused: Sequence[str],
) -> None:
    """Segment the one image in ``inputs`` into a tiled TIFF or an OME-Zarr.

    ``refused`` are the options that only results in a folder have, as they were given.
    """
    from napari_saunetv2 import inference
    from napari_saunetv2.files import make_folder, tiled
    from napari_saunetv2.inference import large
    from napari_saunetv2.models import checkpoint

    if len(inputs) != 1 or (Path(inputs[0]).is_dir() and Path(inputs[0]).suffix.lower() != ".zarr"):
        raise SettingsError(f"'{target}' is one file: give one image, or an output folder.")
    if refused:
        raise SettingsError(f"{', '.join(refused)}: this works only with an output folder, not with a file.")
    refuse_existing(None if overwrite else target)
    if target.resolve() == Path(inputs[0]).resolve():
        raise SettingsError(f"'{target}' is the image itself: choose another name for the result.")
    image = tiled.opened(inputs[0])
    loaded = checkpoint.opened(config.model)
    height, width = image.shape[:2]
    make_folder(target.parent)
    if height * width <= large.IN_MEMORY:
        level = inference.threshold_of(loaded, threshold, config.tta)
        values: Any = inference.predict(tiled.read(image), loaded, config).probability
        if what == "vessels":
            values = inference.binarise(values, level) * 255
        tiled.write(target, values, overwrite=overwrite)
    else:
        bound = f"{large.IN_MEMORY / 1e6:.0f} megapixels"
        out.print(
            f"{width} x {height} pixels are more than {bound}: processed in tiles, at the image's own scale"
        )
        with bar() as shown:
            task = shown.add_task("tiles", total=None)
            large.segment(
                image, target, loaded, config, what=what, threshold=threshold, overwrite=overwrite,
                progress=lambda done, total: shown.update(task, completed=done, total=total),
            )  # fmt: skip
    out.print(f"{plain(inputs[0])}  {width} x {height}  {what} -> {plain(target)}")
