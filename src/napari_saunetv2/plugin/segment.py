"""The Segment widget: one button from a photograph to its vessels."""

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image
from napari.utils.notifications import notification_manager, show_error, show_info
from numpy.typing import NDArray

from napari_saunetv2 import checkpoint
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin import _autosave
from napari_saunetv2.plugin._form import SegmentForm
from napari_saunetv2.plugin._jobs import Job
from napari_saunetv2.plugin._layers import Planes
from napari_saunetv2.plugin._planewise import segment_planes
from napari_saunetv2.plugin._results import ROLE, Result, Source

if TYPE_CHECKING:
    import napari


class SegmentWidget(SegmentForm):
    """Find the vessels of the active image.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._job: Job | None = None
        self._results: WeakKeyDictionary[Image, Result] = WeakKeyDictionary()
        self._why_not = ""
        super().__init__(self._photographs)
        self._connect()
        _autosave.watch(napari_viewer)
        self._use_model_threshold()
        self._follow_active()
        self._check()

    def _connect(self) -> None:
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self._cancel)
        self.model.changed.connect(self._use_model_threshold)
        self.image.changed.connect(self._take_image)
        self.threshold.changed.connect(self._apply_threshold)
        layers = self._viewer.layers
        layers.selection.events.active.connect(self._follow_active)
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        self.native_parent_changed.connect(self._panel_moved)
        self.native.destroyed.connect(self._abandon)

    # What the user does

    def _start(self) -> None:
        self._check()
        if self._job is not None or self._obstacle():
            return
        source = Source(self.image.value)
        settings = {
            "model": self.model.value,
            "device": self.device.value,
            "tta": self.tta.value,
            "rescale": self.rescale.value,
        }
        self._job = Job(
            segment_planes(Planes(source.layer), **settings),
            progress=self._show_progress,
            done=partial(self._show_result, source, settings),
            failed=self._show_failure,
            finished=self._reset,
        )
        self.run.enabled, self.cancel.enabled = False, True
        self.progress.value, self.progress.visible = 0, True
        self.status.value = f"Segmenting {source.name}..."
        self._job.start()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.stop()
            self.cancel.enabled = False
            self.status.value = "Stopped; no layer was changed."

    def _apply_threshold(self) -> None:
        result = self._results.get(self.image.value) if self.image.value is not None else None
        if result is not None:
            self._tell(result.show_vessels(self.threshold.value))

    def _take_image(self) -> None:
        if self._job is None:
            self.status.value = ""  # what it says is about another image
        self._check()

    def _panel_moved(self, parent: object) -> None:
        if parent is None:  # closed: nobody can see or cancel the run any more
            self._cancel()

    def _abandon(self) -> None:
        # The window is gone, so the job may not reach the fields any more.
        if self._job is not None:
            self._job.abandon()
            self._job = None

    # What the job says

    def _show_progress(self, share: float) -> None:
        self.progress.value = round(share * self.progress.max)

    def _show_result(
        self, source: Source, settings: dict[str, Any], probability: NDArray[np.float32]
    ) -> None:
        result = self._results.setdefault(source.layer, Result(self._viewer))
        result.show_probability(source, probability, settings)
        self._tell(result.show_vessels(self.threshold.value))
        self.status.value = f"Done: {source.name}."

    def _show_failure(self, error: Exception) -> None:
        if isinstance(error, SaunetError):
            self.status.value = str(error)
            show_error(str(error))
        else:
            self.status.value = f"Failed: {error}"
            notification_manager.receive_error(type(error), error, error.__traceback__)

    def _reset(self) -> None:
        self._job = None
        self.cancel.enabled = False
        self.progress.visible = False
        self._check()

    def _tell(self, notice: str) -> None:
        if notice:
            show_info(notice)

    # What happens to the layers

    def _photographs(self, _widget: object = None) -> list[Image]:
        return [x for x in self._viewer.layers if isinstance(x, Image) and ROLE not in x.metadata]

    def _follow_active(self) -> None:
        active = self._viewer.layers.selection.active
        # A layer that was just added is active before it is among the choices.
        if active in self._photographs():
            self.image.reset_choices()
            self.image.value = active

    def _layers_changed(self) -> None:
        self.image.reset_choices()
        self._follow_active()
        self._check()

    def _check(self) -> None:
        """Say why there is nothing to run, if so; else let stand what was said."""
        if self._job is not None:
            return
        obstacle = self._obstacle()
        if obstacle or self.status.value == self._why_not:
            self.status.value = obstacle
        self._why_not = obstacle
        self.run.enabled = not obstacle

    def _obstacle(self) -> str:
        if self.image.value is None:
            return "Open a photograph first: File > Open, or drop it on the canvas."
        try:
            Planes(self.image.value)
        except SaunetError as error:
            return str(error)
        return ""

    def _use_model_threshold(self) -> None:
        for info in checkpoint.available():
            if info.name == self.model.value:
                limits = self.threshold.min, self.threshold.max
                self.threshold.value = float(np.clip(info.header.threshold, *limits))
