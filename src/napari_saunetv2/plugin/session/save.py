"""The Save button: write the corrected labels as a mask next to their photograph."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels
from napari.settings import get_settings
from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_saunetv2.errors import FileFormatError, SaunetError
from napari_saunetv2.files.dicom import begins_as_dicom
from napari_saunetv2.plugin.common.layers import file_of, same_eye
from napari_saunetv2.plugin.common.part import frame_of
from napari_saunetv2.plugin.common.questions import ask_to_replace
from napari_saunetv2.plugin.common.roles import CLASSES, OF, ROLE
from napari_saunetv2.plugin.common.windows import tell
from napari_saunetv2.plugin.session.store import store

if TYPE_CHECKING:
    from napari.components import ViewerModel

FILTER = "Masks (*.png *.tif *.tiff)"
SUFFIXES = (".png", ".tif", ".tiff")
ENDING = "vessels"

_UNFIT = re.compile(r'[\s<>:"/\\|?*]+')
"""What no file's name should have."""


class Saver:
    """Saves Labels layers; a layer saved before goes to the same file, after confirmation.

    Parameters
    ----------
    viewer : ViewerModel
    parent : QWidget
        Parent of the dialogs.
    say : callable
        Takes what to tell the user.
    """

    def __init__(self, viewer: "ViewerModel", parent: QWidget, say: Callable[[str], None]) -> None:
        self._viewer, self._parent, self._say = viewer, parent, say
        self._files: WeakKeyDictionary[Labels, tuple[str, Path]] = WeakKeyDictionary()

    def save(self, otherwise: Labels | None, photograph: Image | None) -> None:
        """Ask for a file and write the active labels there.

        Parameters
        ----------
        otherwise : Labels, optional
            Saved if the active layer is not a vessel layer.
        photograph : Image, optional
            Photograph next to which to save, if the labels do not name theirs.
        """
        labels = labels_in_hand(self._viewer) or otherwise
        if labels is None:
            self._say("There are no vessels to save: segment first, or select a Labels layer.")
            return
        photograph = photograph_of(labels, self._viewer) or photograph
        target = self._target(labels, photograph)
        if target is None:
            return
        about = {"name": labels.name, "scale": labels.scale, "units": labels.units}
        about["metadata"] = labels.metadata
        try:
            refuse_photograph(target, photograph)
            notice = store(target, labels.data, about, overwrite=True)
        except SaunetError as error:
            self._say(tell(error))
            return
        # A layer that now shows another photograph has another name, and therefore its own file.
        self._files[labels] = (labels.name, target)
        if notice:
            show_warning(notice)
        self._say(f"Saved {target.name} in {target.parent}.")

    def _target(self, labels: Labels, photograph: Image | None) -> Path | None:
        name, former = self._files.get(labels, ("", None))
        if former is not None and name == labels.name:
            answer = ask_to_replace(self._parent, former) if former.exists() else "replace"
            if answer != "other":
                return former if answer == "replace" else None
        chosen, _ = QFileDialog.getSaveFileName(
            self._parent, "Save as a mask", str(proposal(labels, photograph)), FILTER
        )
        if not chosen:
            return None
        target = Path(chosen)
        if target.suffix:
            return target  # the dialog has already asked
        target = target.with_name(f"{target.name}{SUFFIXES[0]}")
        if target.exists() and ask_to_replace(self._parent, target) != "replace":
            return None
        return target


def labels_in_hand(viewer: "ViewerModel") -> Labels | None:
    """Return the active layer if it holds vessels: not a field of view or an evaluation."""
    active = viewer.layers.selection.active
    active = getattr(active, "__wrapped__", active)  # a widget gets proxies, which are short-lived
    if not isinstance(active, Labels) or active.metadata.get("role") == "fov":
        return None
    return active if active.metadata.get(ROLE) in (None, "vessels") else None


def photograph_of(labels: Labels, viewer: "ViewerModel") -> Image | None:
    """Find the photograph of labels: their source, or one of the same image."""
    images = [layer for layer in viewer.layers if isinstance(layer, Image) and ROLE not in layer.metadata]
    of = labels.metadata.get(OF)
    fitting = (x for x in images if x.name == of or (of is None and same_eye(x, labels)))
    return next(fitting, None)


def export_proposal(name: str, photograph: Image | None) -> Path:
    """Propose the folder of the photograph, and a layer's name, for an exported file."""
    file = photograph_file(photograph)
    return (_last_folder() if file is None else file.parent) / _UNFIT.sub("_", name)


def proposal(labels: Labels, photograph: Image | None) -> Path:
    """Propose NAME_vessels.png next to the photograph; without a file, in napari's last folder.

    Arteries and veins are proposed as NAME_av.png.

    Anything that the layer's name adds to the photograph's, such as an observer, is inserted.
    """
    file = photograph_file(photograph)
    stem = photograph.name if photograph is not None else ""
    added = labels.name.removeprefix(stem) if stem else labels.name
    ending = "av" if CLASSES in labels.metadata else ENDING
    added = re.sub(rf"\(edited\)|\(recovered\)|\[\d+\]|\b(arteries and veins|{ending})\b", "", added)
    if file is not None:
        stem = file.name.removesuffix(".gz").rsplit(".", 1)[0]
    words = _UNFIT.sub("_", " ".join(f"{stem} {added}".split()))
    folder = file.parent if file is not None else _last_folder()
    return folder / f"{'_'.join(filter(None, (words, ending)))}{SUFFIXES[0]}"


def photograph_file(photograph: Image | None) -> Path | None:
    """File of a photograph, if it still exists."""
    if photograph is None:
        return None
    path = photograph.metadata.get("path")  # Browse reads it without napari
    return Path(path) if path and Path(path).is_file() else file_of(photograph)


def dicom_file(photograph: Image | None) -> Path | None:
    """DICOM file of a photograph that is one picture; a segmentation of it refers to this file."""
    file = photograph_file(photograph)
    one_picture = photograph is not None and len(frame_of(photograph)) == 2
    return file if file is not None and one_picture and begins_as_dicom(file) else None


def _last_folder() -> Path:
    history = map(Path, get_settings().application.save_history)
    return next(filter(Path.is_dir, history), Path.home())


def refuse_photograph(target: Path, photograph: Image | None) -> None:
    """Raise FileFormatError for a file that is the photograph itself."""
    file = photograph_file(photograph)
    if file is not None and target.exists() and target.samefile(file):
        raise FileFormatError(f"'{target.name}' is the photograph itself: choose another name for the mask.")
