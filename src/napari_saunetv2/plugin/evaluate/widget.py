"""The Evaluate widget: compare predictions with reference labels."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2 import evaluation
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.evaluation import Miss
from napari_saunetv2.files import write_beside
from napari_saunetv2.plugin.common.camera import look_closely_at
from napari_saunetv2.plugin.common.marker import Marker
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.windows import add_shortcuts, copy_text
from napari_saunetv2.plugin.evaluate import choices, summary
from napari_saunetv2.plugin.evaluate.drawn import threshold_of
from napari_saunetv2.plugin.evaluate.form import NONE, EvaluateForm
from napari_saunetv2.plugin.evaluate.overlays import Overlays
from napari_saunetv2.plugin.evaluate.pair import PredictionPair, as_python
from napari_saunetv2.plugin.evaluate.pairing import pairs
from napari_saunetv2.plugin.evaluate.scoring import Examined, examine, export
from napari_saunetv2.plugin.evaluate.summary import MEAN, Summary
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.training import tasks

if TYPE_CHECKING:
    import napari

CLOSE = 4.0
"""Minimum zoom, in screen pixels per image pixel, when the camera goes to a missed vessel."""


class EvaluateWidget(EvaluateForm):
    """Score predictions against an observer's labels.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._found: list[Examined] = []
        self._overlays = Overlays(napari_viewer)
        self._marker = Marker(napari_viewer, "missed vessel")
        self._threshold_by_hand = False
        super().__init__(
            lambda _: choices.predictions(napari_viewer),
            lambda _: choices.truths(napari_viewer),
            lambda _: choices.masks(napari_viewer),
        )
        self.panel = JobPanel(
            self,
            start=[self.run],
            stop=self.cancel,
            stopped="Stopped; nothing was changed.",
            obstacle=self._obstacle,
            ended=self._check,
        )
        self.fov.value = NONE
        set_up(self, napari_viewer)
        self._connect()
        self._layers_changed()

    def _connect(self) -> None:
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self.panel.stop)
        self.image.changed.connect(self._show)
        self.save.changed.connect(self._save_as)
        self.copy_python.changed.connect(self._copy_python)
        self.copy_command.changed.connect(self._copy_command)
        self.misses.go = self._go_to
        self.prediction.changed.connect(partial(self._note_threshold, False))
        self.threshold.changed.connect(partial(self._note_threshold, True))
        for field in (self.prediction, self.truth, self.second, self.fov):
            field.changed.connect(self._check)
        layers = self._viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        add_shortcuts(self.native, {"Ctrl+Alt+E": self._start})

    # What the user does

    def _start(self) -> None:
        if self._check():
            work = examine(self._pairs())
            self.panel.run(work, "Scoring...", progress=self.panel.show, done=self._show_result)

    def _save_as(self) -> None:
        target, _ = QFileDialog.getSaveFileName(self.native, "Save the scores", "scores.csv", "CSV (*.csv)")
        if target:
            self.save_csv(Path(target))

    def save_csv(self, target: Path) -> None:
        """Write the current table; an existing file is replaced."""
        second = [x.second for x in self._found if x.second is not None]
        text = evaluation.as_csv([x.score for x in self._found], second)
        try:
            write_beside(target, lambda file: file.write(text.encode()), overwrite=True)
        except SaunetError as error:
            show_error(str(error))
        else:
            self.panel.line.say(f"Written {target.name}.")

    def as_python(self) -> str:
        """Python code for napari's console that prints the scores again."""
        return as_python(dict.fromkeys(x.pair for x in self._found))

    def _copy_python(self) -> None:
        copy_text(self.as_python())
        self.panel.line.say("Copied as Python; paste it into napari's console.")

    def _copy_command(self) -> None:
        """Write the compared layers to files, and copy the command that scores them."""
        if not self.panel.busy:
            work = export(list(dict.fromkeys(x.pair for x in self._found)), tasks.copies())
            self.panel.run(work, done=self._put, visible=False)

    def _put(self, command: str) -> None:
        copy_text(command)
        self.panel.line.say("Copied as a command; the layers are saved in the folder it names.")

    def _go_to(self, name: str, miss: Miss) -> None:
        """Move the camera to a missed vessel."""
        found = next((x for x in self._found if x.score.name == name), None)
        if found is None or found.pair.layer not in self._viewer.layers:
            self.panel.line.say("The layer of that missed vessel was removed.")
            return
        layer = found.pair.layer
        look_closely_at(self._viewer, layer, (*found.index, miss.row, miss.column), CLOSE)
        self._marker.show_miss(layer, found.index, miss)

    # What the job says

    def _show_result(self, found: list[Examined]) -> None:
        self._found = found
        self.names = summary.names(found)
        self.image.reset_choices()
        self.image.value, self.image.visible = self.names[0], MEAN in self.names
        self._show()
        self._marker.remove()
        self._overlays.show(self._found)
        self.save.enabled = self.copy_python.enabled = self.copy_command.enabled = True
        self.panel.line.say(summary.sentence(found))
        self.status.tooltip = "\n".join(summary.remarks(found))

    def _show(self) -> None:
        """Show the mean, or one image, in all views."""
        some = [x for x in self._found if self.image.value in (MEAN, x.score.name)]
        if not some:
            return
        shown = Summary.of(some)
        self.table.show_scores(shown.columns)
        self.curve.show_curve(shown.curve, shown.points)
        self.misses.show_misses(shown.misses, named=shown.several)
        self.views.setTabText(2, f"Missed ({len(shown.misses)})")

    # What the choices are

    def _pairs(self) -> list[PredictionPair]:
        return pairs(
            list(self._viewer.layers),
            self.prediction.value,
            self.truth.value,
            second=self.second.value,
            fov=self.fov.value,
            threshold=self.threshold.value,
        )

    def _layers_changed(self) -> None:
        for field in (self.prediction, self.truth, self.second, self.fov):
            field.reset_choices()
        self._choose()
        self._check()

    def _choose(self) -> None:
        """If nothing is chosen, choose the most likely layers."""
        if not self.prediction.value:
            self.prediction.value = choices.likely_predictions(self._viewer)
        if not self.truth.value and self.prediction.value:
            self.truth.value = choices.likely_truths(self._viewer, self.prediction.value[0])

    def _note_threshold(self, by_hand: bool, *_: object) -> None:
        self._threshold_by_hand = by_hand

    def _suggest_threshold(self) -> None:
        """Use the Segment widget's threshold for its results, unless the user has set another one."""
        known = [threshold_of(x, self._viewer.layers) for x in self.prediction.value]
        if known and known[-1] is not None and not self._threshold_by_hand:
            with self.threshold.changed.blocked():
                self.threshold.value = known[-1]

    def _check(self) -> bool:
        """Say whether the scoring can start; where not, the status line says why."""
        if not self.panel.busy:
            self._suggest_threshold()
        return self.panel.check()

    def _obstacle(self) -> str:
        try:
            self._pairs()
        except SaunetError as error:
            return str(error)
        return ""
