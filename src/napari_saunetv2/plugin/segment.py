"""The Segment widget: one button from a photograph to its vessels."""

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from magicgui.widgets import ComboBox, Container, FloatSlider, Label, ProgressBar, PushButton
from napari.layers import Image
from napari.utils.notifications import show_error, show_info
from numpy.typing import NDArray

from napari_saunetv2 import checkpoint, devices, inference
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin._jobs import Job
from napari_saunetv2.plugin._layers import Planes
from napari_saunetv2.plugin._results import ROLE, Result, Source

if TYPE_CHECKING:
    import napari


class SegmentWidget(Container[Any]):
    """Find the vessels of the active image.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._job: Job | None = None
        self._results: WeakKeyDictionary[Image, Result] = WeakKeyDictionary()
        self.image = ComboBox(
            name="image",
            choices=self._photographs,
            tooltip="The photograph to segment; follows the layer you click on.",
        )
        self.model = ComboBox(
            name="model",
            choices=_model_names,
            value=checkpoint.DEFAULT,
            tooltip="The network and its training.",
        )
        self.device = ComboBox(
            name="device",
            choices=devices.available(),
            tooltip="Where the network runs; auto takes a GPU where there is one.",
        )
        self.tta = ComboBox(
            name="tta",
            label="views",
            choices=[("1", "none"), ("4, mirrored", "flips"), ("8, mirrored and turned", "d4")],
            tooltip="The mean over several views of the image: slower, and a little better.",
        )
        self.rescale = ComboBox(
            name="rescale",
            choices=["auto", "off"],
            tooltip="auto works at the model's scale where the field of view is of another size.",
        )
        self.threshold = FloatSlider(
            name="threshold",
            min=0.01,
            max=0.99,
            step=0.01,
            value=0.5,
            tooltip="From this probability on a pixel is a vessel; moving it changes the labels at once.",
        )
        self.run = PushButton(name="run", text="Segment")
        self.cancel = PushButton(name="cancel", text="Cancel", enabled=False)
        self.progress = ProgressBar(name="progress", value=0, max=1000, visible=False)
        self.status = Label(name="status", label="", value="")
        super().__init__(
            widgets=[
                self.image,
                self.model,
                self.device,
                self.tta,
                self.rescale,
                self.threshold,
                self.run,
                self.cancel,
                self.progress,
                self.status,
            ]
        )
        self.status.native.setWordWrap(True)
        self._connect()
        self._use_model_threshold()
        self._follow_active()
        self._check()

    def _connect(self) -> None:
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self._cancel)
        self.model.changed.connect(self._use_model_threshold)
        self.image.changed.connect(self._check)
        self.threshold.changed.connect(self._apply_threshold)
        layers = self._viewer.layers
        layers.selection.events.active.connect(self._follow_active)
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)

    # What the user does

    def _start(self) -> None:
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

    # What the job says

    def _show_progress(self, share: float) -> None:
        self.progress.value = round(share * self.progress.max)

    def _show_result(
        self, source: Source, settings: dict[str, Any], probability: NDArray[np.float32]
    ) -> None:
        result = self._results.setdefault(source.layer, Result(self._viewer, source))
        result.show_probability(probability, settings)
        self._tell(result.show_vessels(self.threshold.value))
        self.status.value = f"Done: {source.name}."

    def _show_failure(self, error: SaunetError) -> None:
        self.status.value = str(error)
        show_error(str(error))

    def _reset(self) -> None:
        self._job = None
        self.cancel.enabled = False
        self.progress.visible = False
        self.run.enabled = not self._obstacle()

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
        """Say why there is nothing to run, if so."""
        if self._job is None:
            self.status.value = self._obstacle()
            self.run.enabled = not self.status.value

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
                self.threshold.value = info.header.threshold


def segment_planes(planes: Planes, **settings: Any) -> Generator[float, None, NDArray[np.float32]]:
    """Segment a picture, or a stack plane by plane.

    Yields
    ------
    float, [0, 1]
        Share that is done.

    Returns
    -------
    array, shape of the stack, float32, range [0, 1]
    """
    loaded = checkpoint.load(settings.pop("model"))
    result = np.empty(planes.shape, np.float32)
    for number in range(len(planes)):
        work = inference.steps(planes[number], loaded, **settings)
        while True:
            try:
                done, total = next(work)
            except StopIteration as end:
                result[planes.index(number)] = end.value
                break
            yield (number + done / total) / len(planes)
    return result


def _model_names(_widget: object = None) -> list[str]:
    return [info.name for info in checkpoint.available()]
