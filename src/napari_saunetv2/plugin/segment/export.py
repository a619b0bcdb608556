"""The export menu of the Segment window."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image, Labels

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.plugin.common.export_menu import FORMAT_LINES, ExportMenu, Work
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.segment.exporting import export
from napari_saunetv2.plugin.segment.form import SegmentForm
from napari_saunetv2.plugin.segment.results import Result
from napari_saunetv2.plugin.session.save import (
    export_proposal,
    labels_in_hand,
    photograph_of,
    refuse_photograph,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel


class SegmentExport:
    """Writes the active labels, or else those of the last segmentation.

    Parameters
    ----------
    form : SegmentForm
    viewer : ViewerModel
    result : callable
        Returns the segmentation of the chosen photograph, if there is one.
    panel : JobPanel
    """

    def __init__(
        self, form: SegmentForm, viewer: "ViewerModel", result: Callable[[], Result | None], panel: JobPanel
    ) -> None:
        self._form, self._viewer, self._result = form, viewer, result
        form.export.native.setMenu(ExportMenu(form.native, FORMAT_LINES, panel, self._propose, self._work))

    def _shown(self) -> tuple[Labels, Image | None]:
        result = self._result()
        labels = labels_in_hand(self._viewer) or (None if result is None else result.labels)
        if labels is None:
            raise SettingsError("There are no vessels to export: segment first, or select a Labels layer.")
        return labels, photograph_of(labels, self._viewer) or self._form.image.value

    def _propose(self) -> Path:
        labels, photograph = self._shown()
        return export_proposal(labels.name, photograph)

    def _work(self, key: str, target: Path) -> Work:
        (labels, photograph), result = self._shown(), self._result()
        refuse_photograph(target, photograph)
        probability = None
        if result is not None and labels is result.labels and result.can_redraw():
            probability = result.probability
        fov = self._form.field_of_view()
        return export(key, target, labels, photograph, probability, fov, self._viewer)
