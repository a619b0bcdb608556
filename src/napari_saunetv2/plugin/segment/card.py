"""The preview of a segmentation, updated in the background."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray
from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.layers import Planes

if TYPE_CHECKING:
    from napari_saunetv2.inference.preflight import Preflight

AFTER = 150
"""Milliseconds after the last change, so that many changes make one card."""


class Wish(NamedTuple):
    """What a card is about: plane ``number`` of a stack of ``alike`` planes, and how it is segmented."""

    planes: Planes
    number: int
    alike: int
    config: InferenceConfig
    field: NDArray[Any] | None
    uncertainty: bool


class CardMaker:
    """Makes a card in a thread; meanwhile only the newest further request is kept.

    Parameters
    ----------
    parent : QObject
        With which it ends.
    wish : callable
        Gives a :class:`Wish`, or None where there is nothing to say.
    show : callable
        Takes the card, an error message, or None.
    """

    def __init__(
        self,
        parent: QObject,
        wish: Callable[[], Wish | None],
        show: "Callable[[Preflight | str | None], None]",
    ) -> None:
        self._wish, self._show = wish, show
        self._jobs = Latest(lambda error: show(str(error)))
        self._debouncer = QSignalDebouncer(parent=parent)
        self._debouncer.setTimeout(AFTER)
        self._debouncer.triggered.connect(self._make)

    def renew(self, *_: object) -> None:
        """Request a new card."""
        self._debouncer.throttle()

    def abandon(self) -> None:
        """Stop all further calls."""
        self._jobs.abandon()

    def _make(self) -> None:
        wish = self._wish()
        if wish is None:
            self._jobs.forget()
            self._show(None)
        else:
            self._jobs.ask(make(wish), self._show, self._say)

    def _say(self, words: str) -> None:
        if words:
            self._show(words)


def make(wish: Wish) -> "Generator[str, None, Preflight | str]":
    """Describe what the planes go through; an error is words, and so is what takes long before."""
    yield ""
    # Imported here because the window opens before torch is loaded.
    from napari_saunetv2.inference import first_use, preflight
    from napari_saunetv2.models import checkpoint

    remark = wish.planes.remark(wish.number)
    try:
        model = checkpoint.opened(wish.config.model)
        yield first_use.comparing(model, wish.config)
        return preflight.describe(
            wish.planes[wish.number],
            model,
            wish.config,
            wish.field,
            planes=wish.alike,
            uncertainty=wish.uncertainty,
            remarks=[remark] if remark else [],
        )
    except SaunetError as error:
        return str(error)
