"""Autosave of painted labels, which are offered again after a crash.

A copy goes when the labels were saved, or when the user does not want it. The copying is done in a
thread.
"""

import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QApplication, QMessageBox
from superqt.utils import QSignalThrottler

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.plugin.common.layers import EDITED, label_colours, spatial
from napari_saunetv2.plugin.common.roles import ROLE
from napari_saunetv2.plugin.session import edits
from napari_saunetv2.plugin.session import painted as _painted

if TYPE_CHECKING:
    import napari

WAIT = 2.0
"""Seconds from a stroke to its copy; for large labels ten times the duration of the last copy."""

LISTED = 8
"""Maximum number of layers named in the question."""


def watch(viewer: "napari.viewer.Viewer") -> "Autosave":
    """Autosave painted labels of a viewer, and offer those of earlier sessions; once per viewer."""
    itself = getattr(viewer, "__wrapped__", viewer)  # a widget gets a proxy of the viewer
    if itself not in _WATCHED:
        _WATCHED[itself] = Autosave(itself)
    return _WATCHED[itself]


def not_needed(labels: Any) -> None:
    """Note that labels were saved or discarded: their copy is not needed any more."""
    for autosave in list(_WATCHED.values()):
        autosave.forget(labels)


class Autosave(QObject):
    """The autosave copies of one viewer."""

    _wrote = Signal(float)
    _failed = Signal(str)
    _found = Signal(object)

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)  # a closed viewer must be freed
        self._session: _painted.Session | None = None
        self._claimed: list[_painted.Session] = []
        self._paths: WeakKeyDictionary[Labels, Path] = WeakKeyDictionary()
        self._replaces: WeakKeyDictionary[Labels, Path] = WeakKeyDictionary()
        self._changed: list[Labels] = []
        self._writer = ThreadPoolExecutor(1, "autosave")
        self._told = False
        self.question: QMessageBox | None = None
        self._throttler = QSignalThrottler(QSignalThrottler.EmissionPolicy.Trailing, self)
        self._throttler.setTimeout(round(WAIT * 1000))
        self._throttler.triggered.connect(self.copy_now)
        self._wrote.connect(self._adapt)
        self._failed.connect(self._tell)
        self._found.connect(self._ask)
        for layer in viewer.layers:
            self._follow(layer)
        viewer.layers.events.inserted.connect(lambda event: self._follow(event.value))
        weakref.finalize(viewer, self.close)  # when the viewer is gone, or Python exits
        self._offer()

    def copy_now(self) -> None:
        """Copy the labels painted since the last copy."""
        self._throttler.cancel()
        while self._changed:
            layer = self._changed.pop()
            path = self._path(layer)
            if path is not None:
                drawn = edits.drawn(layer)
                copy = _painted.Copy(
                    layer.name,
                    layer.data,
                    _painted.plain_place(spatial(layer)),
                    _painted.plain_metadata(layer.metadata),
                    drawn if drawn is not None and drawn.shape == layer.data.shape else None,
                )
                self._later(self._write, path, copy, self._replaces.pop(layer, None))

    def wait(self) -> None:
        """Wait until all pending copies are written."""
        self._writer.submit(int).result()

    def forget(self, labels: Any) -> None:
        """Remove the copy of labels that were saved or discarded."""
        for layer in {*self._changed, *self._paths}:  # labels painted just now have no copy yet
            if layer.data is labels:
                self._changed = [other for other in self._changed if other is not layer]
                for path in filter(None, (self._paths.pop(layer, None), self._replaces.pop(layer, None))):
                    self._later(_painted.remove, path)

    def close(self) -> None:
        """Write pending copies, and stop. Copies of unsaved labels stay, to be offered at the next start."""
        self.copy_now()
        self._writer.shutdown()
        for session in (self._session, *self._claimed):
            if session is not None:
                session.close()
        self._session, self._claimed = None, []

    def _later(self, work: Callable[..., object], *what: Any) -> None:
        try:
            self._writer.submit(work, *what)
        except RuntimeError:  # Python is exiting and starts no more threads
            work(*what)

    # What is painted

    def _follow(self, layer: Any) -> None:
        if isinstance(layer, Labels):
            layer.events.paint.connect(self._on_paint)
            layer.events.set_data.connect(self._on_refresh)  # undo paints too, without an event

    def _on_paint(self, event: Any) -> None:
        self._note(event.source)

    def _on_refresh(self, event: Any) -> None:
        if event.source in self._paths:  # unpainted labels are redrawn for other reasons
            self._note(event.source)

    def _note(self, layer: Labels) -> None:
        if not isinstance(layer.data, np.ndarray):
            return
        if not any(layer is other for other in self._changed):
            self._changed.append(layer)
        self._throttler.throttle()

    def _path(self, layer: Labels) -> Path | None:
        if self._session is not None and not self._session.stands():  # then the copy is gone
            self._session.close()
            self._session = None
            self._changed += [other for other in self._paths if other is not layer]
            self._paths.clear()
        try:
            self._session = self._session or _painted.Session.new()
        except SaunetError as error:
            self._tell(str(error))
            return None
        number = len(self._paths)
        taken = set(self._paths.values())
        while layer not in self._paths:
            path = self._session.folder / f"{number}{_painted.SUFFIX}"
            if path not in taken:
                self._paths[layer] = path
            number += 1
        return self._paths[layer]

    def _write(self, path: Path, copy: _painted.Copy, replaces: Path | None) -> None:
        begun = time.monotonic()
        try:
            # Somebody may be painting on: what is written is not to change meanwhile.
            _painted.write(path, replace(copy, labels=np.array(copy.labels)))
        except SaunetError as error:
            self._failed.emit(str(error))
            return
        if replaces is not None:
            _painted.remove(replaces)
        self._wrote.emit(time.monotonic() - begun)

    def _adapt(self, seconds: float) -> None:
        self._told = False
        self._throttler.setTimeout(round(1000 * max(WAIT, 10 * seconds)))

    def _tell(self, problem: str) -> None:
        if not self._told:  # report once, not every two seconds
            self._told = True
            show_warning(f"Your labels are not autosaved; save them yourself: {problem}")

    # Labels from earlier sessions

    def _offer(self) -> None:
        found = _painted.left_behind()
        if found:
            self._later(self._look_through, found)

    def _look_through(self, found: list[Path]) -> None:
        """Find the names of the layers, in a thread because it reads files."""
        self._found.emit({path: _name_of(path) for path in found})

    def _ask(self, left: dict[Path, str]) -> None:
        if self._viewer() is None:
            return
        found = list(left)
        box = QMessageBox(QApplication.activeWindow())
        box.setWindowTitle("Painted labels")
        box.setText(
            f"{len(found)} layer{'s' * (len(found) > 1)} of labels painted in an earlier session had not "
            "been saved with the Save button or as a Vessel mask."
        )
        box.setInformativeText(_listed(left) + "\n\nDiscard them if you saved them in another way.")
        answers: tuple[tuple[str, QMessageBox.ButtonRole, Callable[[], None]], ...] = (
            ("Open", QMessageBox.ButtonRole.AcceptRole, lambda: self._bring_back(found)),
            ("Ask again later", QMessageBox.ButtonRole.RejectRole, lambda: None),
            ("Discard", QMessageBox.ButtonRole.DestructiveRole, lambda: self._discard(found)),
        )
        for text, role, answer in answers:
            box.addButton(text, role).clicked.connect(answer)
        box.finished.connect(self._asked)
        self.question = box
        box.open()  # unlike exec it does not block

    def _asked(self) -> None:
        if self.question is not None:
            self.question.deleteLater()
            self.question = None

    def _bring_back(self, found: list[Path]) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        for path in self._own(found):
            try:
                copy = _painted.read(path)
                layer = viewer.add_labels(
                    copy.labels,
                    name=f"{copy.name} (recovered)",
                    metadata=copy.metadata,
                    **({"colormap": label_colours(copy.labels, EDITED)} if ROLE in copy.metadata else {}),
                    **copy.transform,
                )
            except (SaunetError, ValueError, TypeError) as error:
                show_warning(str(error))
                continue
            if copy.drawn is not None:
                edits.remember(layer, copy.drawn)
            self._replaces[layer] = path  # which is kept until the new copy is written
            self._note(layer)

    def _discard(self, found: list[Path]) -> None:
        for path in self._own(found):
            _painted.remove(path)

    def _own(self, found: list[Path]) -> list[Path]:
        """Claim the copies that no other napari has opened or discarded meanwhile."""
        claims = {folder: _painted.Session.claim(folder) for folder in dict.fromkeys(p.parent for p in found)}
        self._claimed += filter(None, claims.values())
        own = [path for path in found if claims[path.parent] is not None and path.exists()]
        if len(own) < len(found):
            show_info("Some of these labels were opened or discarded in another window meanwhile.")
        return own


def _name_of(path: Path) -> str:
    try:
        return _painted.read(path).name
    except SaunetError:  # reported on opening
        return path.stem


def _listed(left: dict[Path, str]) -> str:
    """List the layers and when they were painted; only the last ones if there are many."""
    lines = []
    for path, name in list(left.items())[-LISTED:]:
        with suppress(OSError):
            painted = datetime.fromtimestamp(path.stat().st_mtime)
            lines.append(f"{name}, {painted:%Y-%m-%d %H:%M}")
    return "\n".join(["..."] * (len(left) > LISTED) + lines)


_WATCHED: "WeakKeyDictionary[napari.viewer.Viewer, Autosave]" = WeakKeyDictionary()
