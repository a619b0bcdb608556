"""The fields of the Fine-tune widget."""

from typing import Any

from magicgui.widgets import Container, Label, LineEdit
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.engines import devices
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.common.forms import (
    button,
    choice,
    decimal,
    folder_field,
    narrow,
    number,
    progress_bar,
    row,
    tick,
)
from napari_saunetv2.plugin.common.preferences import preferred, use_model_folder
from napari_saunetv2.plugin.common.steady import keep_height
from napari_saunetv2.plugin.finetune.marks import Marks
from napari_saunetv2.plugin.finetune.pairs_table import PairsTable
from napari_saunetv2.plugin.finetune.plot import TrainingPlot
from napari_saunetv2.training import Tuning, tasks
from napari_saunetv2.training.tuning import AUGMENTATIONS, GENTLE, STROKES

FROM_SCRATCH = "none (from scratch)"

DENSE, SPARSE = "dense: every pixel annotated", "sparse: 1 vessel, 2 background"

_COMMON = (
    "source", "folder", "meaning", "classes", "inside_field", "base", "trains", "steps", "minutes",
    "model_name",
)  # fmt: skip
"""Fields that are always shown."""

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
        self.go_on = button("go_on", "Resume", "Continue the training where it stopped.")
        self.discard = button("discard", "Discard", "Discard this training and everything it learned.")
        self.resume = row("resume", "", self.unfinished, self.go_on, self.discard)
        self.source = choice(
            "source",
            [("the open layers", "layers"), ("a folder", "folder")],
            "Where the images and labels are.",
            "images",
        )
        self.folder = folder_field(
            "folder",
            "Folder of DRIVE, STARE, CHASE_DB1 or HRF, or of photographs with labels: images/ and "
            "labels/ in it, or eye.tif beside eye_labels.png.",
        )
        self.pairs = PairsTable()
        self.meaning = choice(
            "meaning",
            [(DENSE, False), (SPARSE, True)],
            "Dense: every pixel is annotated; 0 is background. Sparse: strokes of 1 (vessel) and 2 "
            "(background) are enough; 0 is ignored in loss and scores.",
            "labels are",
        )
        self.classes = LineEdit(
            name="classes",
            label="classes",
            value="vessel",
            tooltip="Classes, separated by commas, in the order of their label values 1, 2, ...: 'artery, "
            "vein'; of these, 3 is both and 4 a vessel of unknown class.",
        )
        self.inside_field = tick(
            "inside_field",
            "only inside the field of view",
            "Train only inside the field of view: the FOV layer, or the detected one.",
        )
        self.base = choice(
            "base",
            _bases,
            "The model to start from. Training from scratch takes many images and thousands of steps.",
            "start from",
        )
        self.base.value = checkpoint.DEFAULT
        self.trains = choice(
            "trains",
            ["all", "decoder", "head"],
            "The whole network, its decoder, or only its last layer, which needs the fewest images.",
            "trainable layers",
        )
        self.steps = number("steps", "Maximum number of training steps.", 1_000_000, 300)
        self.minutes = decimal("minutes", "Maximum time in minutes; 0 means no limit.", 10_000, 10, 1)
        self.model_name = LineEdit(
            name="model_name", label="new name", tooltip="Name of the new model in the list of models."
        )
        self.more = tick("more", "more settings", "Show or hide the rarer settings.")
        self.learning_rate = decimal(
            "learning_rate",
            "Step size of the optimiser: keep it small, or the model forgets what it knows.",
            *(1, 5e-4, 0.0001),
        )
        self.learning_rate.native.setDecimals(6)
        self.batch = number("batch", "Number of random image crops per step.", 256, 4)
        self.crop = number("crop", "Side of a crop in pixels, a multiple of 16.", 4096, 320, step=16)
        self.dropblock = decimal(
            "dropblock", "Share of each feature map that is dropped at random in a step.", 1, 0.05, 0.01
        )
        self.augmentation = choice(
            "augmentation", list(AUGMENTATIONS), "How strongly the crops are changed at random."
        )
        self.scale = choice(
            "scale",
            [("the model's", "model"), ("the images'", "image")],
            "The model's: images with another field of view are resampled to the model's scale. The "
            "images': nothing is resampled; slower, but keeps fine detail.",
        )
        self.validation = decimal(
            "validation",
            "Share of the images used only to validate. With one image, blocks with this share of its "
            "vessels are used. 0 for none.",
            *(1, 0.25, 0.05),
        )
        self.validate_every = number("validate_every", "Steps between two validations.", 100_000, 25)
        self.patience = number(
            "patience", "Stop after this many validations without improvement; 0 for never.", 10_000, 6
        )
        self.seed = number("seed", "Seed of the random numbers.", 10**6)
        self.device = choice(
            "device", devices.available(), "Device to train on; auto uses a GPU if there is one."
        )
        self.run = button("run", "Fine-tune", f"Train on the ticked images (Ctrl+Alt+F). {DISCLAIMER}")
        self.pause = button("pause", "Pause", "Pause; press Resume to continue.", enabled=False)
        self.stop = button("stop", "Stop", "Stop and keep the best model so far.", enabled=False)
        self.buttons = row("buttons", "", self.run, self.pause, self.stop)
        self.progress = progress_bar()
        self.copy_python = button("copy_python", "Copy as Python", "Copy this training as Python code.")
        self.copy_command = button("copy_command", "Copy as command", "Copy this training as a command line.")
        self.copies = row("copies", "", self.copy_python, self.copy_command)
        self.status = Label(name="status")
        self.plot = TrainingPlot()
        self.fields: Container[Any] = Container(
            name="fields",
            widgets=[getattr(self, name) for name in (*_COMMON, "more", *SETTINGS)],
        )
        self.fields.margins = (0, 0, 4, 0)
        super().__init__(
            widgets=[self.resume, self.fields, self.buttons, self.progress, self.copies], labels=False
        )
        self._base_classes = self.classes.value
        self.base.changed.connect(self._take_classes)
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

    def _take_classes(self) -> None:
        """Suggest the classes of the base, unless others were typed in."""
        if self.base_name() is not None and self.classes.value == self._base_classes:
            known = {info.name: info.header.classes for info in checkpoint.available()}
            self._base_classes = self.classes.value = ", ".join(known.get(self.base.value, ("vessel",)))

    def _lay_out(self) -> None:
        self.marks = Marks([self.fields[name] for name in (*_COMMON, *SETTINGS)])
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
