"""Labels of constant height, so that the buttons around them do not move."""

from magicgui.widgets import Label, ProgressBar
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy


class Lines(QScrollArea):
    """A label with a fixed number of visible lines; longer text scrolls.

    Parameters
    ----------
    text : QLabel
    lines : int
    """

    def __init__(self, text: QLabel, lines: int) -> None:
        super().__init__()
        self._text, self._lines = text, lines
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        # As high as its lines at the current width, not at the minimum width.
        text.setMinimumSize(1, 1)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        text.setSizePolicy(policy)
        self.setWidget(text)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Height in the label's font, which napari sets later."""
        return QSize(100, self._lines * self._text.fontMetrics().lineSpacing() + 6)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """The fixed height."""
        return self.sizeHint()


def keep_height(label: Label, lines: int) -> None:
    """Show a label in a layout with a fixed number of lines."""
    text = label.native
    layout = text.parentWidget().layout()
    place = layout.indexOf(text)
    layout.removeWidget(text)
    layout.insertWidget(place, Lines(text, lines))


def keep_room(progress: ProgressBar) -> None:
    """Keep the space of a progress bar while it is hidden."""
    policy = progress.native.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    progress.native.setSizePolicy(policy)
