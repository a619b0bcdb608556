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

from napari_saunetv2 import NO_DEVICE
from napari_saunetv2.engines import devices
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.common.forms import narrow, progress_bar, row
from napari_saunetv2.plugin.common.preferences import preferred, use_model_folder
from napari_saunetv2.plugin.common.steady import keep_height
from napari_saunetv2.plugin.finetune.marks import Marks
from napari_saunetv2.plugin.finetune.pairs_table import PairsTable
from napari_saunetv2.plugin.finetune.plot import TrainingPlot
from napari_saunetv2.training import tasks, tuning
from napari_saunetv2.training.tuning import AUGMENTATIONS, GENTLE, STROKES

FROM_SCRATCH = "none (from scratch)"

DENSE, SPARSE = "dense: all is annotated", "sparse: 1 vessel, 2 other"

SETTINGS = (
    "learning_rate", "batch", "crop", "dropblock", "augmentation", "scale", "validation", "validate_every",
    "patience", "seed", "device",
)  # fmt: skip
"""Fields that most users never touch: folded away at first."""


class FineTuneForm(Container[Any]):
    """Pairs, settings, buttons, plot and a line of text; what they do is the widget's."""

    def __init__(self) -> None:
        use_model_folder()
        self.unfinished = Label(name="unfinished", label="not done")
        self.go_on = PushButton(name="go_on", text="Go on", tooltip="Train on from where it was left.")
        self.discard = PushButton(name="discard", text="Discard", tooltip="Forget it and all it learned.")
        self.resume = row("resume", "", self.unfinished, self.go_on, self.discard)
        self.source = ComboBox(
            name="source",
            label="images",
            choices=[("the open layers", "layers"), ("a folder", "folder")],
            tooltip="Where images and labels come from.",
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
            tooltip="Dense: every pixel is annotated, 0 is background. Sparse: strokes of 1 (vessel) and 2 "
            "(background) will do, and what is 0 takes no part in loss or score.",
        )
        self.classes = LineEdit(
            name="classes",
            label="kinds",
            value="vessel",
            tooltip="Kinds of vessel, with commas, as 1, 2, ... in the labels: 'artery, vein'.",
        )
        self.inside_field = CheckBox(
            name="inside_field",
            text="only inside the field of view",
            tooltip="Only the field of view takes part: the FOV layer, or the one that is found.",
        )
        self.base = ComboBox(
            name="base",
            label="start from",
            choices=_bases,
            value=checkpoint.DEFAULT,
            tooltip="The model that learns on; from scratch takes many images and thousands of steps.",
        )
        self.trains = ComboBox(
            name="trains",
            label="what learns",
            choices=["all", "decoder", "head"],
            tooltip="All of the network; its decoder; or its last layer only, which needs least images.",
        )
        self.steps = SpinBox(
            name="steps",
            min=1,
            max=1_000_000,
            value=300,
            tooltip="It ends after so many at the latest.",
        )
        self.minutes = FloatSpinBox(
            name="minutes", min=0, max=10_000, step=1, value=10, tooltip="And after so long; 0 is no limit."
        )
        self.model_name = LineEdit(
            name="model_name", label="new name", tooltip="By which the new model is listed among the models."
        )
        self.more = CheckBox(name="more", text="more settings", tooltip="Show the settings that follow.")
        self.learning_rate = FloatSpinBox(
            name="learning_rate", min=0, max=1, step=0.0001, value=5e-4,
            tooltip="Size of a step: small, or what the model knows is lost.",
        )  # fmt: skip
        self.learning_rate.native.setDecimals(6)
        self.batch = SpinBox(
            name="batch", min=0, max=256, value=4, tooltip="Random views of the images in a step."
        )
        self.crop = SpinBox(
            name="crop", min=0, max=4096, step=16, value=320,
            tooltip="Side of a view in pixels, a multiple of 16.",
        )  # fmt: skip
        self.dropblock = FloatSpinBox(
            name="dropblock", min=0, max=1, step=0.01, value=0.05,
            tooltip="Share of the network that is switched off at random in a step.",
        )  # fmt: skip
        self.augmentation = ComboBox(
            name="augmentation", choices=list(AUGMENTATIONS), tooltip="How far the random views go."
        )
        self.scale = ComboBox(
            name="scale",
            choices=[("the model's", "model"), ("the images'", "image")],
            tooltip="The model's: images whose field of view differs are brought to the size it knows. "
            "The images': nothing is resampled; slower, for details that are lost otherwise.",
        )
        self.validation = FloatSpinBox(
            name="validation", min=0, max=1, step=0.05, value=0.25,
            tooltip="Share of the images that is kept from training, to tell whether it got better; of one "
            "image, blocks with that share of its vessels. 0 for none.",
        )  # fmt: skip
        self.validate_every = SpinBox(
            name="validate_every", min=0, max=100_000, value=25, label="validate each",
            tooltip="Steps between two validations.",
        )  # fmt: skip
        self.patience = SpinBox(
            name="patience", min=0, max=10_000, value=6,
            tooltip="It ends after so many validations without a better one; 0 for never.",
        )  # fmt: skip
        self.seed = SpinBox(name="seed", min=0, max=10**6, value=0, tooltip="Of all random draws.")
        self.device = ComboBox(
            name="device",
            choices=devices.available(),
            tooltip="Where it runs; auto takes a GPU where there is one.",
        )
        self.run = PushButton(
            name="run", text="Fine-tune", tooltip=f"Train on the ticked images (Ctrl+Alt+F). {NO_DEVICE}"
        )
        self.pause = PushButton(
            name="pause", text="Pause", enabled=False, tooltip="Let the machine rest; go on later."
        )
        self.stop = PushButton(
            name="stop", text="Stop", enabled=False, tooltip="End it, and keep the best model so far."
        )
        self.buttons = row("buttons", "", self.run, self.pause, self.stop)
        self.progress = progress_bar()
        self.copy_python = PushButton(
            name="copy_python", text="Copy as Python", tooltip="The same training as a program."
        )
        self.copy_command = PushButton(
            name="copy_command", text="Copy as command", tooltip="The same training as a command line."
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

    def settings(self) -> dict[str, Any]:
        """Give the settings as :func:`napari_saunetv2.training.tuning.settings` takes them.

        ``augmentation`` is given by name.
        """
        same = ("trains", "steps", "learning_rate", "batch", "crop", "dropblock", "augmentation", "scale",
                "validation", "validate_every", "seed", "inside_field")  # fmt: skip
        return {name: self.fields[name].value for name in same} | {
            "minutes": self.minutes.value or None,
            "patience": self.patience.value or None,
            "sparse": self.meaning.value,
            "classes": tuple(part.strip() for part in self.classes.value.split(",")),
        }

    def base_name(self) -> str | None:
        """Name of the model to start from; None from scratch."""
        return None if self.base.value == FROM_SCRATCH else str(self.base.value)

    def by_value(self) -> bool:
        """Whether the values of the labels tell more than vessel from background."""
        settings = self.settings()
        return bool(settings["sparse"]) or len(settings["classes"]) > 1

    def problems(self, images: int) -> dict[str, str]:
        """Mark the fields that are wrong for so many images; say what each is and what it must be."""
        wrong = tuning.problems(self.settings(), max(1, images))
        if why := tasks.problem_of_name(str(self.model_name.value)):
            wrong["model_name"] = why
        self.marks.show(wrong)
        return {self._called(name): why for name, why in wrong.items()}

    def _called(self, name: str) -> str:
        folded = " (more settings)" if name in SETTINGS and not self.more.value else ""
        return f"{self.fields[name].label}{folded} is {self.fields[name].value!r}"

    def set_running(self, *, running: bool) -> None:
        """Switch between a form to fill in and a training to watch."""
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
        # Settings scroll where the window is low; buttons, status and plot stay in sight.
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
        # magicgui measures labels in another font than napari draws them in, so that nothing lines up.
        self.fields.native.setStyleSheet("QLabel { min-width: 6em; }")


def _bases(_widget: object = None) -> list[str]:
    return [*(info.name for info in checkpoint.available()), FROM_SCRATCH]
