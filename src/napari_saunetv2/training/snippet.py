"""A fine-tuning as Python and as a command line: both give the weights that the widget gives."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_saunetv2.library import DEFAULT

_OPTIONS = {"learning_rate": "--lr", "inside_field": "--inside-fov"}
"""Settings whose option is not named as they are."""


@dataclass(frozen=True)
class Snippet:
    """All that decides about the weights.

    Attributes
    ----------
    folder : Path
        Of the images and labels.
    only : sequence of str
        Names of the images to take; all of them where it is empty.
    base : str or None
        Name or path of a model; None trains from scratch.
    changes : mapping
        As for :func:`napari_saunetv2.training.tuning.settings`; ``augmentation`` by name.
    device : str
    run : Path
        Folder of the run.
    """

    folder: Path
    only: Sequence[str] = ()
    base: str | None = DEFAULT
    changes: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    run: Path = Path("run")

    def as_python(self) -> str:
        """Give Python code that ends with ``outcome``, what the training came to."""
        values = bool(self.changes.get("sparse")) or len(self.changes.get("classes", "1")) > 1
        reading = f"Path({str(self.folder)!r})" + (", values=True" if values else "")
        settings = {name: repr(value) for name, value in self.changes.items()}
        if "augmentation" in settings:
            settings["augmentation"] = f"tuning.augmentation({settings['augmentation']})"
        given = "".join(f", {name}={value}" for name, value in settings.items())
        only = [f"pairs = [pair for pair in pairs if pair.name in {list(self.only)!r}]"] if self.only else []
        base = "None" if self.base is None else f"checkpoint.load({self.base!r})"
        return "\n".join(
            [
                "from pathlib import Path",
                "",
                "from napari_saunetv2 import checkpoint",
                "from napari_saunetv2.training import Outcome, fine_tune, folders, tuning",
                "",
                f"pairs = folders.pairs({reading})",
                *only,
                f"base = {base}",
                f"config = tuning.settings(pairs, base{given})",
                f"run = Path({str(self.run)!r})",
                f"for report in fine_tune(pairs, config, run, base=base, device={self.device!r}):",
                "    print(report.step, report.loss, report.validation_f1)",
                "outcome = Outcome.read(run)  # outcome.model is None where no step beat the base",
                "print(outcome.describe())",
                "",
            ]
        )

    def as_command(self) -> str:
        """Give the command line."""
        words = ["saunetv2", "finetune", str(self.folder), "--out", str(self.run)]
        words += ["--base", self.base or "none", "--device", self.device]
        words += ["--only", ",".join(self.only)] if self.only else []
        for name, value in self.changes.items():
            option = _OPTIONS.get(name, "--" + name.replace("_", "-"))
            if value is True:
                words.append(option)
            elif name == "patience":
                words += [option, str(value or 0)]
            elif value is not False and value is not None:
                words += [option, ",".join(value) if isinstance(value, tuple) else str(value)]
        return shlex.join(words)
