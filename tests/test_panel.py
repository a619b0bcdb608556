"""The job panel, on a form that has nothing else."""

import threading

import pytest
from magicgui.widgets import Container, Label, ProgressBar, PushButton
from qtpy.QtWidgets import QWidget

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.plugin.common.panel import JobPanel

pytestmark = pytest.mark.gui


class Form(Container):
    """Two buttons, a bar and a line; it notes what it is told."""

    def __init__(self):
        self.run, self.cancel = PushButton(name="run"), PushButton(name="cancel", enabled=False)
        self.progress, self.status = ProgressBar(name="progress", max=1000), Label(name="status")
        super().__init__(widgets=[self.run, self.cancel, self.progress, self.status])
        self.obstacle, self.results, self.ended = "", [], 0
        self.panel = JobPanel(
            self,
            start=[self.run],
            stop=self.cancel,
            stopped="Stopped.",
            obstacle=lambda: self.obstacle,
            ended=self.end,
        )

    def end(self):
        self.ended += 1
        self.panel.check()


@pytest.fixture
def form(qtbot):
    made = Form()
    qtbot.addWidget(made.native)
    made.native.show()
    return made


def held(gate, result=7):
    """Work that waits at a gate, half done."""
    yield 0.5
    yield 0.5
    gate.wait(20)
    yield 1.0
    return result


def test_an_obstacle_is_shown_until_it_is_gone_and_news_stay(form):
    form.obstacle = "Open a photograph."
    assert not form.panel.check()
    assert (form.status.value, form.run.enabled) == ("Open a photograph.", False)
    form.obstacle = ""
    assert form.panel.check()
    assert (form.status.value, form.run.enabled) == ("", True)
    form.panel.line.say("Saved.")
    assert form.panel.check()
    assert form.status.value == "Saved."


def test_a_job_shows_its_progress_and_its_result_in_turns(form, qtbot):
    def show(result):
        form.results.append(result)
        yield
        form.results.append("shown")

    gate = threading.Event()
    form.panel.run(held(gate), "Working...", progress=form.panel.show, done=show)
    assert (form.run.enabled, form.cancel.enabled, form.progress.visible) == (False, True, True)
    assert form.status.value == "Working..."
    assert not form.panel.check()  # one at a time
    qtbot.waitUntil(lambda: form.progress.value == 500, timeout=20_000)
    gate.set()
    qtbot.waitUntil(lambda: form.ended == 1, timeout=20_000)
    assert form.results == [7, "shown"]
    assert (form.run.enabled, form.cancel.enabled, form.progress.visible) == (True, False, False)
    assert (form.panel.ending, form.panel.busy) == ("", False)


def test_a_stopped_job_gives_no_result(form, qtbot):
    gate = threading.Event()
    form.panel.run(held(gate), done=form.results.append)
    form.panel.stop()
    gate.set()
    assert form.status.value == "Stopped."
    assert not form.cancel.enabled
    qtbot.waitUntil(lambda: form.ended == 1, timeout=20_000)
    assert form.results == []
    assert form.panel.ending == "Stopped"


def test_what_is_being_shown_cannot_be_stopped_any_more(form, qtbot):
    def show(result):
        form.panel.stop()
        form.results.append(result)
        yield

    gate = threading.Event()
    gate.set()
    form.panel.run(held(gate), "Working...", done=show)
    qtbot.waitUntil(lambda: form.ended == 1, timeout=20_000)
    assert form.results == [7]
    assert form.status.value == "Working..."


def test_a_failure_is_told_and_the_next_job_can_start(form, qtbot):
    def fail():
        yield 0.0
        raise SettingsError("tile is 3: it must be at least 64.")

    form.panel.run(fail(), done=form.results.append)
    qtbot.waitUntil(lambda: form.ended == 1, timeout=20_000)
    assert form.status.value == form.panel.ending == "tile is 3: it must be at least 64."
    assert form.run.enabled
    gate = threading.Event()
    gate.set()
    form.panel.run(held(gate), done=form.results.append)
    qtbot.waitUntil(lambda: form.ended == 2, timeout=20_000)
    assert form.panel.ending == ""
    assert form.results == [7]


def test_a_closed_panel_stops_its_job(form, qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    form.native.setParent(parent)
    gate = threading.Event()
    form.panel.run(held(gate), done=form.results.append)
    form.native.setParent(None)
    gate.set()
    qtbot.waitUntil(lambda: form.ended == 1, timeout=20_000)
    assert form.panel.ending == "Stopped"
    assert form.results == []
