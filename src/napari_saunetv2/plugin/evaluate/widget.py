"""The Evaluate widget: what was found, beside what should have been."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Layer
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2 import evaluation
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.evaluation import Miss
from napari_saunetv2.files import write_beside
from napari_saunetv2.metrics import shown
from napari_saunetv2.plugin.common.camera import look_at
from napari_saunetv2.plugin.common.jobs import Job
from napari_saunetv2.plugin.common.layers import same_eye
from napari_saunetv2.plugin.common.marker import Marker
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.common.status import StatusLine
from napari_saunetv2.plugin.common.windows import add_shortcuts, copy_text, tell
from napari_saunetv2.plugin.evaluate.drawn import threshold_of
from napari_saunetv2.plugin.evaluate.form import AUTO, NONE, EvaluateForm
from napari_saunetv2.plugin.evaluate.overlays import Overlays
from napari_saunetv2.plugin.evaluate.pairing import (
    Comparand,
    as_python,
    comparands,
    is_prediction,
    is_truth,
    shape_of,
)
from napari_saunetv2.plugin.evaluate.scoring import Examined, examine, export
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.training import tasks

if TYPE_CHECKING:
    import napari

MEAN = "mean"
REMARKS = 2
"""What the status line says at most of what is unusual; all of it is in its tooltip."""
CLOSE = 4.0
"""Screen pixels that a picture's pixel takes, at least, when the camera goes to a missed vessel."""


