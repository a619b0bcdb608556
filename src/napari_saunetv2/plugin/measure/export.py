"""The export menu of the Measure window."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.plugin.common.export_menu import ExportMenu, Work
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.part import shown_plane
from napari_saunetv2.plugin.measure.choices import layer_of
from napari_saunetv2.plugin.measure.exporting import LINES, export
from napari_saunetv2.plugin.measure.form import MeasureForm
from napari_saunetv2.plugin.measure.run import Measured
from napari_saunetv2.plugin.measure.views import Views
from napari_saunetv2.plugin.session.save import dicom_file, export_proposal, refuse_photograph

if TYPE_CHECKING:
    from napari.components import ViewerModel


class MeasureExport:
    """Writes what the Measure window shows.

    Parameters
    ----------
    form : MeasureForm
    viewer : ViewerModel
    results : Views
    panel : JobPanel
    """

    def __init__(self, form: MeasureForm, viewer: "ViewerModel", results: Views, panel: JobPanel) -> None:
        self._viewer, self._results = viewer, results
        form.export.native.setMenu(ExportMenu(form.native, LINES, panel, self._propose, self._work))

    def _measured(self) -> Measured:
        if self._results.measured is None:
            raise SettingsError("Nothing was measured yet: press Measure, then export.")
        return self._results.measured

    def _propose(self) -> Path:
        source = self._measured().source
        return export_proposal(source.vessels.name, layer_of(self._viewer, source.picture))

    def _work(self, key: str, target: Path) -> Work:
        measured, layer = self._measured(), self._results.layer
        index = next(iter(measured.planes)) if layer is None else shown_plane(layer, self._viewer)
        photograph = layer_of(self._viewer, measured.source.picture)
        refuse_photograph(target, photograph)
        return export(key, target, measured, index, dicom_file(photograph))
