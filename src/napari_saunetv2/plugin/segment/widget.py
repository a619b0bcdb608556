"""The Segment widget: find the vessels in a photograph."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari.layers import Image
from napari.utils.notifications import show_info

from napari_saunetv2.errors import SaunetError
from napari_saunetv2.imaging import vessels
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.plugin.common.jobs import Latest
from napari_saunetv2.plugin.common.layers import Planes, colours_first, current_plane
from napari_saunetv2.plugin.common.panel import JobPanel
from napari_saunetv2.plugin.common.preferences import preferred
from napari_saunetv2.plugin.common.windows import add_shortcuts, copy_text
from napari_saunetv2.plugin.segment import copies
from napari_saunetv2.plugin.segment.card import CardMaker, Wish
from napari_saunetv2.plugin.segment.choices import DataWatch, fov_choices, obstacle, photographs
from napari_saunetv2.plugin.segment.export import SegmentExport
from napari_saunetv2.plugin.segment.form import SegmentForm
from napari_saunetv2.plugin.segment.navigator import UncertainVesselNavigator
from napari_saunetv2.plugin.segment.outline import Outline
from napari_saunetv2.plugin.segment.results import Result, Source
from napari_saunetv2.plugin.segment.run import Request, Segmented, find_vessels, fov_of, segment_planes
from napari_saunetv2.plugin.segment.stacks import Maps, stacked
from napari_saunetv2.plugin.session.panel import set_up
from napari_saunetv2.plugin.session.save import Saver

if TYPE_CHECKING:
    import napari

    from napari_saunetv2.inference.fallback import State
    from napari_saunetv2.inference.preflight import Preflight


class SegmentWidget(SegmentForm):
    """Find the vessels of the active image.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        self._viewer = napari_viewer
        self._results: WeakKeyDictionary[Image, Result] = WeakKeyDictionary()
        self._outline = Outline(napari_viewer)
        super().__init__(lambda _: photographs(napari_viewer), lambda _: fov_choices(napari_viewer))
        self.panel = JobPanel(
            self,
            start=[self.run],
            stop=self.cancel,
            stopped="Stopped; no layer was changed.",
            obstacle=self._obstacle,
            ended=partial(self._check, quietly=True),  # what the job said stays
        )
        self._cards = CardMaker(self.native, self._wish, self._show_card)
        self._data = DataWatch(self._cards.renew)
        self._masks = Latest(self.panel.fail)
        self._navigator = UncertainVesselNavigator(napari_viewer, self.panel.line.say, self.panel.fail)
        self._saver = Saver(napari_viewer, self.native, self.panel.line.say)
        self._exports = SegmentExport(self, napari_viewer, self._result, self.panel)
        set_up(self, napari_viewer)
        self._connect()
        self.show_fields_of_model()
        self.use_model_threshold()
        if preferred("threshold"):
            self.threshold.value = preferred("threshold")
        self._follow_active()
        self._check()
        self._cards.renew()

    def _connect(self) -> None:
        self.run.changed.connect(self._start)
        self.cancel.changed.connect(self.panel.stop)
        self.browse.changed.connect(self._browse)
        for chooses in (self.model, self.tta):
            chooses.changed.connect(self._take_model_threshold)
        self.model.changed.connect(self.show_fields_of_model)
        self.model_threshold.changed.connect(self.use_model_threshold)
        self.image.changed.connect(self._take_image)
        for field in (self.fov, self.planes):
            field.changed.connect(self._check)
        for part in (self.threshold, self.min_size, self.connected, self.voted):
            part.changed.connect(self._apply_threshold)
        self.outline.changed.connect(self._outline.switch)
        self.next_uncertain.changed.connect(partial(self._lead, 1))
        self.previous_uncertain.changed.connect(partial(self._lead, -1))
        self.save.changed.connect(self._save)
        self.copy_python.changed.connect(partial(self._copy, "Python"))
        self.copy_command.changed.connect(partial(self._copy, "a command"))
        for field in (self.image, self.fov, self.planes, self.model, *self.network_fields()):
            field.changed.connect(self._cards.renew)
        self.uncertainty.changed.connect(self._cards.renew)
        layers = self._viewer.layers
        layers.selection.events.active.connect(self._follow_active)
        for event in (layers.events.inserted, layers.events.removed, layers.events.renamed):
            event.connect(self._layers_changed)
        self._viewer.dims.events.current_step.connect(self._cards.renew)
        for other in (self._cards, self._masks, self._navigator):
            self.native.destroyed.connect(other.abandon)
        add_shortcuts(
            self.native,
            {
                "Ctrl+Return": self._start,
                "Ctrl+Alt+X": self.panel.stop,
                "Ctrl+Alt+U": partial(self._lead, 1),
                "Ctrl+Alt+Y": partial(self._lead, -1),
                "Ctrl+Alt+M": self._save,
            },
        )

    # What the user does

    def _start(self) -> None:
        if not self._check():
            return
        source = Source(self.image.value)
        numbers: Sequence[int] = range(len(source.planes))
        if self.planes.value == "current":
            numbers = [current_plane(source.layer, source.planes, self._viewer)]
        request = Request(self.config(), self.field_of_view(), self.uncertainty.value)
        last = self._result()
        former = {} if last is None else last.former(source.planes)
        begun = time.monotonic()
        self.panel.run(
            stacked(segment_planes(source.planes, numbers, request), source.planes, former),
            f"Segmenting {source.name}...",
            progress=partial(self._show_progress, source.name),
            done=partial(self._show_result, source, request, begun),
        )

    def _browse(self) -> None:
        try:
            self.model.browse()
        except SaunetError as error:
            self.panel.fail(error)

    def _apply_threshold(self) -> None:
        result = self._result()
        if result is not None and result.can_redraw():
            self._draw(result)

    def _lead(self, by: int, *_: object) -> None:
        self._navigator.go(self._result(), by)

    def _save(self) -> None:
        result = self._result()
        self._saver.save(None if result is None else result.labels, self.image.value)

    def _copy(self, language: str) -> None:
        layer, result = self.image.value, self._result()
        if layer is None:
            return
        config = self.config()
        if result is not None and result.config is not None and result.can_redraw():
            config = replace(result.config, model=config.model)  # with what was really used
        wanted = copies.recipe_of(config, self.post_processing())
        try:
            copy_text(copies.LANGUAGES[language](wanted, self._viewer, layer, self.fov.value))
        except SaunetError as error:
            self.panel.line.say(str(error))
        else:
            self.panel.line.say(f"Copied as {language}.")

    def _take_image(self) -> None:
        if not self.panel.busy:
            self.panel.line.say("")  # its text is about another image
        self._check()

    # What the jobs say

    def _show_progress(self, name: str, state: "State") -> None:
        self.panel.show(state.share)
        said = [f"Segmenting {name} on {state.device}...", state.notice]
        self.panel.line.say(" ".join(filter(None, said)))

    def _show_result(
        self, source: Source, request: Request, begun: float, found: tuple[Segmented, Maps]
    ) -> Iterator[None]:
        segmented, maps = found
        result = self._results.setdefault(source.layer, Result(self._viewer))
        self._navigator.unmark()
        yield from result.show(source, request, segmented, maps)
        result.ending = segmented.in_words(source.name, time.monotonic() - begun)
        if source.changed():
            result.ending += " The image was replaced meanwhile; this is the former one."
        self._draw(result)
        yield
        result.activate(source.layer)
        self._check_uncertainty()

    def _show_card(self, card: "Preflight | str | None") -> None:
        self.device.reset_choices()  # by now torch is loaded and lists them
        if card is not None and not isinstance(card, str):
            self.card.value = "\n".join([*card.lines(), *(f"\u26a0 {advice}" for advice in card.advice)])
            self._outline.show(self.image.value, card.outline)
        else:
            self.card.value = card or ""
            self._outline.show(None, None)

    def _draw(self, result: Result) -> None:
        """Show the vessels as the fields say: at once where that is quick, else from a thread."""
        post = self.post_processing()
        if post.quick and not result.classes:
            self._masks.forget()
            self._show_vessels(result, vessels.extract(result.probability, post), post)
        else:
            work = find_vessels(result.probability, post, result.classes)
            self._masks.ask(work, lambda mask: self._show_vessels(result, mask, post))

    def _show_vessels(self, result: Result, mask: Any, post: PostProcessing) -> None:
        if result.can_redraw() and mask.shape == result.probability.shape:
            notice = result.show_vessels(mask, post)
            self.panel.line.say(result.in_words())
            if notice:
                show_info(notice)

    # What happens to the layers

    def _follow_active(self) -> None:
        active = self._viewer.layers.selection.active
        # A layer that was just added becomes active before it is among the choices.
        if active in photographs(self._viewer):
            self.image.reset_choices()
            self.image.value = active

    def _layers_changed(self) -> None:
        self.image.reset_choices()
        self.fov.reset_choices()
        self._follow_active()
        self._check()

    def _check(self, *, quietly: bool = False) -> bool:
        """Say whether a run can start; where not, the status line says why."""
        layer = self.image.value
        self.planes.visible = layer is not None and layer.ndim > 2 and not colours_first(layer)
        self._data.watch(layer)
        self._check_uncertainty()
        return self.panel.check(quietly=quietly)

    def _check_uncertainty(self) -> None:
        result = self._result()
        for button in (self.previous_uncertain, self.next_uncertain):
            button.enabled = result is not None and result.maps() is not None

    def _obstacle(self) -> str:
        return obstacle(self.image.value, self.model.info, self.fov.value)

    def _result(self) -> Result | None:
        return self._results.get(self.image.value) if self.image.value is not None else None

    def _wish(self) -> Wish | None:
        if self._obstacle():
            return None
        planes = Planes(self.image.value)
        shown = current_plane(self.image.value, planes, self._viewer)
        count = 1 if self.planes.value == "current" else len(planes)
        fov = fov_of(self.field_of_view(), planes, shown)
        return Wish(planes, shown, count, self.config(), fov, self.uncertainty.value)

    def _take_model_threshold(self) -> None:
        # The visible vessels are from another model and stay unchanged.
        with self.threshold.changed.blocked():
            self.use_model_threshold()
