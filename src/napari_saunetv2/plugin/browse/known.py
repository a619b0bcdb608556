"""What is known of the photographs of a list: quality, work and review, and which rows these show."""

from functools import partial

from psygnal import Signal

from napari_saunetv2.batch.looks import Look, looks
from napari_saunetv2.plugin.browse.caselist import CaseList
from napari_saunetv2.plugin.browse.form import BrowseForm
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.progress import gathered
from napari_saunetv2.study.filters import ALL, ANY, Wanted
from napari_saunetv2.study.review import Source, Status, Survey, statuses

COLUMNS = ("case", "patient", "eye", "date", "quality", "done", "review")
"""Of the list."""

_QUALITY, _WORK, _REVIEW = (COLUMNS.index(name) for name in COLUMNS[4:])


class Known:
    """Finds out, in the background, how good photographs are and where they stand, and shows it.

    Parameters
    ----------
    form : BrowseForm
        Its filters.
    listed : CaseList
    panel : JobPanel

    Attributes
    ----------
    filtered : Signal
        Other rows are shown.
    """

    filtered = Signal()

    def __init__(self, form: BrowseForm, listed: CaseList, panel: JobPanel) -> None:
        self._form, self._list = form, listed
        self._names: list[str] = []
        self._looks: list[Look] = []
        self._shown_looks = 0
        self._statuses: dict[int, Status] = {}
        self._at = -1
        self._jobs = Latest(panel.fail), Latest(panel.fail)
        for job in self._jobs:
            form.native.destroyed.connect(job.abandon)
        for field in (form.quality, form.reviewed):
            field.changed.connect(self.filter)

    def fill(self, found: Survey, source: Source) -> None:
        """Fill the list, and begin to find out."""
        self.forget()
        cases = found.cohort.cases
        self._names = [case.name for case in cases]
        rows = [(c.name, c.patient or "-", c.eye or "-", c.date or "-", "", "", "") for c in cases]
        self._list.fill(COLUMNS, rows)
        seen: list[Status] = []
        show = partial(self._show_statuses, seen)
        self._jobs[0].ask(gathered(statuses(source.layout, found.names), seen), show, show)
        self._looks = []
        work = gathered(looks([case.file for case in cases]), self._looks)
        self._jobs[1].ask(work, self._show_looks, self._show_looks)

    def forget(self) -> None:
        """Empty the list, and stop finding out."""
        for job in self._jobs:
            job.forget()
        self._names, self._looks, self._shown_looks, self._statuses, self._at = [], [], 0, {}, -1
        self._list.fill(COLUMNS, [])

    def __len__(self) -> int:
        return len(self._names)

    def status(self, row: int) -> Status | None:
        """Where a photograph stands; None where it is not known yet."""
        return self._statuses.get(row)

    def put(self, row: int, found: Status) -> None:
        """Show where a photograph stands."""
        self._statuses[row] = found
        self._list.put(row, _WORK, found.work, found.error)
        self._list.put(row, _REVIEW, (found.verdict + ", changed since" * found.changed) or "-")

    def stay_at(self, row: int) -> None:
        """Keep a row in the list, whatever the filters say: its case is open."""
        self._at = row
        self.filter()

    def filter(self) -> None:
        """Show the rows that are wanted, and that of the case that is open."""
        wanted = Wanted(self._form.quality.value, self._form.reviewed.value)
        for row in range(len(self._names)):
            look = self._looks[row] if row < self._shown_looks else None
            shown = row == self._at or wanted.holds(look, self._statuses.get(row))
            self._list.setRowHidden(row, not shown)
        self.filtered.emit()

    def _show_looks(self, count: int) -> None:
        for row in range(self._shown_looks, count):
            look = self._looks[row]
            if look.picture is not None:
                self._list.show_thumbnails({self._names[row]: look.picture})
            text = "-" if look.score is None else f"{look.score:.2f}"
            self._list.put(row, _QUALITY, text, look.error or look.note)
        self._shown_looks = count
        if self._form.quality.value != ANY:
            self.filter()

    def _show_statuses(self, seen: list[Status], count: int) -> None:
        for row in range(count):
            if row not in self._statuses:  # what was said meanwhile is newer
                self.put(row, seen[row])
        if self._form.reviewed.value != ALL:
            self.filter()
