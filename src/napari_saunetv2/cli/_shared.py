"""What the commands share: consoles, options that several take, and small helpers."""

import logging
import math
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.progress import drain

if TYPE_CHECKING:
    from napari_saunetv2.training import Recipe, Report

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="A model's name (see `saunetv2 models`) or file.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
EngineOption = Annotated[str, typer.Option(help="auto (the fastest installed), torch, openvino or onnx.")]
PrecisionOption = Annotated[
    str, typer.Option(help="auto (the fastest with the same score), float32, bfloat16 or int8.")
]
TtaOption = Annotated[
    str, typer.Option(help="Average over several views: none, flips (4 passes) or d4 (8 passes, best).")
]
RescaleOption = Annotated[
    str,
    typer.Option(help="auto (resample to the model's scale if the field of view differs), off, or a factor."),
]
RecursiveOption = Annotated[
    bool,
    typer.Option("--recursive", help="Search subfolders too; the results keep the folder structure."),
]
WorkersOption = Annotated[int, typer.Option(help="Number of processes (needs the extra cluster).")]
SchedulerOption = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://node1:8786.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]


class Warned(logging.Handler):
    """Prints the package's warnings once, in yellow, and plainly what takes long."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        words = record.getMessage()
        if words not in self._printed:
            self._printed.add(words)
            warning = record.levelno >= logging.WARNING
            err.print(f"[yellow]{plain(words)}[/yellow]" if warning else plain(words))


def print_warnings() -> None:
    """Print the package's warnings while this command runs."""
    log = logging.getLogger("napari_saunetv2")
    log.handlers = [handler for handler in log.handlers if not isinstance(handler, Warned)]
    log.addHandler(Warned())
    log.setLevel(min(logging.INFO, log.getEffectiveLevel()))


def plain(text: object) -> str:
    """Escape text for Rich, which reads square brackets as markup; file names may contain them.

    Control characters, which the name or header of an untrusted file may contain, become "?".
    """
    shown = "".join(c if c.isprintable() or c == "\n" else "?" for c in str(text))
    return shown.replace("[", r"\[")


def number_or(option: str, text: str, *words: str, whole: bool = False) -> Any:
    """Convert an option's text to a number, unless it is one of the allowed words."""
    if text in words:
        return text
    try:
        return int(text) if whole else float(text)
    except ValueError:
        choices = [*words, "a whole number" if whole else "a number"]
        raise SettingsError(f"{option} is '{text}': give {' or '.join(choices)}.") from None


def recipe_of(
    name: str,
    steps: int | None,
    seed: int | None,
    batch: int | None = None,
) -> "Recipe":
    """Look up a recipe and override the given settings; raises SettingsError."""
    from dataclasses import replace

    from napari_saunetv2.training import RECIPES

    if name not in RECIPES:
        raise SettingsError(f"There is no recipe '{name}': choose {', '.join(RECIPES)}.")
    given = {"steps": steps, "seed": seed, "batch": batch}
    changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    chosen = RECIPES[name]
    return replace(chosen, cycles=tuple(replace(config, **changes) for config in chosen.cycles))


def refuse_existing(*paths: Path | None) -> None:
    """Raise OverwriteError for an existing file, before the work starts."""
    for path in paths:
        if path is not None and path.exists():
            raise OverwriteError(f"'{path}' already exists: choose another name, or pass --overwrite.")


def bar() -> Progress:
    """Progress bar on a terminal; in a log only the printed lines."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    )


def follow(
    work: Generator[Any, None, Any],
    part: Callable[[Any], "tuple[str, Report | None]"] = lambda report: ("", report),
) -> Any:
    """Show a training until it is done: one line on a terminal, one line a minute in a log.

    Parameters
    ----------
    work : generator
        Its return value is returned.
    part : callable
        Splits what ``work`` yields into a prefix and the training's report; without a report nothing is
        shown.
    """
    printed = 0.0
    with bar() as shown:
        task = shown.add_task("training", total=None)

        def show(state: Any) -> None:
            nonlocal printed
            before, report = part(state)
            if report is None:
                return
            f1 = "-" if report.validation_f1 is None else f"{report.validation_f1:.4f}"
            text = f"{before}loss {report.loss:.4f}  validation F1 {f1}  {report.device}"
            shown.update(task, completed=report.step, total=report.steps, description=text)
            if not shown.console.is_terminal and time.monotonic() - printed > 60:
                printed = time.monotonic()
                known = math.isfinite(report.seconds_left)
                left = time.strftime("%H:%M:%S", time.gmtime(report.seconds_left)) if known else "-"
                shown.console.print(f"step {report.step}/{report.steps}  {text}  {left} left")

        try:
            return drain(work, show)
        except KeyboardInterrupt:
            shown.console.print("Stopped; the progress is saved, --resume continues from there.")
            raise
