"""A line of text that keeps its height, so that the buttons around it do not move when it grows."""

from magicgui.widgets import Label, ProgressBar
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy


class Lines(QScrollArea):
    """As many lines of a label as are wanted; what is longer is scrolled.

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
        # As high as its lines are at the width that there is, not at the least width it could have.
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
        """Of the font that the label is drawn in, which napari sets later."""
        return QSize(100, self._lines * self._text.fontMetrics().lineSpacing() + 6)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As high as it is meant to be."""
        return self.sizeHint()


def keep_height(label: Label, lines: int) -> None:
    """Show a label that lies in a layout as so many lines, whatever it says."""
    text = label.native
    layout = text.parentWidget().layout()
    place = layout.indexOf(text)
    layout.removeWidget(text)
    layout.insertWidget(place, Lines(text, lines))


def keep_room(progress: ProgressBar) -> None:
    """Keep the place of a progress bar while it is hidden."""
    policy = progress.native.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    progress.native.setSizePolicy(policy)
