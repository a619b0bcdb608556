"""Small things of the window: where panels lie, shortcuts, the clipboard, how failures are told."""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from napari.utils.notifications import notification_manager, show_error
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QGuiApplication, QKeySequence
from qtpy.QtWidgets import (  # type: ignore[attr-defined]
    QApplication,
    QDockWidget,
    QMainWindow,
    QScrollArea,
    QShortcut,
    QTabWidget,
    QWidget,
)

from napari_saunetv2.errors import SaunetError

if TYPE_CHECKING:
    import napari

_OURS = "saunetv2 panel"


def add_shortcuts(panel: QWidget, actions: Mapping[str, Callable[[], object]]) -> None:
    """Let keys act anywhere in the panel's window, as long as the panel lives.

    Each panel has its own: keys that two panels of a window take do nothing in either.
    """
    for keys, action in actions.items():
        shortcut = QShortcut(QKeySequence(keys), panel)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(action)


def lie_together(panel: QWidget) -> None:
    """Lay a panel into one place with our others, each behind its tab, once it is in a window.

    napari puts panels below each other: two of ours would make its window higher than a laptop's screen.
    """
    panel.setProperty(_OURS, True)
    windows = (one for one in QApplication.topLevelWidgets() if isinstance(one, QMainWindow))
    heights = WeakKeyDictionary((one, one.height()) for one in windows)
    timer = QTimer(panel)  # by its first turn napari has put the panel where it wants it
    timer.setSingleShot(True)
    timer.timeout.connect(partial(_put_behind_tabs, ref(panel), heights))
    timer.timeout.connect(timer.deleteLater)
    timer.start(0)


def _put_behind_tabs(waiting: "ref[QWidget]", heights: Mapping[QMainWindow, int]) -> None:
    panel = waiting()  # what waits for its turn may hold no window that is closed before
    window = panel.window() if panel is not None else None
    if panel is None or not isinstance(window, QMainWindow):
        return
    docks = [
        dock for dock in window.findChildren(QDockWidget) if not dock.isFloating() and not dock.isHidden()
    ]
    own = next((dock for dock in docks if dock.isAncestorOf(panel)), None)
    if own is None:
        return
    for dock in docks:
        beside = window.dockWidgetArea(dock) == window.dockWidgetArea(own)
        if dock is not own and beside and any(w.property(_OURS) for w in dock.findChildren(QWidget)):
            if own not in window.tabifiedDockWidgets(dock):
                window.tabifyDockWidget(dock, own)
                layout = window.layout()
                if layout is not None:
                    layout.activate()  # for the window grew, to hold both
                window.resize(window.width(), heights.get(window, window.height()))
            own.raise_()
            return


def tab_as_seen(panel: QWidget) -> None:
    """Let Tab go through the fields of a panel as the eye does, row by row.

    Qt goes by the order in which they were made, which is another one where some were put in later.
    """
    for one, other in pairwise(_fields(panel)):
        QWidget.setTabOrder(one, other)


def _fields(widget: Any) -> Iterator[QWidget]:
    """Give the widgets that Tab can reach, as their layouts have them."""
    if isinstance(widget, QTabWidget):
        inside = [widget.tabBar(), *(widget.widget(number) for number in range(widget.count()))]
    elif isinstance(widget, QScrollArea) and widget.widget() is not None:  # neither a table nor a plot
        inside = [widget.widget()]
    else:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield widget
        inside = list(_laid_out(widget.layout()))
    for one in inside:
        yield from _fields(one)


def _laid_out(layout: Any) -> Iterator[Any]:
    for number in range(0 if layout is None else layout.count()):
        item = layout.itemAt(number)
        if item.widget() is not None:
            yield item.widget()
        else:
            yield from _laid_out(item.layout())


def copy_text(text: str) -> None:
    """Put text into the clipboard."""
    QGuiApplication.clipboard().setText(text)


def tell(error: Exception) -> str:
    """Notify the user of a failure, and return what a status line says of it.

    What nobody foresaw is shown with its traceback.
    """
    if isinstance(error, SaunetError):
        show_error(str(error))
        return str(error)
    notification_manager.receive_error(type(error), error, error.__traceback__)
    return f"Failed: {error}"


def choose_in_segment(viewer: "napari.viewer.Viewer", name: str) -> None:
    """Choose a new model wherever vessels are segmented in this window."""
    # Where nobody imported it none is open, and to import it here would hold up the window.
    segment = sys.modules.get("napari_saunetv2.plugin.segment.widget")
    for widget in viewer.window.dock_widgets.values():
        if segment is not None and isinstance(widget, segment.SegmentWidget):
            widget.model.reset_choices()
            widget.model.value = name
