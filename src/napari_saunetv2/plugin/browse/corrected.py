"""Write the masks of a case that a user corrected, where the study finds them."""

from collections.abc import Mapping
from pathlib import Path

from napari.layers import Labels

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.files import make_folder
from napari_saunetv2.plugin.browse.cases import Group
from napari_saunetv2.plugin.common.class_colours import is_of_classes
from napari_saunetv2.plugin.common.part import frame_of
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.plugin.session.store import store


def write_corrected(group: Group, active: Labels | None, masks: Mapping[str, Path]) -> list[str]:
    """Write what a user painted or segmented for the case that is shown.

    Of its own masks those that were painted are written. A segmentation made in the Segment window is written
    where it is the active layer, or where the case has no mask yet.

    Parameters
    ----------
    group : Group
        Its layers.
    active : Labels, optional
        Active layer of vessels.
    masks : mapping of str to Path
        File of each kind, "vessels" or "av".

    Returns
    -------
    list of str
        Kinds that were written.

    Raises
    ------
    SettingsError
        If the case has no mask at all.
    ImageError
        If a layer has another size than the photograph.
    FileFormatError
        If a mask cannot be written; one that was there is unchanged.
    """
    own = {x.metadata["observer"]: x for x in group.labels() if x.metadata.get("observer") in masks}
    results = [x for x in group.labels() if x.metadata.get(ROLE) == "vessels" and OF in x.metadata]
    chosen = active if active is not None and active in results else None
    if chosen is not None or (results and not own):
        result = chosen or results[-1]
        wanted = {"av" if is_of_classes(result) else "vessels": result}
    else:
        wanted = {kind: layer for kind, layer in own.items() if edits.painted(layer)}
    if not (wanted or own):
        raise SettingsError(
            "This case has no mask yet: press Run study, or find its vessels in the Segment window, and then "
            "accept."
        )
    photograph = group.photograph()
    for kind, layer in wanted.items():
        if photograph is not None and frame_of(layer)[-2:] != frame_of(photograph)[-2:]:
            raise ImageError(
                f"'{layer.name}' has the shape {frame_of(layer)}, the photograph {frame_of(photograph)}: a "
                "mask must have the size of its photograph."
            )
        make_folder(masks[kind].parent)
        # Without a scale: what is not changed is the same file, to the last byte.
        store(masks[kind], layer.data, {"name": layer.name, "metadata": layer.metadata}, overwrite=True)
        edits.remember(layer)
    return list(wanted)
