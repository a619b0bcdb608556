"""Notices that measured layers change: vessels under the brush, a disc or a fovea that is dragged."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from napari.layers import Layer
from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

WAIT = 100
"""Milliseconds without a change before a call: a stroke of the brush changes a layer at every move."""

EVENTS = ("data", "set_data", "labels_update", "paint", "scale", "units")
"""What layers tell when they change, be it by painting, undoing, dragging or from a program."""


class Live:
    """Calls back when one of the watched layers has changed, as soon as the brush or the mouse rests.

    Parameters
    ----------
    parent : QObject
        Owner; with it the calls end.
    soon : callable
        Called at every change, for what is quick.
    call : callable
        Called after the last of several changes.
    """

    def __init__(self, parent: QObject, soon: Callable[[], None], call: Callable[[], None]) -> None:
        self._soon = soon
        self._layers: list[ref[Layer]] = []
        self._debouncer = QSignalDebouncer(QSignalDebouncer.EmissionPolicy.Trailing, parent)
        self._debouncer.setTimeout(WAIT)
        self._debouncer.triggered.connect(call)

    def watch(self, *layers: Any) -> None:
        """Watch these layers and no others; what is no layer is left out."""
        wanted = [layer for layer in layers if isinstance(layer, Layer)]
        watched = [layer for one in self._layers if (layer := one()) is not None]
        for connect, some in (("disconnect", watched), ("connect", wanted)):
            for layer in some:
                for name in EVENTS:
                    if name in layer.events:
                        getattr(layer.events[name], connect)(self._note)
        self._layers = [ref(layer) for layer in wanted]

    def note(self) -> None:
        """Note a change of something that is no layer."""
        self._note()

    def stop(self) -> None:
        """Drop a call that is pending."""
        self._debouncer.cancel()

    def _note(self, _event: object = None) -> None:
        self._soon()
        self._debouncer.throttle()
