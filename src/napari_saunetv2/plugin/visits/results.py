"""The layers of a comparison: the later photograph, the difference of the vessels, and what changed."""

from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

from napari_saunetv2.plugin.common.layers import add_beside, put, spatial
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.plugin.visits.choices import CHANGES, DIFFERENCE, REGISTERED
from napari_saunetv2.visits.comparison import BOTH, EARLIER, LATER
from napari_saunetv2.visits.drawing import DIFFERENCES, outline_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel

    from napari_saunetv2.plugin.visits.run import Compared

CLEAR = (0.0, 0.0, 0.0, 0.0)
CHOSEN = (1.0, 1.0, 1.0, 1.0)

OPACITY = {BOTH: 0.35, EARLIER: 1.0, LATER: 1.0}
"""Of the colours of a difference: vessels that did not change let the photograph through."""


class Results:
    """Up to three layers in the frame of the earlier photograph; comparing again updates them.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = viewer
        self._layers: dict[str, Layer] = {}
        self._colours: dict[int | None, tuple[float, ...]] = {}
        self.chosen = 0

    @property
    def segments(self) -> Labels | None:
        """The layer of segments, if it still exists."""
        return self._there(CHANGES)

    @property
    def registered(self) -> Image | None:
        """The layer of the later photograph, if it still exists."""
        return self._there(REGISTERED)

    def show(self, compared: "Compared", frame: Layer) -> "Iterator[None]":
        """Show a comparison in the place of a layer; yields between the steps that take napari a while."""
        name = compared.request.later.name
        self._show_registered(compared, frame, name)
        yield
        layer = self._renew(DIFFERENCE, Labels, compared.found.difference, frame, f"{name} difference")
        layer.colormap, layer.opacity = _difference_colours(), 1.0
        yield
        table = compared.found.segments
        self._colours = {None: CLEAR, 0: CLEAR} | {
            int(label): _outline(change)
            for label, change in zip(compared.ranked["label"], compared.ranked["change"], strict=True)
        }
        self.chosen = self.chosen if self.chosen in table.index else 0
        layer = self._renew(CHANGES, Labels, compared.found.labels, frame, f"{name} changes")
        layer.features, layer.contour, layer.opacity = compared.features, 2, 1.0
        self.choose(self.chosen)
        yield

    def choose(self, label: int) -> None:
        """Outline a segment in white as the chosen one, 0 for none."""
        self.chosen = label
        layer = self.segments
        if layer is not None:
            chosen = {label: CHOSEN} if label else {}
            layer.colormap = DirectLabelColormap(color_dict=self._colours | chosen)

    def remove(self) -> None:
        """Remove the layers."""
        for role in list(self._layers):
            layer = self._there(role)
            if layer is not None:
                self._viewer.layers.remove(layer)
        self.chosen = 0

    def _show_registered(self, compared: "Compared", frame: Layer, name: str) -> None:
        pixels, former = compared.registered, self.registered
        if pixels is None or (former is not None and former.rgb != (pixels.ndim == 3)):
            if former is not None:
                self._viewer.layers.remove(former)
            if pixels is None:
                return
        self._renew(REGISTERED, Image, pixels, frame, f"{name} registered")

    def _renew(self, role: str, kind: type, data: Any, frame: Layer, name: str) -> Any:
        layer = self._there(role)
        about = {ROLE: role, OF: frame.name}
        if layer is not None:
            layer.data, layer.name, layer.metadata = data, name, about
            put(layer, spatial(frame))
        else:
            looks: dict[str, Any] = {"rgb": data.ndim == 3} if kind is Image else {}
            layer = self._layers[role] = kind(data, name=name, metadata=about, **looks, **spatial(frame))
            place = self._viewer.layers.index(frame) + 1 if role == REGISTERED else None
            add_beside(self._viewer, layer, place)
        if isinstance(layer, Labels):
            layer.editable = False
            layer.selected_label = 0
            edits.remember(layer)
        return layer

    def _there(self, role: str) -> Any:
        layer = self._layers.get(role)
        return layer if layer is not None and layer in self._viewer.layers else None


def _difference_colours() -> DirectLabelColormap:
    colours: dict[int | None, tuple[float, ...]] = {None: CLEAR, 0: CLEAR}
    for code, (_, colour) in DIFFERENCES.items():
        colours[code] = (*(c / 255 for c in colour), OPACITY[code])
    return DirectLabelColormap(color_dict=colours)


def _outline(change: str) -> tuple[float, ...]:
    colour = outline_of(change)
    return CLEAR if colour is None else (*(c / 255 for c in colour), 1.0)
