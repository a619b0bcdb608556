"""What the commands share: consoles, options that several take, and small helpers."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from napari_saunetv2.errors import OverwriteError, SettingsError

out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="A model's name (see `saunetv2 models`) or file.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
EngineOption = Annotated[
    str, typer.Option(help="auto (the fastest that is installed), torch, openvino or onnx.")
]
PrecisionOption = Annotated[
    str, typer.Option(help="auto (the fastest that keeps the score), float32, bfloat16 or int8.")
]
TtaOption = Annotated[
    str, typer.Option(help="Mean over several views: none, flips (4 passes) or d4 (8 passes, best).")
]
RescaleOption = Annotated[
    str,
    typer.Option(help="auto works at the model's scale where the field of view differs; off; or a factor."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


def plain(text: object) -> str:
    """Text that Rich prints as it is: it reads square brackets as markup, and a file name may hold them.

    What would steer the terminal, which the name or header of a stranger's file may hold, becomes "?".
    """
    shown = "".join(c if c.isprintable() or c == "\n" else "?" for c in str(text))
    return shown.replace("[", r"\[")


def number_or(option: str, text: str, *words: str, whole: bool = False) -> Any:
    """Turn an option's text into a number, unless it is one of its words."""
    if text in words:
        return text
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "whole number" if whole else "number"
        raise SettingsError(f"{option} is '{text}': give {', '.join(words)} or a {kind}.") from None


def refuse_existing(*paths: Path | None) -> None:
    """Raise OverwriteError for a file that exists: before the work, not after it."""
    for path in paths:
        if path is not None and path.exists():
            raise OverwriteError(f"'{path}' exists already: choose another name, or pass --overwrite.")


def bar() -> Progress:
    """Progress on a terminal; in a log nothing, but what is printed above it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    )


def drain(work: Generator[Any, None, Any], show: Callable[[Any], None]) -> Any:
    """Show what a generator yields until its end; returns what it returns."""
    while True:
        try:
            state = next(work)
        except StopIteration as done:
            return done.value
        except KeyboardInterrupt:
            work.close()
            raise
        show(state)
