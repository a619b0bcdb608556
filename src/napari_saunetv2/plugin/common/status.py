"""A status line: the obstacle to a run, or else the latest message."""

from magicgui.widgets import Label


class StatusLine:
    """Writes to a label, and tracks whether it shows an obstacle or a message.

    A message stays until the next one; an obstacle disappears when it is resolved.

    Parameters
    ----------
    label : Label
    """

    def __init__(self, label: Label) -> None:
        self._label = label
        self.obstacle = ""

    def say(self, news: str) -> None:
        """Show a message; an unresolved obstacle shows again at the next :meth:`block`."""
        self._label.value = news
        self._shows_obstacle = False

    def block(self, obstacle: str, *, quietly: bool = False) -> None:
        """Set the obstacle to a run, "" for none; ``quietly`` does not change the line."""
        self.obstacle = obstacle
        if quietly or not (obstacle or self._shows_obstacle):
            return
        self._label.value = obstacle
        self._shows_obstacle = bool(obstacle)

    _shows_obstacle = True
