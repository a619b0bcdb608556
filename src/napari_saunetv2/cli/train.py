"""``saunetv2 train``: a data set in, a model out."""

import math
import time
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from napari_saunetv2.cli._shared import DeviceOption, bar, err, out, plain
from napari_saunetv2.errors import SettingsError


def train(
    roots: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...", help="Folders of data sets."),
    ],
    run: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="RUN", help="Folder of the run: settings, log, state and model."),
    ],
    recipe: Annotated[str, typer.Option(help="Named settings.")] = "drive",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps of each cycle, instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Views in a step, instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw, instead of the recipe's.")] = None,
    base: Annotated[str | None, typer.Option(help="Start from this model's weights.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Train a model on the training images of a data set.

    Progress is saved every minute: after a kill the same command with --resume goes on from there, to the
    same weights. Processes that torchrun starts share each step, to the same weights as one.

    **Example**: `saunetv2 train --recipe drive DRIVE -o runs/drive`

    **On four GPUs**: `torchrun --nproc-per-node 4 -m napari_saunetv2.cli train DRIVE -o runs/drive`
    """
    from dataclasses import replace

    from napari_saunetv2 import checkpoint, datasets
    from napari_saunetv2.training import RECIPES, Pair, together

    if recipe not in RECIPES:
        raise SettingsError(f"There is no recipe '{recipe}': choose {', '.join(RECIPES)}.")
    chosen = RECIPES[recipe]
    given = {"steps": steps, "batch": batch, "seed": seed}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    chosen = replace(chosen, cycles=tuple(replace(config, **changes) for config in chosen.cycles))
    with together.launched(device) as own_device:
        out.quiet = err.quiet = not together.leads()
        samples = [s for root in roots for s in datasets.read(root) if chosen.takes(s)]
        pairs = [Pair(s.name, s.image(), s.labels(), s.fov() if s.fov_path else None) for s in samples]
        work = chosen.train(
            pairs,
            run,
            resume=resume,
            base=checkpoint.load(base) if base else None,
            device=own_device,
            data={"dataset": ", ".join(dict.fromkeys(s.dataset for s in samples)), "split": "train"},
            name=recipe,
        )
        path = follow(work)
    out.print(f"The model is {plain(path)}: try it with saunetv2 segment IMAGE -o OUT --model {plain(path)}")


def follow(work: Any) -> Path:
    """Show a training's reports until it is done; on a terminal one line, in a log one line a minute."""
    printed = 0.0
    with bar() as shown:
        task = shown.add_task("training", total=None)
        while True:
            try:
                report = next(work)
            except StopIteration as done:
                return cast("Path", done.value)
            except KeyboardInterrupt:
                work.close()
                shown.console.print("Stopped; what was reached is saved, --resume goes on from there.")
                raise
            f1 = "-" if report.validation_f1 is None else f"{report.validation_f1:.4f}"
            text = f"loss {report.loss:.4f}  validation F1 {f1}  {report.device}"
            shown.update(task, completed=report.step, total=report.steps, description=text)
            if not shown.console.is_terminal and time.monotonic() - printed > 60:
                printed = time.monotonic()
                known = math.isfinite(report.seconds_left)
                left = time.strftime("%H:%M:%S", time.gmtime(report.seconds_left)) if known else "-"
                shown.console.print(f"step {report.step}/{report.steps}  {text}  {left} left")
