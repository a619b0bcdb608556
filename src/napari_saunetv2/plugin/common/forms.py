"""How the fields of a form are laid out."""

from typing import Any

from magicgui.widgets import (
    Container,
    Widget,
)
from qtpy.QtWidgets import QLabel


def align(*groups: Widget) -> None:
    """Let the fields of groups begin below each other."""
    # magicgui measures labels in another font than napari draws them in, so that nothing lines up.
    for rows in groups:
        for label in rows.native.findChildren(QLabel):
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance("m" * 7))


def group(name: str, *widgets: Widget) -> Container[Any]:
    """Put labelled widgets below each other."""
    below = Container[Any](name=name, widgets=widgets)
    below.margins = (0, 0, 0, 0)
    return below


def row(name: str, label: str, *widgets: Widget) -> Container[Any]:
    """Put widgets side by side."""
    across = Container[Any](name=name, label=label, layout="horizontal", labels=False, widgets=widgets)
    across.margins = (0, 0, 0, 0)
    return across
