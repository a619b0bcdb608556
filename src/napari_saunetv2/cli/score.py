"""``saunetv2 score``: score prediction files against reference files."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from napari_saunetv2.cli._shared import OverwriteOption, bar, out, refuse_existing
from napari_saunetv2.cli.evaluate import score_tables, write_text


def score(
    predictions: Annotated[Path, typer.Argument(help="A probability map or mask, or a folder of them.")],
    truth: Annotated[Path, typer.Argument(help="An observer's mask, or a folder with one for each name.")],
    second: Annotated[
        Path | None, typer.Option(help="A second observer's mask, or folder, scored beside the prediction.")
    ] = None,
    fov: Annotated[
        Path | None, typer.Option(help="Mask of the field of view, or folder: only pixels inside are scored.")
    ] = None,
    threshold: Annotated[float, typer.Option(help="Pixels with at least this probability are vessel.")] = 0.5,
    csv: Annotated[Path | None, typer.Option(help="Write the table here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write table and settings here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the table here, as Markdown.")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Score masks or probability maps from any program against an observer's masks.

    **Examples**

    `saunetv2 score mine.png observer.gif --fov mask.gif`

    `saunetv2 score results labels --second other_labels --csv scores.csv`
    """
    from napari_saunetv2 import evaluation, inference
    from napari_saunetv2.evaluation import file_pairs

    if not overwrite:
        refuse_existing(csv, json_file, markdown)
    level = inference.threshold_of("", threshold)
    pairs = file_pairs.matched(predictions, truth, second, fov)
    scores, others = [], []
    with bar() as shown:
        for pair in shown.track(pairs, description="scoring"):
            case, other = pair.read(level)
            scores.append(case.score())
            others += [other.score()] if other is not None else []
    title = f"{predictions} against {truth}"
    for printed in score_tables(scores, title):
        out.print(printed)
    if others:
        for printed in score_tables(others, f"{second} against {truth}"):
            out.print(printed)
    about = {"scored": str(predictions), "truth": str(truth), "threshold": level, "fov": fov and str(fov)}
    texts: tuple[tuple[Path | None, Callable[[], str]], ...] = (
        (csv, lambda: evaluation.as_csv(scores, others)),
        (json_file, lambda: evaluation.as_json(scores, about)),
        (markdown, lambda: evaluation.as_markdown(scores, title)),
    )
    for path, text in texts:
        if path is not None:
            write_text(path, text(), overwrite)
