"""The Measure widget: from vessels to numbers, which follow the brush."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2.errors import SaunetError, SettingsError
from napari_saunetv2.measure.units import Scale
from napari_saunetv2.plugin.common import scale
from napari_saunetv2.plugin.common.layers import Planes, add_beside
from napari_saunetv2.plugin.common.modalities import modality_of
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.part import Part, own_threshold, shown_plane
from napari_saunetv2.plugin.common.windows import add_shortcuts, copy_text
from napari_saunetv2.plugin.measure import choices, copies, landmarks, messages, saving
from napari_saunetv2.plugin.measure.choices import AUTO, DISC, FIND, FOVEA, NONE
from napari_saunetv2.plugin.measure.export import MeasureExport
from napari_saunetv2.plugin.measure.following import Following
from napari_saunetv2.plugin.measure.form import MeasureForm, is_layer
from napari_saunetv2.plugin.measure.run import Measured, Request, measure_planes
from napari_saunetv2.plugin.measure.source import Source
from napari_saunetv2.plugin.measure.views import Views
from napari_saunetv2.plugin.session.panel import set_up

if TYPE_CHECKING:
    import napari


class MeasureWidget(MeasureForm):
    """Measure the vessels of a layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        super().__init__(
            lambda _: choices.vessels(napari_viewer),
            lambda _: choices.photographs(napari_viewer),
            lambda _: choices.probabilities(napari_viewer),
            lambda _: choices.fields_of_view(napari_viewer),
            lambda _: choices.discs(napari_viewer),
            lambda _: choices.foveas(napari_viewer),
        )
        self.results = Views(napari_viewer, self)
        self.panel = JobPanel(
            self,
            start=[self.run],
            stop=self.cancel,
            stopped="Stopped; nothing was changed.",
            obstacle=self._obstacle,
            ended=self._ended,
        )
        self.following = Following(self, self.results, self.panel, self._request)
        self._exports = MeasureExport(self, napari_viewer, self.results, self.panel)
        set_up(self, napari_viewer)
        self._connect()
        self._layers_changed()

    def _connect(self) -> None:
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self.panel.stop)
        self.draw_disc.changed.connect(partial(self._draw, DISC))
        self.draw_fovea.changed.connect(partial(self._draw, FOVEA))
        self.vessels.changed.connect(self._take_vessels)
        for field in (self.photograph, self.probability, self.fov, self.meaning):
            field.changed.connect(self._check)
        for changed in (
            self.disc.changed,
            self.fovea.changed,
            self.spacing.changed,
            self.disc_diameter.changed,
            self.follow.changed,
        ):
            changed.connect(self._follow)
        self.save.changed.connect(self._save_as)
        self.copy_python.changed.connect(self._copy_python)
        self.copy_command.changed.connect(self._copy_command)
        layers = self._viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        add_shortcuts(self.native, {"Ctrl+Alt+R": self._start})

    # What the user does

    def _start(self) -> None:
        if not self._check():
            return
        layer = self.vessels.value
        request = self._request(layer, self._source(layer))
        find = replace(request, find_disc=self.disc.value == FIND, find_fovea=self.fovea.value == FIND)
        self.following.forget()
        self.panel.run(
            measure_planes(find),
            f"Measuring {layer.name}...",
            progress=self.panel.show,
            done=partial(self._show, layer),
        )

    def _draw(self, role: str, *_: object) -> None:
        """Make a layer to draw the disc or the fovea in, or go on in the one that is chosen."""
        vessels = self.vessels.value
        if vessels is None:
            return
        field, new, mode = {
            DISC: (self.disc, landmarks.new_disc, "add_ellipse"),
            FOVEA: (self.fovea, landmarks.new_fovea, "add"),
        }[role]
        layer = field.value
        if not is_layer(layer):
            layer = new(vessels)
            add_beside(self._viewer, layer)
            field.value = layer
        self._viewer.layers.selection.active = layer
        layer.mode = mode
        self.panel.line.say(messages.DRAW[role])

    def _save_as(self) -> None:
        measured = self.results.measured
        if measured is None:
            return
        name = f"{measured.source.vessels.name}_measurements.csv"
        target, _ = QFileDialog.getSaveFileName(
            self.native, "Save the measurements", name, "CSV tables (*.csv);;Excel workbook (*.xlsx)"
        )
        if target:
            self.save_tables(Path(target))

    def save_tables(self, target: Path) -> None:
        """Write the tables of the measurement that is shown; existing files are replaced."""
        try:
            self.panel.line.say(saving.save(self.results.measured, target))
        except SaunetError as error:
            self.panel.fail(error)

    def as_python(self) -> str:
        """Python code for napari's console that measures the plane that is shown again."""
        measured, layer = self.results.measured, self.results.layer
        if measured is None or layer is None:
            raise SettingsError("The measured layer was removed: choose another one and press Measure.")
        return copies.python(measured, shown_plane(layer, self._viewer))

    def _copy_python(self) -> None:
        try:
            copy_text(self.as_python())
        except SaunetError as error:
            self.panel.fail(error)
        else:
            self.panel.line.say("Copied as Python; paste it into napari's console.")

    def _copy_command(self) -> None:
        """Write the measured layers to files, and copy the command that measures them."""
        measured, layer = self.results.measured, self.results.layer
        if measured is None or layer is None or self.panel.busy:
            return
        work = copies.command(measured, shown_plane(layer, self._viewer))
        self.panel.run(work, done=self._put, visible=False)

    def _put(self, command: str) -> None:
        copy_text(command)
        self.panel.line.say("Copied as a command; the layers are saved in the folder it names.")

    # What the jobs say

    def _show(self, layer: Labels, measured: Measured) -> Iterator[None]:
        if layer not in self._viewer.layers:
            self.panel.line.say("The layer of vessels was removed meanwhile; nothing is shown.")
            return
        yield from self._show_landmarks(layer, measured)
        yield from self.results.show(measured, layer)
        for button in (self.save, self.export, self.copy_python, self.copy_command):
            button.enabled = True
        self.following.watch()
        self.panel.line.say(messages.of(measured))

    def _show_landmarks(self, layer: Labels, measured: Measured) -> Iterator[None]:
        """Show what was found as layers, and choose these."""
        found = [(index, plane.found) for index, plane in measured.planes.items()]
        discs = [(i, one.landmarks.disc) for i, one in found if one.doubt is not None and one.landmarks.disc]
        foveas = [(i, one.landmarks.fovea) for i, one in found if one.fovea and one.landmarks.fovea]
        drawn = []
        if discs:
            former = choices.of(self._viewer, layer, DISC)
            drawn.append((self.disc, landmarks.show_disc(self._viewer, layer, discs, former)))
            yield
        if foveas:
            former = choices.of(self._viewer, layer, FOVEA)
            drawn.append((self.fovea, landmarks.show_fovea(self._viewer, layer, foveas, former)))
            yield
        for field, one in drawn:
            with field.changed.blocked():
                field.reset_choices()
                field.value = one

    def _ended(self) -> None:
        self._check(quietly=True)  # what the job said stays
        self.following.catch_up()

    # What happens to the layers and the fields

    def _follow(self) -> None:
        self._check()
        if self.results.layer is not None:
            self.following.watch()
            self.following.note()

    def _take_vessels(self) -> None:
        self.photograph.reset_choices()  # a layer that was just added is not among them yet
        self.photograph.value = choices.likely_photograph(self._viewer, self.vessels.value)
        self._check()

    def _layers_changed(self) -> None:
        before = self.vessels.value
        for field in (self.vessels, self.photograph, self.probability, self.fov, self.disc, self.fovea):
            field.reset_choices()
        likely = choices.likely_vessels(self._viewer, before)
        if self.results.layer is None and likely is not None:
            self.vessels.value = likely
            if self.photograph.value == NONE:
                self._take_vessels()
        self._check()

    def _check(self, *, quietly: bool = False) -> bool:
        """Say whether the measuring can start; where not, the status line says why."""
        known = is_layer(self.disc.value) or self.disc.value == FIND
        try:
            self.say_scale(scale.in_words(self._scale(), disc=known))
        except SaunetError:  # the status line says why
            self.say_scale("unknown")
        return self.panel.check(quietly=quietly)

    def _obstacle(self) -> str:
        layer = self.vessels.value
        if layer is None:
            return "Open or make a layer of vessels first: a mask, or the result of Segment."
        try:
            self._source(layer)
            self._scale()
        except SaunetError as error:
            return str(error)
        return ""

    # What the fields say

    def _source(self, layer: Labels) -> Source:
        photograph = self.photograph.value if is_layer(self.photograph.value) else None
        probability, threshold = self.probability.value, None
        if probability == AUTO:
            probability = choices.own_probability(self._viewer, layer)
            threshold = own_threshold(layer) if probability is not None else None
        fov = self.fov.value
        if fov == AUTO:
            whole = modality_of(layer, photograph) == "octa"  # an angiogram fills its frame
            fov = choices.own_fov(self._viewer, layer) or (NONE if whole else AUTO)
        return Source(
            Part.of(layer),
            self.meaning.value,
            None if photograph is None else Planes(photograph),
            None if photograph is None else Part.of(photograph),
            Part.of(probability) if is_layer(probability) else None,
            threshold,
            Part.of(fov) if is_layer(fov) else fov,
        )

    def _scale(self) -> Scale:
        layers = [x for x in (self.vessels.value, self.photograph.value) if is_layer(x)]
        return scale.scale_of(self.spacing.value, self.disc_diameter.value, *layers)

    def _request(self, layer: Labels, source: Source) -> Request:
        known = landmarks.landmarks_of_all(self.disc.value, self.fovea.value, layer, source.indices)
        return Request(source, known, self._scale())
