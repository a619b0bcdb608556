"""The Browse widget: walk through the photographs of a data set, or of any folder."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_saunetv2 import datasets
from napari_saunetv2.plugin.browse.caselist import CaseList
from napari_saunetv2.plugin.browse.cases import Group, LayerData, Row
from napari_saunetv2.plugin.browse.dataset import DataSet
from napari_saunetv2.plugin.browse.form import BrowseForm
from napari_saunetv2.plugin.browse.review import Reviewing
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.questions import DROP, STAY, ask_about_edits
from napari_saunetv2.plugin.common.windows import add_shortcuts
from napari_saunetv2.plugin.session import autosave
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.plugin.session.save import Saver

if TYPE_CHECKING:
    import napari


class BrowseWidget(BrowseForm):
    """Walk through the cases of a data set or of any folder.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._group = Group(napari_viewer)
        self._rows: list[Row] = []
        self._at = -1
        self.panel = JobPanel(
            self,
            start=[self.segment_all, self.score_all, self.study],
            stop=self.stop,
            stopped="Stopping after the current step...",
            ended=self._end,
        )
        self._reading = Latest(self.panel.fail)
        self.cases = CaseList(self._go_to)
        self.native.layout().insertWidget(1, self.cases, 1)
        self.data_set = DataSet(self, self.cases, self.panel)
        self.review = Reviewing(self, self.cases, self.panel, self._group, napari_viewer)
        self._kind: DataSet | Reviewing = self.data_set
        self._saver = Saver(napari_viewer, self.native, self.panel.line.say)
        set_up(self, napari_viewer)
        self._connect()
        titles = ", ".join(one.title for one in datasets.DATASETS.values())
        self.panel.line.say(f"Choose the folder of a data set ({titles}), or of other photographs.")
        self._check()

    def _connect(self) -> None:
        self.folder.changed.connect(self._open)
        self.split.changed.connect(self._list_cases)
        self.previous.changed.connect(partial(self._step, -1))
        self.next.changed.connect(partial(self._step, 1))
        self.save.changed.connect(self._save)
        self.stop.changed.connect(self.panel.stop)
        for kind in (self.data_set, self.review):
            kind.begun.connect(self._check)
        self.review.read.connect(self._list_cases)
        self.review.went_on.connect(partial(self._step, 1))
        self.review.known.filtered.connect(self._check)
        for button, language in ((self.copy_python, "Python"), (self.copy_command, "a command")):
            button.changed.connect(partial(self._copy, language))
        self.native.destroyed.connect(self._reading.abandon)
        add_shortcuts(
            self.native,
            {
                "Ctrl+PgUp": partial(self._step, -1),
                "Ctrl+PgDown": partial(self._step, 1),
                "Ctrl+Alt+A": self.review.accept,
                "Ctrl+Alt+J": self.review.set_aside,
            },
        )

    # Folder and list

    def _open(self) -> None:
        folder = Path(str(self.folder.value))
        self._kind.close()
        any_folder = folder.is_dir() and not datasets.recognise(folder)
        self._kind = self.review if any_folder else self.data_set
        self.show_kind(any_folder=any_folder)
        self._kind.open(folder)
        self._list_cases()

    def _list_cases(self) -> None:
        self._reading.forget()
        self._at = -1
        self._rows = self._kind.rows()
        self._check()

    # Going from case to case

    def _step(self, by: int) -> None:
        at = self.cases.next_to(self._at, by)
        if at is not None:
            self.cases.go_to(at)

    def _go_to(self, at: int) -> None:
        """Read a case, unless the user wants to keep painting on the current one."""
        if at == self._at:
            return
        edited = self._group.unsaved()
        answer = ask_about_edits(self.native, [layer.name for layer in edited]) if edited else None
        if answer == STAY:
            self.cases.mark(self._at)
            return
        self._at = at
        self._kind.leave()
        row = self._rows[at]
        self.panel.line.say(f"Reading {row.name}...")
        self._reading.forget()
        may_go = edited if answer == DROP else []
        self._reading.ask(row.read(), partial(self._show_case, at, may_go))
        self._check()

    def _show_case(self, at: int, may_go: list[Labels], case: list[LayerData]) -> None:
        keep = [layer for layer in self._group.unsaved() if layer not in may_go]
        for layer in self._group.labels():
            if layer not in keep:  # it is saved, or the user discarded it
                autosave.not_needed(layer.data)
        self._group.replace(case, keep, active=self._kind.active)
        self.panel.line.say(f"{self._rows[at].name}: case {at + 1} of {len(self._rows)}.")
        self._kind.show(at)
        self._check()

    def _save(self) -> None:
        photograph, labels = self._group.photograph(), self._group.labels()
        observers = [layer for layer in labels if layer.metadata.get("role") != "fov"]
        self._saver.save(observers[0] if observers else None, photograph)

    # The rest

    def _copy(self, language: str) -> None:
        self._kind.copy(language)

    def _end(self) -> None:
        self._kind.end()
        self._check()

    def _check(self) -> None:
        self.previous.enabled = self.cases.next_to(self._at, -1) is not None
        self.next.enabled = self.cases.next_to(self._at, 1) is not None
        self.save.enabled = bool(self._rows)
        self.lock(busy=self.panel.busy)
        self._kind.check()
