"""The fields of the Segment widget."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import ComboBox, Container, FloatSlider, Label, ProgressBar, PushButton
from napari.layers import Image
from qtpy.QtWidgets import QSizePolicy

from napari_saunetv2 import NO_DEVICE, checkpoint, devices


class SegmentForm(Container[Any]):
    """Settings, buttons, progress and a line of text; what they do is the widget's.

    Parameters
    ----------
    photographs : callable
        Gives the layers to choose from.
    """

    def __init__(self, photographs: Callable[[object], list[Image]]) -> None:
        self.image = ComboBox(
            name="image",
            choices=photographs,
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
        self.run = PushButton(
            name="run", text="Segment", tooltip=f"Find the vessels of the image. {NO_DEVICE}"
        )
        self.cancel = PushButton(name="cancel", text="Cancel", enabled=False)
        self.progress = ProgressBar(name="progress", value=0, max=1000, visible=False)
        self.status = Label(name="status")
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
            ]
        )
        self._lay_out()

    def _lay_out(self) -> None:
        # As a child of the container the status would stand in half a row, beside its own name.
        self.native.layout().addWidget(self.status.native)
        self.status.native.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.status.native.setWordWrap(True)
        # magicgui measures labels in another font than napari draws them in, so that nothing lines up.
        self.native.setStyleSheet("QLabel { min-width: 5em; }")


def _model_names(_widget: object = None) -> list[str]:
    return [info.name for info in checkpoint.available()]
