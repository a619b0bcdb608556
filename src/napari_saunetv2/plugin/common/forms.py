"""What several forms have: rows and groups of fields, and fields that are alike."""

from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FileEdit,
    FloatSlider,
    FloatSpinBox,
    ProgressBar,
    PushButton,
    SpinBox,
    Widget,
)
from qtpy.QtWidgets import QComboBox, QLabel


def align(*groups: Widget) -> None:
    """Align the fields of several groups."""
    # magicgui measures labels in another font than napari uses, so that fields are not aligned.
    for rows in groups:
        for label in rows.native.findChildren(QLabel):
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance("m" * 7))


def group(name: str, *widgets: Widget) -> Container[Any]:
    """Stack labelled widgets vertically."""
    below = Container[Any](name=name, widgets=widgets)
    below.margins = (0, 0, 0, 0)
    return below


def row(name: str, label: str, *widgets: Widget) -> Container[Any]:
    """Put widgets side by side."""
    across = Container[Any](name=name, label=label, layout="horizontal", labels=False, widgets=widgets)
    across.margins = (0, 0, 0, 0)
    return across


def button(name: str, text: str, tooltip: str, *, enabled: bool = True) -> PushButton:
    """Make a button."""
    return PushButton(name=name, text=text, tooltip=tooltip, enabled=enabled)


def choice(name: str, choices: Any, tooltip: str, label: str | None = None) -> ComboBox:
    """Make a box with choices, as magicgui takes them; its label is its name by default."""
    return ComboBox(name=name, choices=choices, tooltip=tooltip, label=label)


def tick(name: str, text: str, tooltip: str, *, value: bool = False) -> CheckBox:
    """Make a check box."""
    return CheckBox(name=name, text=text, tooltip=tooltip, value=value)


def number(name: str, tooltip: str, most: int, value: int = 0, *, step: int = 1) -> SpinBox:
    """Make a field for a whole number from 0."""
    return SpinBox(name=name, max=most, step=step, value=value, tooltip=tooltip)


def decimal(name: str, tooltip: str, most: float, value: float, step: float) -> FloatSpinBox:
    """Make a field for a number from 0."""
    return FloatSpinBox(name=name, max=most, step=step, value=value, tooltip=tooltip)


def folder_field(name: str, tooltip: str, label: str | None = None) -> FileEdit:
    """Make a field for a folder; its label is its name by default."""
    return FileEdit(name=name, mode=FileDialogMode.EXISTING_DIRECTORY, tooltip=tooltip, label=label)


def threshold_slider(more: str) -> FloatSlider:
    """Make the slider of a threshold; its tooltip ends with ``more``."""
    tooltip = f"Pixels with at least this probability are vessel; {more}"
    return FloatSlider(name="threshold", min=0.01, max=0.99, step=0.01, value=0.5, tooltip=tooltip)


def narrow(box: QComboBox, letters: int) -> None:
    """Let a box be narrower than its longest choice: the name of a layer may not widen the panel."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(letters)


def copy_buttons(python: str, command: str, *, enabled: bool = True) -> tuple[PushButton, PushButton]:
    """Make the buttons that copy as Python and as a command, with these tooltips."""
    return (
        button("copy_python", "Python", python, enabled=enabled),
        button("copy_command", "command", command, enabled=enabled),
    )


def export_button(*, enabled: bool = True) -> PushButton:
    """Make the button whose menu writes for another program."""
    return button(
        "export", "Export", "Write what is shown for ImageJ, QuPath, OME, DICOM or Excel.", enabled=enabled
    )


def progress_bar() -> ProgressBar:
    """Make the bar of a job, out of sight until one runs."""
    return ProgressBar(name="progress", value=0, max=1000, visible=False)
