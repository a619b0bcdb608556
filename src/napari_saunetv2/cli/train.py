"""``saunetv2 train``: train a model on a data set."""

from pathlib import Path
from typing import Annotated

import typer

from napari_saunetv2.cli._shared import DeviceOption, err, follow, out, plain, recipe_of
from napari_saunetv2.errors import SettingsError


def train(
    roots: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Folders of data sets, or ones that the recipe names, with 'images' and 'labels'.",
        ),
    ],
    run: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="RUN", help="Folder of the run: settings, log, state and model."),
    ],
    recipe: Annotated[str, typer.Option(help="Named settings.")] = "drive",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in RUN.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps per cycle, instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Crops per step, instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed, instead of the recipe's.")] = None,
    base: Annotated[str | None, typer.Option(help="Start from this model's weights.")] = None,
    from_cycle: Annotated[
        int, typer.Option("--from-cycle", help="Leave out the cycles before this one; needs --base.")
    ] = 1,
    device: DeviceOption = "auto",
) -> None:
    """Train a model on the training images of a data set.

    Progress is saved every minute: after a kill, the same command with --resume continues and reaches the
    same weights. Processes started by torchrun share each step and reach the same weights as one process.

    **Example**: `saunetv2 train --recipe drive DRIVE -o runs/drive`

    **On four GPUs**: `torchrun --nproc-per-node 4 -m napari_saunetv2.cli train DRIVE -o runs/drive`
    """
    from napari_saunetv2.models import checkpoint
    from napari_saunetv2.training import processes
    from napari_saunetv2.training.on_demand import Pairs

    chosen = recipe_of(recipe, steps, seed, batch=batch).beginning_with(from_cycle)
    if from_cycle > 1 and base is None:
        raise SettingsError(
            f"--from-cycle is {from_cycle}: give with --base the model that the cycles before it made."
        )
    with processes.launched(device) as own_device:
        out.quiet = err.quiet = not processes.is_main_process()
        pairs = Pairs.joined(chosen.pairs(root) for root in roots)
        data = {"dataset": ", ".join(dict.fromkeys(map(chosen.source, roots))), "split": "train"}
        work = chosen.train(
            pairs,
            run,
            resume=resume,
            base=checkpoint.load(base) if base else None,
            device=own_device,
            data=data,
            name=recipe,
        )
        path = follow(work)
    out.print(f"Model: {plain(path)}. Try it with saunetv2 segment IMAGE -o OUT --model {plain(path)}")
