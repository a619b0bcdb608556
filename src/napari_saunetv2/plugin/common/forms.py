"""What several forms have: rows and groups of fields, and fields that are alike."""

from typing import Any

from magicgui.widgets import (
    Container,
    ProgressBar,
    PushButton,
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


def narrow(box: QComboBox, letters: int) -> None:
    """Let a box be narrower than its longest choice: the name of a layer may not widen the panel."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(letters)


def copy_buttons(python: str, command: str, *, enabled: bool = True) -> tuple[PushButton, PushButton]:
    """Make the buttons that copy as Python and as a command, with these tooltips."""
    return (
        PushButton(name="copy_python", text="Python", tooltip=python, enabled=enabled),
        PushButton(name="copy_command", text="command", tooltip=command, enabled=enabled),
    )


def progress_bar() -> ProgressBar:
    """Make the bar of a job, out of sight until one runs."""
    return ProgressBar(name="progress", value=0, max=1000, visible=False)
