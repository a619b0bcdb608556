"""``saunetv2 cross-validate``: an unbiased score of a recipe on a data set without a split."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from napari_saunetv2.cli._shared import DeviceOption, TtaOption, follow, number_or, out, plain, recipe_of

if TYPE_CHECKING:
    from napari_saunetv2.evaluation import ImageScore
    from napari_saunetv2.training import Report
    from napari_saunetv2.training.crossvalidation import FoldReport


def cross_validate(
    dataset: Annotated[
        str,
        typer.Argument(help="drive, stare, chase, hrf, aria, orvs, ravir, octa500-6m, octa500-3m or rossa."),
    ],
    root: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    run: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Folder of the run.")],
    recipe: Annotated[str, typer.Option(help="Named settings, see `saunetv2 train`.")] = "drive",
    folds: Annotated[int, typer.Option(help="Number of folds, cut in file order.")] = 5,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in RUN.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps per cycle, instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed, instead of the recipe's.")] = None,
    protocol: Annotated[str, typer.Option(help="whole or fov, as in `saunetv2 evaluate`.")] = "whole",
    threshold: Annotated[str, typer.Option(help="A number between 0 and 1.")] = "0.5",
    tta: TtaOption = "none",
    device: DeviceOption = "auto",
) -> None:
    """Train on all folds but one and score that one, for each fold in turn: one table for all images.

    Images of an official test split are not used. RUN holds a training for each fold; after a kill, the same
    command with --resume continues. At the end scores.csv, .json and .md are written there.

    **Example**: `saunetv2 cross-validate stare STARE -o runs/stare --recipe stare --folds 5`
    """
    from napari_saunetv2 import datasets
    from napari_saunetv2.cli.evaluate import score_tables
    from napari_saunetv2.evaluation import EXACT, Scoring
    from napari_saunetv2.training import crossvalidation

    samples = [s for s in datasets.read(root, dataset) if s.split in ("train", None) and s.label_paths]
    config = replace(EXACT, tta=cast("Any", tta), device=device)
    scoring = Scoring(cast("Any", protocol), threshold=number_or("--threshold", threshold))
    chosen = recipe_of(recipe, steps, seed)
    work = crossvalidation.cross_validate(
        samples, chosen, run, folds=folds, name=recipe, config=config, scoring=scoring, resume=resume
    )
    scores = follow(work, _part)
    title = f"recipe {recipe} on {datasets.DATASETS[dataset].title}, {folds} folds, protocol {protocol}"
    for table in score_tables(scores, title):
        out.print(table)
    about = {
        "dataset": dataset,
        "recipe": recipe,
        "folds": folds,
        "protocol": protocol,
        "threshold": threshold,
        "tta": tta,
        "seed": chosen.cycles[0].seed,
    }
    _write(run, scores, title, about)


def _part(state: "FoldReport") -> "tuple[str, Report | None]":
    """Prefix the fold to its training's report; when it is done print its score."""
    from napari_saunetv2.evaluation import mean

    fold = f"fold {state.fold}/{state.folds}"
    if state.training is None:
        f1 = mean(state.scores)["f1"]
        out.print(f"{fold} done: F1 {f1:.4f} over {len(state.scores)} images so far")
    return f"{fold}  ", state.training


def _write(run: Path, scores: "list[ImageScore]", title: str, about: dict[str, Any]) -> None:
    from napari_saunetv2 import evaluation
    from napari_saunetv2.cli.evaluate import write_text

    for name, text in (
        ("scores.csv", evaluation.as_csv(scores)),
        ("scores.json", evaluation.as_json(scores, about)),
        ("scores.md", evaluation.as_markdown(scores, title)),
    ):
        write_text(run / name, text, overwrite=True)
    out.print(f"The models of the folds are in {plain(run)}.")
