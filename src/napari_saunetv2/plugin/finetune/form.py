"""The fields of the Fine-tune widget."""

from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FileEdit,
    FloatSpinBox,
    Label,
    LineEdit,
    PushButton,
    SpinBox,
)
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.engines import devices
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.common.forms import narrow, progress_bar, row
from napari_saunetv2.plugin.common.preferences import preferred, use_model_folder
from napari_saunetv2.plugin.common.steady import keep_height
from napari_saunetv2.plugin.finetune.marks import Marks
from napari_saunetv2.plugin.finetune.pairs_table import PairsTable
from napari_saunetv2.plugin.finetune.plot import TrainingPlot
from napari_saunetv2.training import Tuning, tasks
from napari_saunetv2.training.tuning import AUGMENTATIONS, GENTLE, STROKES

FROM_SCRATCH = "none (from scratch)"

DENSE, SPARSE = "dense: every pixel annotated", "sparse: 1 vessel, 2 background"

SETTINGS = (
    "learning_rate", "batch", "crop", "dropblock", "augmentation", "scale", "validation", "validate_every",
    "patience", "seed", "device",
)  # fmt: skip
"""Settings that most users never change, hidden at first."""


class FineTuneForm(Container[Any]):
    """Pairs, settings, buttons, plot and a status line; the widget connects them."""

    def __init__(self) -> None:
        use_model_folder()
        self.unfinished = Label(name="unfinished", label="not done")
        self.go_on = PushButton(
            name="go_on", text="Resume", tooltip="Continue the training where it stopped."
        )
        self.discard = PushButton(
            name="discard", text="Discard", tooltip="Discard this training and everything it learned."
        )
        self.resume = row("resume", "", self.unfinished, self.go_on, self.discard)
        self.source = ComboBox(
            name="source",
            label="images",
            choices=[("the open layers", "layers"), ("a folder", "folder")],
            tooltip="Where the images and labels are.",
        )
        self.folder = FileEdit(
            name="folder",
            mode=FileDialogMode.EXISTING_DIRECTORY,
            tooltip="Folder of DRIVE, STARE, CHASE_DB1 or HRF, or of photographs with labels: images/ and "
            "labels/ in it, or eye.tif beside eye_labels.png.",
        )
        self.pairs = PairsTable()
        self.meaning = ComboBox(
            name="meaning",
            label="labels are",
            choices=[(DENSE, False), (SPARSE, True)],
            tooltip="Dense: every pixel is annotated; 0 is background. Sparse: strokes of 1 (vessel) and 2 "
            "(background) are enough; 0 is ignored in loss and scores.",
        )
        self.classes = LineEdit(
            name="classes",
            label="classes",
            value="vessel",
            tooltip="Classes, separated by commas, in the order of their label values 1, 2, ...: 'artery, "
            "vein'.",
        )
        self.inside_field = CheckBox(
            name="inside_field",
            text="only inside the field of view",
            tooltip="Train only inside the field of view: the FOV layer, or the detected one.",
        )
        self.base = ComboBox(
            name="base",
            label="start from",
            choices=_bases,
            value=checkpoint.DEFAULT,
            tooltip="The model to start from. Training from scratch takes many images and thousands of "
            "steps.",
        )
        self.trains = ComboBox(
            name="trains",
            label="trainable layers",
            choices=["all", "decoder", "head"],
            tooltip="The whole network, its decoder, or only its last layer, which needs the fewest images.",
        )
        self.steps = SpinBox(
            name="steps",
            min=1,
            max=1_000_000,
            value=300,
            tooltip="Maximum number of training steps.",
        )
        self.minutes = FloatSpinBox(
            name="minutes",
            min=0,
            max=10_000,
            step=1,
            value=10,
            tooltip="Maximum time in minutes; 0 means no limit.",
        )
        self.model_name = LineEdit(
            name="model_name", label="new name", tooltip="Name of the new model in the list of models."
        )
        self.more = CheckBox(name="more", text="more settings", tooltip="Show or hide the rarer settings.")
        self.learning_rate = FloatSpinBox(
            name="learning_rate", min=0, max=1, step=0.0001, value=5e-4,
            tooltip="Step size of the optimiser: keep it small, or the model forgets what it knows.",
        )  # fmt: skip
        self.learning_rate.native.setDecimals(6)
        self.batch = SpinBox(
            name="batch", min=0, max=256, value=4, tooltip="Number of random image crops per step."
        )
        self.crop = SpinBox(
            name="crop", min=0, max=4096, step=16, value=320,
            tooltip="Side of a crop in pixels, a multiple of 16.",
        )  # fmt: skip
        self.dropblock = FloatSpinBox(
            name="dropblock", min=0, max=1, step=0.01, value=0.05,
            tooltip="Share of each feature map that is dropped at random in a step.",
        )  # fmt: skip
        self.augmentation = ComboBox(
            name="augmentation",
            choices=list(AUGMENTATIONS),
            tooltip="How strongly the crops are changed at random.",
        )
        self.scale = ComboBox(
            name="scale",
            choices=[("the model's", "model"), ("the images'", "image")],
            tooltip="The model's: images with another field of view are resampled to the model's scale. The "
            "images': nothing is resampled; slower, but keeps fine detail.",
        )
        self.validation = FloatSpinBox(
            name="validation", min=0, max=1, step=0.05, value=0.25,
            tooltip="Share of the images used only to validate. With one image, blocks with this share of "
            "its vessels are used. 0 for none.",
        )  # fmt: skip
        self.validate_every = SpinBox(
            name="validate_every", min=0, max=100_000, value=25, label="validate every",
            tooltip="Number of steps between two validations.",
        )  # fmt: skip
        self.patience = SpinBox(
            name="patience", min=0, max=10_000, value=6,
            tooltip="Stop after this many validations without improvement; 0 for never.",
        )  # fmt: skip
        self.seed = SpinBox(name="seed", min=0, max=10**6, value=0, tooltip="Seed of the random numbers.")
        self.device = ComboBox(
            name="device",
            choices=devices.available(),
            tooltip="Device to train on; auto uses a GPU if there is one.",
        )
        self.run = PushButton(
            name="run", text="Fine-tune", tooltip=f"Train on the ticked images (Ctrl+Alt+F). {DISCLAIMER}"
        )
        self.pause = PushButton(
            name="pause", text="Pause", enabled=False, tooltip="Pause; press Resume to continue."
        )
        self.stop = PushButton(
            name="stop", text="Stop", enabled=False, tooltip="Stop and keep the best model so far."
        )
        self.buttons = row("buttons", "", self.run, self.pause, self.stop)
        self.progress = progress_bar()
        self.copy_python = PushButton(
            name="copy_python", text="Copy as Python", tooltip="Copy this training as Python code."
        )
        self.copy_command = PushButton(
            name="copy_command", text="Copy as command", tooltip="Copy this training as a command line."
        )
        self.copies = row("copies", "", self.copy_python, self.copy_command)
        self.status = Label(name="status")
        self.plot = TrainingPlot()
        self.fields: Container[Any] = Container(
            name="fields",
            widgets=[
                self.source, self.folder, self.meaning, self.classes, self.inside_field, self.base,
                self.trains, self.steps, self.minutes, self.model_name, self.more,
                *(getattr(self, name) for name in SETTINGS),
            ],
        )  # fmt: skip
        self.fields.margins = (0, 0, 4, 0)
        super().__init__(
            widgets=[self.resume, self.fields, self.buttons, self.progress, self.copies], labels=False
        )
        for field, wanted in ((self.base, preferred("model")), (self.device, preferred("device"))):
            if wanted in field.choices:
                field.value = wanted
        self._lay_out()
        self.more.changed.connect(self._fold)
        self.source.changed.connect(self._fold)
        self.meaning.changed.connect(self._suit)
        self._fold()

    def tuning(self) -> Tuning:
        """Return what the fields say."""
        same = ("trains", "steps", "learning_rate", "batch", "crop", "dropblock", "augmentation", "scale",
                "validation", "validate_every", "patience", "seed", "inside_field")  # fmt: skip
        return Tuning(
            minutes=self.minutes.value or None,
            sparse=self.meaning.value,
            classes=tuple(part.strip() for part in self.classes.value.split(",")),
            **{name: self.fields[name].value for name in same},
        )

    def base_name(self) -> str | None:
        """Name of the model to start from; None for training from scratch."""
        return None if self.base.value == FROM_SCRATCH else str(self.base.value)

    def problems(self, images: int) -> dict[str, str]:
        """Mark the fields that are wrong for so many images; say what each is and what it must be."""
        wrong = self.tuning().problems(max(1, images))
        if why := tasks.problem_of_name(str(self.model_name.value)):
            wrong["model_name"] = why
        self.marks.show(wrong)
        return {self._called(name): why for name, why in wrong.items()}

    def _called(self, name: str) -> str:
        folded = " (more settings)" if name in SETTINGS and not self.more.value else ""
        return f"{self.fields[name].label}{folded} is {self.fields[name].value!r}"

    def set_running(self, *, running: bool) -> None:
        """Switch between editing the settings and watching the training."""
        self.pause.enabled = running
        self.pause.text = "Pause"
        for field in self.marks.fields:
            field.enabled = not running
        self.pairs.native.setEnabled(not running)
        self.go_on.enabled = self.discard.enabled = not running

    def _fold(self) -> None:
        for name in SETTINGS:
            self.fields[name].visible = self.more.value
        self.folder.visible = self.source.value == "folder"

    def _suit(self) -> None:
        """Suggest what suits the labels."""
        start = STROKES if self.meaning.value else GENTLE
        for name in ("steps", "batch", "learning_rate", "validation"):
            self.fields[name].value = getattr(start, name)

    def _lay_out(self) -> None:
        named = ("source", "folder", "meaning", "classes", "inside_field", "base", "trains", "steps",
                 "minutes", "model_name", *SETTINGS)  # fmt: skip
        self.marks = Marks([self.fields[name] for name in named])
        # Settings scroll in a low window; buttons, status and plot stay visible.
        self.scroll = QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setMinimumHeight(150)
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is in it scrolls into sight by itself
        layout = self.native.layout()
        layout.removeWidget(self.fields.native)
        self.scroll.setWidget(self.fields.native)
        layout.insertWidget(1, self.scroll, 1)
        # As children of a container these would stand in half a row, beside their own names.
        self.fields.native.layout().insertWidget(2, self.pairs.native)
        self.fields.native.layout().insertWidget(3, self.pairs.note)
        layout.insertWidget(4, self.status.native)
        layout.insertWidget(5, self.plot.native)
        keep_height(self.status, 3)
        for field in (self.base, self.meaning, self.source, self.scale):
            narrow(field.native, 8)
        self.native.setMinimumWidth(340)
        # magicgui measures labels in another font than napari uses, so that fields are not aligned.
        self.fields.native.setStyleSheet("QLabel { min-width: 6em; }")


def _bases(_widget: object = None) -> list[str]:
    return [*(info.name for info in checkpoint.available()), FROM_SCRATCH]
