"""The pre-flight card: what a segmentation will do, kept up to date beside a living window."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.layers import Planes

if TYPE_CHECKING:
    from napari_saunetv2.inference.preflight import Preflight

AFTER = 150
"""Milliseconds after the last change: many changes at once make one card."""


class CardMaker:
    """Makes a card in a thread; while it works, only the newest of further wishes is kept.

    Parameters
    ----------
    parent : QObject
        With which it ends.
    wish : callable
        Gives what :func:`make` takes, or None where there is nothing to say.
    show : callable
        Takes the card, the words of an error, or None.
    """

    def __init__(
        self,
        parent: QObject,
        wish: Callable[[], tuple[Planes, int, int, str, dict[str, Any]] | None],
        show: "Callable[[Preflight | str | None], None]",
    ) -> None:
        self._wish, self._show = wish, show
        self._jobs = Latest(lambda error: show(str(error)))
        self._debouncer = QSignalDebouncer(parent=parent)
        self._debouncer.setTimeout(AFTER)
        self._debouncer.triggered.connect(self._make)

    def renew(self, *_: object) -> None:
        """Make a new card, soon."""
        self._debouncer.throttle()

    def abandon(self) -> None:
        """Call nobody any more."""
        self._jobs.abandon()

    def _make(self) -> None:
        wish = self._wish()
        if wish is None:
            self._jobs.forget()
            self._show(None)
        else:
            self._jobs.ask(make(*wish), self._show)


def make(
    planes: Planes, number: int, count: int, model: str, settings: dict[str, Any]
) -> "Generator[None, None, Preflight | str]":
    """Describe what ``count`` planes like the one of that number go through; an error is words."""
    yield None
    # Here, not above: the window opens while torch is still to be loaded.
    from napari_saunetv2.inference import preflight
    from napari_saunetv2.models import checkpoint

    remark = planes.remark(number)
    try:
        return preflight.describe(
            planes[number],
            checkpoint.load(model),
            planes=count,
            remarks=[remark] if remark else [],
            **settings,
        )
    except SaunetError as error:
        return str(error)
