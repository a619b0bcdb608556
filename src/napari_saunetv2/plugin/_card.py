"""The pre-flight card: what a segmentation will do, kept up to date beside a living window."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin._jobs import Job
from napari_saunetv2.plugin._layers import Planes

if TYPE_CHECKING:
    from napari_saunetv2.preflight import Preflight

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
        self._job: Job | None = None
        self._again = False
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._make)

    def renew(self, *_: object) -> None:
        """Make a new card, soon."""
        self._timer.start(AFTER)

    def abandon(self) -> None:
        """Call nobody any more."""
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _make(self) -> None:
        if self._job is not None:
            self._again = True
            return
        wish = self._wish()
        if wish is None:
            self._show(None)
            return
        self._job = Job(
            make(*wish),
            progress=lambda _: None,
            done=self._show,
            failed=lambda error: self._show(str(error)),
            finished=self._end,
        )
        self._job.start()

    def _end(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self.renew()


def make(
    planes: Planes, number: int, count: int, model: str, settings: dict[str, Any]
) -> "Generator[None, None, Preflight | str]":
    """Describe what ``count`` planes like the one of that number go through; an error is words."""
    yield None
    # Here, not above: the window opens while torch is still to be loaded.
    from napari_saunetv2 import checkpoint, preflight

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
