"""Questions to the user."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from qtpy.QtWidgets import QMessageBox, QWidget

KEEP: Literal["keep"] = "keep"
DROP: Literal["drop"] = "drop"
STAY: Literal["stay"] = "stay"


def ask_about_edits(parent: QWidget, names: Sequence[str]) -> Literal["keep", "drop", "stay"]:
    """Ask what to do with painted layers that were not saved."""
    text = f"You painted on {', '.join(names)} and have not saved it."
    second = "Discard changes", QMessageBox.ButtonRole.DestructiveRole
    number = _ask(parent, "Painted labels", text, "Keep the layers", *second)
    return (KEEP, DROP, STAY)[number]


def ask_to_replace(parent: QWidget, path: Path) -> Literal["replace", "other", "cancel"]:
    """Ask whether to replace a file or to choose another one."""
    text = f"{path.name} already exists in {path.parent}."
    second = "Save as...", QMessageBox.ButtonRole.ActionRole
    answers: tuple[Literal["replace", "other", "cancel"], ...] = ("replace", "other", "cancel")
    return answers[_ask(parent, "Replace file?", text, "Replace", *second)]


def _ask(
    parent: QWidget, title: str, text: str, first: str, second: str, role: QMessageBox.ButtonRole
) -> Literal[0, 1, 2]:
    """Ask; returns the number of the answer: the first (the default), the second, or Cancel."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(text)
    default, other = box.addButton(first, QMessageBox.ButtonRole.AcceptRole), box.addButton(second, role)
    box.setDefaultButton(default)
    box.setEscapeButton(box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole))
    box.exec()
    return 0 if box.clickedButton() is default else 1 if box.clickedButton() is other else 2
