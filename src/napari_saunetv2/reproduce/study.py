"""A study of the Browse widget as a command line with the same results."""

from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2.reproduce import _command


@dataclass(frozen=True)
class StudyRun:
    """All that determines a study.

    Attributes
    ----------
    folder, output : Path
    model : str
        Name or file.
    sheet : Path, optional
    pattern, date_format : str, optional
    exports : tuple of str
        Formats for other programs, "excel" among them.
    """

    folder: Path
    output: Path
    model: str
    sheet: Path | None = None
    pattern: str | None = None
    date_format: str | None = None
    exports: tuple[str, ...] = ()

    def as_command(self) -> str:
        """Return the command that does the study."""
        options = {"--sheet": self.sheet, "--pattern": self.pattern, "--date-format": self.date_format}
        given = [word for name, value in options.items() if value is not None for word in (name, value)]
        for name in self.exports:
            given += ["--excel"] if name == "excel" else ["--export", name]
        return _command("study", self.folder, "--out", self.output, "--model", self.model, *given)
