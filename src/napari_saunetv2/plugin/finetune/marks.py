"""Red borders around the fields of a form that are wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from magicgui.widgets.bases import ValueWidget

BORDER = "border: 1px solid #e03131; border-radius: 3px;"


class Marks:
    """Marks fields; the tooltip of a marked one says what it must be.

    Parameters
    ----------
    fields : sequence of ValueWidget
    """

    def __init__(self, fields: Sequence[ValueWidget[Any]]) -> None:
        self.fields = list(fields)
        self._tooltips = {field.name: str(field.tooltip) for field in fields}

    def show(self, wrong: Mapping[str, str]) -> None:
        """Mark the fields of these names and no others; the values say what they must be."""
        for field in self.fields:
            why = wrong.get(field.name)
            style = BORDER if why else ""
            if field.native.styleSheet() != style:  # setting it is slow
                field.native.setStyleSheet(style)
            tooltip = self._tooltips[field.name] + (f"\n\nIt must be {why}." if why else "")
            if field.tooltip != tooltip:  # and so is this
                field.tooltip = tooltip
