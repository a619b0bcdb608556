"""A measurement that follows the brush, the disc and the fovea, in a worker beside the window."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from napari.layers import Labels

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.part import Part
from napari_saunetv2.plugin.common.windows import tell
from napari_saunetv2.plugin.measure import messages
from napari_saunetv2.plugin.measure.form import MeasureForm
from napari_saunetv2.plugin.measure.live import Live
from napari_saunetv2.plugin.measure.run import Measured, Request, measure_planes
from napari_saunetv2.plugin.measure.source import Source
from napari_saunetv2.plugin.measure.views import Views


class Following:
    """Measures what changed again; of the changes that wait, only the newest is measured.

    Values come first; where there is a probability, their ranges come after them, if nothing else changes.

    Parameters
    ----------
    form : MeasureForm
    views : Views
    panel : JobPanel
        While it runs a job, changes wait.
    request : callable
        Gives what is to be measured of a layer and a source.
    """

    def __init__(
        self,
        form: MeasureForm,
        views: Views,
        panel: JobPanel,
        request: Callable[[Labels, Source], Request],
    ) -> None:
        self._form, self._views, self._panel, self._request = form, views, panel, request
        self._latest = Latest(self._fail)
        self._live = Live(form.native, views.draw_zones, self._renew)
        self._missed = False
        form.native.destroyed.connect(self._latest.abandon)

    def watch(self) -> None:
        """Follow the layer that was measured, and the disc and the fovea that are chosen."""
        self._live.watch(self._views.layer, self._form.disc.value, self._form.fovea.value)

    def note(self) -> None:
        """Measure again soon, as after a change of a layer."""
        self._live.note()

    def forget(self) -> None:
        """Drop what is being measured: all is about to be measured anew."""
        self._live.stop()
        self._latest.forget()
        self._missed = False

    def catch_up(self) -> None:
        """Measure what changed while the panel ran a job."""
        if self._missed:
            self._missed = False
            self.note()

    def _renew(self) -> None:
        measured, layer = self._views.measured, self._views.layer
        if measured is None or layer is None or not self._form.follow.value:
            return
        if self._panel.busy:
            self._missed = True
            return
        try:
            request = self._request(layer, measured.source.renewed(Part.of(layer)))
        except SaunetError as error:
            self._panel.line.say(str(error))
            return
        self._latest.forget()  # what is being measured is no longer what is there
        self._ask(replace(request, intervals=False), request, measured)

    def _ask(self, request: Request, whole: Request, measured: Measured) -> None:
        self._latest.ask(measure_planes(request, measured), partial(self._show, whole))

    def _show(self, whole: Request, measured: Measured) -> None:
        layer, former = self._views.layer, self._views.measured
        if layer is None or former is None or self._panel.busy:
            return
        if all(plane is former.planes.get(index) for index, plane in measured.planes.items()):
            return
        self._panel.turns.add(self._views.show(measured, layer))
        self._panel.line.say(messages.of(measured))
        if not all(plane.whole for plane in measured.planes.values()):
            self._ask(whole, whole, measured)

    def _fail(self, error: Exception) -> None:
        # Every stroke may fail in the same way: the line is enough.
        self._panel.line.say(str(error) if isinstance(error, SaunetError) else tell(error))