class EvaluateWidget(EvaluateForm):
    """Score predictions against an observer's labels.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._job: Job | None = None
        self._found: list[Examined] = []
        self._overlays = Overlays(napari_viewer)
        self._marker = Marker(napari_viewer, "missed vessel")
        self._threshold_by_hand = False
        super().__init__(self._predictions, self._truths, self._masks)
        self._line = StatusLine(self.status)
        self.fov.value = NONE
        set_up(self, napari_viewer)
        self._connect()
        self._layers_changed()

    def _connect(self) -> None:
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self._cancel)
        self.image.changed.connect(self._show)
        self.save.changed.connect(self._save_as)
        self.copy_python.changed.connect(self._copy_python)
        self.copy_command.changed.connect(self._copy_command)
        self.misses.go = self._go_to
        self.prediction.changed.connect(self._forget_threshold)
        self.threshold.changed.connect(self._note_threshold)
        for field in (self.prediction, self.truth, self.second, self.fov):
            field.changed.connect(self._check)
        layers = self._viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        self.native_parent_changed.connect(self._panel_moved)
        self.native.destroyed.connect(self._abandon)
        add_shortcuts(self.native, {"Ctrl+Alt+E": self._start})

    # What the user does

    def _start(self) -> None:
        self._check()
        if self._job is not None or self._line.obstacle:
            return
        self._job = Job(
            examine(self._comparands()),
            progress=self._show_progress,
            done=self._show_result,
            failed=self._show_failure,
            finished=self._reset,
        )
        self.run.enabled, self.cancel.enabled = False, True
        self.progress.value, self.progress.visible = 0, True
        self._line.say("Scoring...")
        self._job.start()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.stop()
            self.cancel.enabled = False
            self._line.say("Stopped; nothing was changed.")

    def _save_as(self) -> None:
        target, _ = QFileDialog.getSaveFileName(self.native, "Save the scores", "scores.csv", "CSV (*.csv)")
        if target:
            self.save_csv(Path(target))

    def save_csv(self, target: Path) -> None:
        """Write the table that is there; a file of that name is replaced."""
        second = [x.second for x in self._found if x.second is not None]
        text = evaluation.as_csv([x.score for x in self._found], second)
        try:
            write_beside(target, lambda file: file.write(text.encode()), overwrite=True)
        except SaunetError as error:
            show_error(str(error))
        else:
            self._line.say(f"Written {target.name}.")

    def as_python(self) -> str:
        """Python for napari's console that prints the scores again."""
        return as_python(dict.fromkeys(x.comparand for x in self._found))

    def _copy_python(self) -> None:
        copy_text(self.as_python())
        self._line.say("Copied as Python; paste it into napari's console.")

    def _copy_command(self) -> None:
        """Write what was compared into files, and copy the command that scores those."""
        if self._job is not None:
            return
        self._job = Job(
            export(list(dict.fromkeys(x.comparand for x in self._found)), tasks.copies()),
            progress=self._show_progress,
            done=self._put,
            failed=self._show_failure,
            finished=self._reset,
        )
        self.run.enabled = False
        self._job.start()

    def _put(self, command: str) -> None:
        copy_text(command)
        self._line.say("Copied as a command; the layers are read from where it says.")

    def _go_to(self, name: str, miss: Miss) -> None:
        """Move the camera to a missed vessel."""
        place = next((x for x in self._found if x.score.name == name), None)
        if place is None or place.comparand.layer not in self._viewer.layers:
            self._line.say("The layer in which that vessel is missing was removed.")
            return
        layer, camera = place.comparand.layer, self._viewer.camera
        pixel = look_at(self._viewer, layer, (*place.index, miss.row, miss.column))
        camera.zoom = max(camera.zoom, CLOSE / pixel)
        self._marker.show_miss(layer, place.index, miss)

    def _panel_moved(self, parent: object) -> None:
        if parent is None:  # closed: nobody can see or cancel the run any more
            self._cancel()

    def _abandon(self) -> None:
        # The window is gone, so the job may not reach the fields any more.
        if self._job is not None:
            self._job.abandon()
            self._job = None

    # What the job says

    def _show_progress(self, share: float) -> None:
        self.progress.value = round(share * self.progress.max)

    def _show_result(self, found: list[Examined]) -> None:
        self._found = found
        worst = [x.score.name for x in sorted(self._found, key=lambda x: evaluation.worst_first(x.score))]
        self.names = [MEAN, *worst] if len(worst) > 1 else worst
        self.image.reset_choices()
        self.image.value, self.image.visible = self.names[0], len(worst) > 1
        self._show()
        self._marker.remove()
        self._overlays.show(self._found)
        self.save.enabled = self.copy_python.enabled = self.copy_command.enabled = True
        f1 = shown("f1", evaluation.mean([x.score for x in self._found])["f1"])
        images = "1 image" if len(worst) == 1 else f"mean of {len(worst)} images"
        said = f"F1 {f1}, {images}; {sum(len(x.misses) for x in self._found)} vessels missed."
        if any(x.comparand.changed() for x in self._found):
            said += " A layer was shown other data meanwhile: this is of the former."
        remarks = list(dict.fromkeys(remark for x in self._found for remark in x.remarks))
        self._line.say(" ".join([said, *remarks[:REMARKS]]) + _rest(len(remarks) - REMARKS))
        self.status.tooltip = "\n".join(remarks)

    def _show(self) -> None:
        """Show the mean, or one image, in all views."""
        some = [x for x in self._found if self.image.value in (MEAN, x.score.name)]
        if not some:
            return
        columns = {"prediction": evaluation.mean([x.score for x in some])}
        points = {"prediction": evaluation.mean_point([x.point for x in some])}
        second = [x for x in some if x.second is not None and x.second_point is not None]
        if second:
            columns["observer 2"] = evaluation.mean([x.second for x in second if x.second])
            points["observer 2"] = evaluation.mean_point([x.second_point for x in second if x.second_point])
        curves = [x.curve for x in some if x.curve is not None]
        self.table.show_scores(columns)
        self.curve.show_curve(evaluation.mean_curve(curves) if curves else None, points)
        self.misses.show_misses([(x.score.name, m) for x in some for m in x.misses], named=len(some) > 1)
        self.views.setTabText(2, f"Missed ({sum(len(x.misses) for x in some)})")

    def _show_failure(self, error: Exception) -> None:
        self._line.say(tell(error))

    def _reset(self) -> None:
        self._job = None
        self.cancel.enabled = False
        self.progress.visible = False
        self._check()

    # What the choices are

    def _predictions(self, _widget: object = None) -> list[Layer]:
        return [x for x in self._viewer.layers if is_prediction(x)]

    def _truths(self, _widget: object = None) -> list[Layer]:
        return [x for x in self._viewer.layers if is_truth(x)]

    def _masks(self, _widget: object = None) -> list[Any]:
        layers = [x for x in self._viewer.layers if isinstance(x, Labels) and ROLE not in x.metadata]
        return [AUTO, NONE, *layers]

    def _comparands(self) -> list[Comparand]:
        return comparands(
            list(self._viewer.layers),
            self.prediction.value,
            self.truth.value,
            second=self.second.value,
            field=self.fov.value,
            threshold=self.threshold.value,
        )

    def _layers_changed(self) -> None:
        for field in (self.prediction, self.truth, self.second, self.fov):
            field.reset_choices()
        self._choose()
        self._check()

    def _choose(self) -> None:
        """Where nothing is chosen, choose what is most likely meant."""
        if not self.prediction.value:
            ours = [x for x in self._predictions() if x.metadata.get(ROLE) == "probability"]
            self.prediction.value = ours[-1:]
        if not self.truth.value and self.prediction.value:
            shape = shape_of(self.prediction.value[0])
            said = [x for x in self._truths() if x.metadata.get("role") == "labels" and shape_of(x) == shape]
            self.truth.value = [x for x in said if self._may_be_of(self.prediction.value[0], x)][:1]

    def _forget_threshold(self) -> None:
        self._threshold_by_hand = False

    def _note_threshold(self) -> None:
        self._threshold_by_hand = True

    def _suggest_threshold(self) -> None:
        """Take Segment's threshold for what Segment found, unless the user has set another one here."""
        known = [threshold_of(x, self._viewer.layers) for x in self.prediction.value]
        if known and known[-1] is not None and not self._threshold_by_hand:
            with self.threshold.changed.blocked():
                self.threshold.value = known[-1]

    def _may_be_of(self, prediction: Layer, truth: Labels) -> bool:
        """Say whether labels may be of a prediction's eye; those of another one would score it wrongly."""
        of = prediction.metadata.get(OF)
        photograph = next((x for x in self._viewer.layers if x.name == of), None)
        known = photograph is not None and photograph.metadata.get("dataset") is not None
        return not known or same_eye(photograph, truth)

    def _check(self) -> None:
        """Say why there is nothing to run, if so; else let stand what was said."""
        if self._job is not None:
            return
        self._suggest_threshold()
        obstacle = self._obstacle()
        self._line.block(obstacle)
        self.run.enabled = not obstacle

    def _obstacle(self) -> str:
        try:
            self._comparands()
        except SaunetError as error:
            return str(error)
        return ""


def _rest(count: int) -> str:
    return f" (More remarks: {count}; hover here.)" if count > 0 else ""
