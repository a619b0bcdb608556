"""The menu of a button that writes what is shown for another program: one line a format."""

from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.exchange.formats import FORMATS, missing
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.questions import ask_to_replace

Work = Generator[float, None, str]
"""Writes a file: yields the share done, returns what to tell the user."""


class Line(NamedTuple):
    """A line of the menu: its text, the ending of its files, and the package that it needs, or ""."""

    title: str
    ending: str
    needs: str = ""


FORMAT_LINES = {key: Line(one.title, one.ending, one.needs) for key, one in FORMATS.items()}


class ExportMenu(QMenu):
    """Menu of formats; asks for a file, and writes it in a job.

    Parameters
    ----------
    parent : QWidget
    lines : mapping of str to Line
        By the name of the format.
    panel : JobPanel
    propose : callable
        Returns the folder and the beginning of a file's name; raises SaunetError where there is none.
    work : callable
        Takes the format and the file, which may be replaced, and returns the job; raises SaunetError.
    """

    def __init__(
        self,
        parent: QWidget,
        lines: Mapping[str, Line],
        panel: JobPanel,
        propose: Callable[[], Path],
        work: Callable[[str, Path], Work],
    ) -> None:
        super().__init__(parent)
        self._parent, self._panel, self._propose, self._work = parent, panel, propose, work
        for key, line in lines.items():
            self.addAction(f"{line.title}...", partial(self._export, key, line)).setObjectName(key)

    def _export(self, key: str, line: Line) -> None:
        if self._panel.busy:
            self._panel.line.say("Wait for the end of the run, or cancel it; then export.")
            return
        if lacking := missing(line.needs):
            self._panel.line.say(lacking)
            return
        try:
            target = self._ask(line)
            if target is None:
                return
            work = self._work(key, target)
        except SaunetError as error:
            self._panel.line.say(str(error))
            return
        say, show = self._panel.line.say, self._panel.show
        self._panel.run(work, f"Writing {target.name}...", progress=show, done=say)

    def _ask(self, line: Line) -> Path | None:
        start, suffix = self._propose(), Path(line.ending).suffix
        proposal = str(start.with_name(f"{start.name}_{line.ending}"))
        kinds = f"{line.title.partition(' (')[0]} (*{suffix})"
        chosen, _ = QFileDialog.getSaveFileName(self._parent, f"Export: {line.title}", proposal, kinds)
        if not chosen:
            return None
        target = Path(chosen)
        if target.suffix.lower() == suffix:
            return target  # the dialog has already asked
        target = target.with_name(f"{target.name}{suffix}")
        if target.exists() and ask_to_replace(self._parent, target) != "replace":
            return None
        return target


def written(target: Path, *remarks: str) -> str:
    """Say what was written and where, and what a user should know of it."""
    return " ".join([f"Written {target.name} in {target.parent}.", *remarks])
