"""The Compare visits widget: two photographs of an eye in one frame, and what changed between them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from napari.layers import Layer
from qtpy.QtWidgets import QFileDialog

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import SaunetError, SettingsError
from napari_saunetv2.exchange.tables import write_tables
from napari_saunetv2.measure.units import DISC_DIAMETER
from napari_saunetv2.plugin.common import scale
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.preferences import preferred
from napari_saunetv2.plugin.common.windows import add_shortcuts, copy_text
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.plugin.visits import choices, copies
from napari_saunetv2.plugin.visits.choices import NONE, SEGMENT, is_layer
from napari_saunetv2.plugin.visits.form import VisitsForm
from napari_saunetv2.plugin.visits.run import Compared, Request, compare_sides
from napari_saunetv2.plugin.visits.side import Side
from napari_saunetv2.plugin.visits.views import Views

if TYPE_CHECKING:
    import napari


class VisitsWidget(VisitsForm):
    """Compare the vessels of an eye at two visits.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._meant: tuple[object, object] = (NONE, NONE)
        super().__init__(
            lambda _: choices.photographs(napari_viewer), lambda _: choices.vessels(napari_viewer)
        )
        self.views_of = Views(napari_viewer, self)
        self.panel = JobPanel(
            self,
            start=[self.run, self.swap],
            stop=self.cancel,
            stopped="Stopped; nothing was changed.",
            obstacle=self._obstacle,
            ended=self._ended,
        )
        set_up(self, napari_viewer)
        self._connect()
        self._layers_changed()

    def _connect(self) -> None:
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self.panel.stop)
        self.swap.changed.connect(self._exchange)
        self.earlier.changed.connect(partial(self._take_vessels, self.earlier, self.earlier_vessels))
        self.later.changed.connect(partial(self._take_vessels, self.later, self.later_vessels))
        for field in (self.earlier_vessels, self.later_vessels, self.spacing, self.model):
            field.changed.connect(self._check)
        self.blink.changed.connect(self.views_of.blink)
        self.save.changed.connect(self._save_as)
        self.copy_python.changed.connect(self._copy_python)
        self.copy_command.changed.connect(self._copy_command)
        layers = self._viewer.layers
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        add_shortcuts(self.native, {"Ctrl+Alt+V": self._start, "Ctrl+Alt+B": self.views_of.blink})

    # What the user does

    def _start(self) -> None:
        if not self._check():
            return
        request = self._request()
        self.panel.run(
            compare_sides(request),
            f"Comparing {request.earlier.name} with {request.later.name}...",
            progress=self.panel.show,
            done=partial(self._show, self._layers()),
        )

    def _exchange(self) -> None:
        """Exchange the earlier and the later visit."""
        pairs = ((self.earlier, self.later), (self.earlier_vessels, self.later_vessels))
        for one, other in pairs:
            with one.changed.blocked(), other.changed.blocked():
                one.value, other.value = other.value, one.value
        self._check()

    def _save_as(self) -> None:
        compared = self.views_of.compared
        if compared is None:
            return
        name = f"{compared.request.later.name}_visits.csv"
        target, _ = QFileDialog.getSaveFileName(
            self.native, "Save the comparison", name, "CSV tables (*.csv);;Excel workbook (*.xlsx)"
        )
        if target:
            self.save_tables(Path(target))

    def save_tables(self, target: Path) -> None:
        """Write the tables of the comparison that is shown; existing files are replaced."""
        from napari_saunetv2.visits.files import tables_of

        assert self.views_of.compared is not None
        try:
            written = write_tables(target, tables_of(self.views_of.compared.found))
        except SaunetError as error:
            self.panel.fail(error)
        else:
            self.panel.line.say(f"Written {', '.join(path.name for path in written)}.")

    def as_python(self) -> str:
        """Python code for napari's console that makes the comparison that is shown."""
        if self.views_of.compared is None:
            raise SettingsError("Nothing was compared yet: press Compare.")
        return copies.python(self.views_of.compared.request)

    def _copy_python(self) -> None:
        copy_text(self.as_python())
        self.panel.line.say("Copied as Python; paste it into napari's console.")

    def _copy_command(self) -> None:
        """Write the compared layers to files, and copy the command that compares them."""
        compared = self.views_of.compared
        if compared is not None and not self.panel.busy:
            self.panel.run(copies.command(compared.request), done=self._put, visible=False)

    def _put(self, command: str) -> None:
        copy_text(command)
        self.panel.line.say("Copied as a command; the layers are saved in the folder it names.")

    # What the jobs say

    def _show(self, layers: list[Layer], compared: Compared) -> Iterator[None]:
        frame, *others = layers
        if frame not in self._viewer.layers:
            self.panel.line.say("The layer of the earlier visit was removed meanwhile; nothing is shown.")
            return
        yield from self.views_of.show(compared, frame, [x for x in others if x in self._viewer.layers])
        for button in (self.save, self.copy_python, self.copy_command):
            button.enabled = True
        self.blink.enabled = self.views_of.results.registered is not None
        self.panel.line.say(compared.in_words())

    def _ended(self) -> None:
        if self.panel.ending not in ("", "Stopped"):  # what is shown is of other visits than those refused
            self.views_of.clear()
            for button in (self.save, self.copy_python, self.copy_command, self.blink):
                button.enabled = False
        self._check(quietly=True)  # what the job said stays

    # What happens to the layers and the fields

    def _take_vessels(self, photograph: ComboBox, vessels: ComboBox, *_: object) -> None:
        vessels.value = choices.own_vessels(self._viewer, photograph.value)
        self._check()

    def _layers_changed(self) -> None:
        for field in (self.earlier, self.earlier_vessels, self.later, self.later_vessels):
            field.reset_choices()
        fields = self.earlier, self.later
        likely = choices.likely_photographs(self._viewer)
        ours = all(
            x.value is meant or not is_layer(x.value) for x, meant in zip(fields, self._meant, strict=True)
        )
        twice = is_layer(self.earlier.value) and self.earlier.value is self.later.value
        alone = SEGMENT not in (self.earlier_vessels.value, self.later_vessels.value)
        if twice or (ours and not alone):  # nobody chose otherwise
            for field, meant in zip(fields, likely, strict=True):
                field.value = meant
            self._meant = likely
        self._check()

    def _check(self, *, quietly: bool = False) -> bool:
        """Say whether the comparison can start; where not, the status line says why."""
        try:
            found = self._spacing(self.earlier.value, self.earlier_vessels.value, self.spacing.value)
            self.say_scale("unknown" if found is None else f"{found:.4g}")
        except SaunetError:  # the status line says why
            self.say_scale("unknown")
        self.model.enabled = SEGMENT in (self.earlier_vessels.value, self.later_vessels.value)
        return self.panel.check(quietly=quietly)

    def _obstacle(self) -> str:
        try:
            request = self._request()
        except SaunetError as error:
            return str(error)
        one, other = self._given()
        if one[0] is other[0] if is_layer(one[0]) else one[1] is other[1]:
            return f"'{request.earlier.name}' is chosen twice: choose the photographs of two visits."
        if self.model.enabled and self.model.info is None:
            return "Choose another model: the file of this one is gone."
        return ""

    # What the fields say

    def _given(self) -> list[tuple[Any, Any]]:
        """Photograph and vessels of both visits, as they are chosen."""
        return [
            (self.earlier.value, self.earlier_vessels.value),
            (self.later.value, self.later_vessels.value),
        ]

    def _layers(self) -> list[Layer]:
        """List the layers that are chosen: first the one in whose frame all is shown."""
        (photograph, vessels), later = self._given()
        return [x for x in (photograph, vessels, *later) if is_layer(x)]

    def _spacing(self, photograph: Any, vessels: Any, given: str) -> float | None:
        layers = [x for x in (vessels, photograph) if is_layer(x)]
        return scale.scale_of(given, DISC_DIAMETER, *layers).spacing

    def _request(self) -> Request:
        model = self.model.value or InferenceConfig().model
        earlier, later = self._given()
        return Request(
            self._side("earlier", *earlier, self.spacing.value),
            self._side("later", *later, ""),
            InferenceConfig(model=model, device=preferred("device")),
        )

    def _side(self, which: str, photograph: Any, vessels: Any, spacing: str) -> Side:
        return Side.of(
            which,
            photograph if is_layer(photograph) else None,
            vessels if is_layer(vessels) else None,
            self._spacing(photograph, vessels, spacing),
        )
