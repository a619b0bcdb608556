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
    box = QMessageBox(parent)
    box.setWindowTitle("Painted labels")
    box.setText(f"You painted on {', '.join(names)} and have not saved it.")
    keep = box.addButton("Keep the layers", QMessageBox.ButtonRole.AcceptRole)
    drop = box.addButton("Discard changes", QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(stay)
    box.exec()
    return KEEP if box.clickedButton() is keep else DROP if box.clickedButton() is drop else STAY


def ask_to_replace(parent: QWidget, path: Path) -> Literal["replace", "other", "cancel"]:
    """Ask whether to replace a file or to choose another one."""
    box = QMessageBox(parent)
    box.setWindowTitle("Replace file?")
    box.setText(f"{path.name} already exists in {path.parent}.")
    replace = box.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
    other = box.addButton("Save as...", QMessageBox.ButtonRole.ActionRole)
    cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(replace)
    box.setEscapeButton(cancel)
    box.exec()
    clicked = box.clickedButton()
    return "replace" if clicked is replace else "other" if clicked is other else "cancel"
