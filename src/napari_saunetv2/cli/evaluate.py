"""``saunetv2 evaluate``: a model's scores on a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.table import Table

from napari_saunetv2.cli._shared import (
    DeviceOption,
    ModelOption,
    OverwriteOption,
    RescaleOption,
    TtaOption,
    bar,
    number_or,
    out,
    plain,
    refuse_existing,
)

if TYPE_CHECKING:
    from napari_saunetv2.evaluation import ImageScore


def evaluate(
    dataset: Annotated[str, typer.Argument(help="drive, stare, chase or hrf.")],
    root: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    split: Annotated[
        str | None,
        typer.Option(help="train, test or all; if not given test, or all where the set has no test images."),
    ] = None,
    model: ModelOption = "saunetv2-drive",
    protocol: Annotated[
        str, typer.Option(help="whole: every pixel of the frame, as the papers; fov: the field of view only.")
    ] = "whole",
    observer: Annotated[
        str | None, typer.Option(help="Whose labels are the truth; the reference's if not given.")
    ] = None,
    threshold: Annotated[
        str, typer.Option(help="A number between 0 and 1, or auto (the model's own).")
    ] = "0.5",
    tta: TtaOption = "none",
    rescale: RescaleOption = "auto",
    device: DeviceOption = "auto",
    second_observer: Annotated[
        str | None, typer.Option("--score-observer", help="Score this observer's labels instead of a model.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write table and settings here.")] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Also record the mean in the model file's header.")
    ] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Score a model on a data set, image by image and in the mean.

    **Example**: `saunetv2 evaluate drive DRIVE --split test --protocol whole --json scores.json`
    """
    from napari_saunetv2 import checkpoint, datasets, evaluation

    if not overwrite:
        refuse_existing(csv, json_file)
    samples = evaluation.chosen(datasets.read(root, dataset), split)
    level = number_or("--threshold", threshold, "auto")
    if second_observer:
        scores = evaluation.evaluate_observer(
            samples, second_observer, protocol=cast("evaluation.Protocol", protocol), reference=observer
        )
    else:
        scores = evaluation.evaluate(
            samples,
            model,
            protocol=cast("evaluation.Protocol", protocol),
            observer=observer,
            threshold=level,
            tta=cast("Any", tta),
            rescale=number_or("--rescale", rescale, "auto", "off"),
            device=device,
        )
    about = {
        "dataset": dataset,
        "split": split or samples[0].split or "all",
        "protocol": protocol,
        "observer": observer or datasets.DATASETS[dataset].observers[0],
        "scored": f"observer {second_observer}" if second_observer else model,
        "threshold": threshold,
        "tta": tta,
        "rescale": rescale,
    }
    with bar() as shown:
        done = list(shown.track(scores, total=len(samples), description="scoring"))
    title = datasets.DATASETS[dataset].title
    out.print(_table(done, f"{about['scored']} on {title}, split {about['split']}, protocol {protocol}"))
    for path, text in ((csv, evaluation.as_csv(done)), (json_file, evaluation.as_json(done, about))):
        if path is not None:
            _write_text(path, text, overwrite)
    if record and not second_observer:
        means = {k: round(v, 5) for k, v in evaluation.mean(done).items()}
        checkpoint.record(
            checkpoint.find(model),
            {**{k: v for k, v in about.items() if k != "scored"}, "images": len(done), "mean": means},
        )


def _table(scores: "list[ImageScore]", title: str) -> Table:
    from napari_saunetv2 import evaluation
    from napari_saunetv2.metrics import TITLES

    table = Table(title=title, show_footer=True)
    means = evaluation.mean(scores)
    table.add_column("image", footer="mean")
    for key, name in TITLES.items():
        table.add_column(name, footer=f"{means[key]:.4f}", justify="right")
    for one in scores:
        table.add_row(one.name, *(f"{one.metrics[key]:.4f}" for key in TITLES))
    return table


def _write_text(path: Path, text: str, overwrite: bool) -> None:
    from napari_saunetv2.files import write_beside

    write_beside(path, lambda file: file.write(text.encode()), overwrite=overwrite)
    out.print(f"written {plain(path)}")
