"""A click on a vessel in the canvas chooses its segment."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from napari.layers import Labels

if TYPE_CHECKING:
    from napari.components import ViewerModel

LOOKING = ("pan_zoom", "pick")
"""Modes of a layer in which a click changes nothing."""


class Picking:
    """Watches the clicks in a viewer.

    Parameters
    ----------
    viewer : ViewerModel
    segments : callable
        Returns the layer of segments, None where there is none. A bound method, which is held weakly.
    call : callable
        Called with the number of the segment that was clicked. A bound method, which is held weakly.
    """

    def __init__(
        self, viewer: "ViewerModel", segments: Callable[[], Labels | None], call: Callable[[int], None]
    ) -> None:
        self._viewer = viewer
        self._segments, self._call = WeakMethod(segments), WeakMethod(call)
        viewer.mouse_drag_callbacks.append(self._watch)

    def stop(self) -> None:
        """Watch no longer."""
        if self._watch in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._watch)

    def _watch(self, viewer: "ViewerModel", event: Any) -> Generator[None, None, None]:
        position = event.position
        yield
        while event.type == "mouse_move":  # a drag moves the picture
            if any(abs(a - b) > 1e-6 for a, b in zip(position, event.position, strict=False)):
                return
            yield
        segments, call = self._segments(), self._call()
        layer = None if segments is None else segments()
        active = viewer.layers.selection.active
        if layer is None or call is None or not layer.visible:
            return
        if active is not None and active.mode not in LOOKING:
            return
        value = layer.get_value(
            position, view_direction=event.view_direction, dims_displayed=event.dims_displayed, world=True
        )
        if value:
            call(int(value))
