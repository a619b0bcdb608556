"""Trainings that are not done: the newest one that can be resumed."""

from pathlib import Path

from napari_saunetv2.training import Task, tasks

_RUNNING: set[Path] = set()
"""Folders of the trainings that run in this program: nobody may resume them."""


def newest() -> Task | None:
    """Give the newest training that is not done and does not run."""
    return next((task for task in tasks.unfinished() if task.folder not in _RUNNING), None)


def note_running(task: Task) -> None:
    """Note that a training runs."""
    _RUNNING.add(task.folder)


def note_ended(task: Task) -> None:
    """Note that a training runs no longer."""
    _RUNNING.discard(task.folder)
