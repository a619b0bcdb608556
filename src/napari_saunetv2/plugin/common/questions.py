"""What only the user can decide."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from qtpy.QtWidgets import QMessageBox, QWidget

KEEP: Literal["keep"] = "keep"
DROP: Literal["drop"] = "drop"
STAY: Literal["stay"] = "stay"


def ask_about_edits(parent: QWidget, names: Sequence[str]) -> Literal["keep", "drop", "stay"]:
    """Ask what becomes of painted layers that lie in no file."""
    box = QMessageBox(parent)
    box.setWindowTitle("Painted labels")
    box.setText(f"You painted on {', '.join(names)}, and did not save it.")
    keep = box.addButton("Keep the layers", QMessageBox.ButtonRole.AcceptRole)
    drop = box.addButton("Throw away", QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton("Stay here", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(stay)
    box.exec()
    return KEEP if box.clickedButton() is keep else DROP if box.clickedButton() is drop else STAY


def ask_to_replace(parent: QWidget, path: Path) -> Literal["replace", "other", "cancel"]:
    """Ask whether a file may be replaced, or whether another one is to be chosen."""
    box = QMessageBox(parent)
    box.setWindowTitle("Replace file?")
    box.setText(f"{path.name} exists already in {path.parent}.")
    replace = box.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
    other = box.addButton("Save as...", QMessageBox.ButtonRole.ActionRole)
    cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(replace)
    box.setEscapeButton(cancel)
    box.exec()
    clicked = box.clickedButton()
    return "replace" if clicked is replace else "other" if clicked is other else "cancel"
