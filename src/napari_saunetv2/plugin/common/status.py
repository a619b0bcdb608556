"""A status line: what keeps a run from starting, or else what was said last."""

from magicgui.widgets import Label


class StatusLine:
    """Writes to a label, and knows whether an obstacle or news stands there.

    News stay until the next ones; an obstacle goes when it is gone.

    Parameters
    ----------
    label : Label
    """

    def __init__(self, label: Label) -> None:
        self._label = label
        self.obstacle = ""

    def say(self, news: str) -> None:
        """Show news; an obstacle that is still there shows again at the next :meth:`block`."""
        self._label.value = news
        self._shows_obstacle = False

    def block(self, obstacle: str, *, quietly: bool = False) -> None:
        """Note what keeps a run from starting, "" for nothing; ``quietly`` leaves the line as it is."""
        self.obstacle = obstacle
        if quietly or not (obstacle or self._shows_obstacle):
            return
        self._label.value = obstacle
        self._shows_obstacle = bool(obstacle)

    _shows_obstacle = True
