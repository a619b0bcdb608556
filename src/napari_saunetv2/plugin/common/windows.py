"""Window helpers: panel tabs, shortcuts, clipboard, error notifications."""

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
    """Register shortcuts in the panel's window, as long as the panel exists.

    Each panel has its own shortcuts: a key used by two panels of a window would do nothing.
    """
    for keys, action in actions.items():
        shortcut = QShortcut(QKeySequence(keys), panel)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(action)


def lie_together(panel: QWidget) -> None:
    """Put a panel into one dock with the plugin's other panels, as tabs, once it is in a window.

    napari stacks panels vertically: two of them would make its window higher than a laptop's screen.
    """
    panel.setProperty(_OURS, True)
    windows = (one for one in QApplication.topLevelWidgets() if isinstance(one, QMainWindow))
    heights = WeakKeyDictionary((one, one.height()) for one in windows)
    timer = QTimer(panel)  # by the first event loop turn napari has docked the panel
    timer.setSingleShot(True)
    timer.timeout.connect(partial(_put_behind_tabs, ref(panel), heights))
    timer.timeout.connect(timer.deleteLater)
    timer.start(0)


def _put_behind_tabs(waiting: "ref[QWidget]", heights: Mapping[QMainWindow, int]) -> None:
    panel = waiting()  # a pending call must not keep a closed window alive
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
                    layout.activate()  # because the window grew to hold both
                window.resize(window.width(), heights.get(window, window.height()))
            own.raise_()
            return


def tab_as_seen(panel: QWidget) -> None:
    """Make Tab go through the fields of a panel row by row.

    Qt uses the order of creation, which differs if fields were inserted later.
    """
    for one, other in pairwise(_fields(panel)):
        QWidget.setTabOrder(one, other)


def _fields(widget: Any) -> Iterator[QWidget]:
    """Yield the widgets that Tab can reach, in layout order."""
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
    """Copy text to the clipboard."""
    QGuiApplication.clipboard().setText(text)


def tell(error: Exception) -> str:
    """Notify the user of a failure, and return the text for the status line.

    Unexpected errors are shown with their traceback.
    """
    if isinstance(error, SaunetError):
        show_error(str(error))
        return str(error)
    notification_manager.receive_error(type(error), error, error.__traceback__)
    return f"Failed: {error}"


def choose_in_segment(viewer: "napari.viewer.Viewer", name: str) -> None:
    """Select a new model in every Segment widget of this window."""
    # If it is not imported, none is open, and importing it here would freeze the window.
    segment = sys.modules.get("napari_saunetv2.plugin.segment.widget")
    for widget in viewer.window.dock_widgets.values():
        if segment is not None and isinstance(widget, segment.SegmentWidget):
            widget.model.reset_choices()
            widget.model.value = name
