"""``saunetv2 evaluate``: a model's scores on a data set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich import box
from rich.table import Table

from napari_saunetv2.cli._shared import (
    DeviceOption,
    ModelOption,
    OverwriteOption,
    RescaleOption,
    TtaOption,
    bar,
    err,
    number_or,
    out,
    plain,
    refuse_existing,
)
from napari_saunetv2.config import DEFAULT, InferenceConfig

if TYPE_CHECKING:
    from napari_saunetv2.datasets import Sample
    from napari_saunetv2.evaluation import Case, Comparison, ImageScore, Scoring
    from napari_saunetv2.models.checkpoint import Checkpoint


def evaluate(
    dataset: Annotated[
        str,
        typer.Argument(
            help="drive, stare, chase, hrf, rite, hrf-av, aria, orvs, ravir, octa500-6m, octa500-3m or rossa."
        ),
    ],
    root: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    split: Annotated[
        str | None,
        typer.Option(
            help="train, test, all, or unseen: images that neither this model nor that of --compare was "
            "trained or validated on. Default: test, or all if the set has no test images."
        ),
    ] = None,
    model: ModelOption = DEFAULT,
    protocol: Annotated[
        str,
        typer.Option(help="whole: every pixel of the frame, as in the papers; fov: only the field of view."),
    ] = "whole",
    observer: Annotated[
        str | None,
        typer.Option(
            help="Observer whose labels are the reference; by default the data set's reference observer."
        ),
    ] = None,
    threshold: Annotated[
        str, typer.Option(help="Number between 0 and 1, or auto (the model's own).")
    ] = "0.5",
    tta: TtaOption = "none",
    rescale: RescaleOption = "auto",
    device: DeviceOption = "auto",
    second_observer: Annotated[
        str | None, typer.Option("--score-observer", help="Score this observer's labels instead of a model.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--compare", metavar="MODEL|OBSERVER", help="Compare with this model or observer, image by image."
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write table and settings here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the table here, as Markdown.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report with table, curve and images here.")
    ] = None,
    vote: Annotated[
        bool,
        typer.Option(help="Arteries and veins: one class along each vessel, or each pixel its own."),
    ] = True,
    record: Annotated[
        bool, typer.Option("--record", help="Also record the mean in the model file's header.")
    ] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Score a model on a data set: per image and the mean.

    **Examples**

    `saunetv2 evaluate drive DRIVE --split test --protocol whole --json scores.json`

    `saunetv2 evaluate drive DRIVE --compare 2nd --report drive.html`
    """
    from napari_saunetv2 import datasets, evaluation
    from napari_saunetv2.errors import SettingsError
    from napari_saunetv2.evaluation import report as pages
    from napari_saunetv2.models import checkpoint

    if not overwrite:
        refuse_existing(csv, json_file, markdown, report)
    if second_observer and record:
        raise SettingsError("--record stores the score of a model: remove --score-observer or --record.")
    everything = datasets.read(root, dataset)
    scored = None if second_observer else checkpoint.load(model)
    by = against if against in datasets.DATASETS[dataset].observers else None
    other = checkpoint.load(against) if against is not None and by is None else None
    samples = evaluation.chosen(everything, split, scored.header if scored else None)
    if other is not None and split == "unseen":
        samples = evaluation.chosen(samples, split, other.header)
    for one, refused in ((scored, record), (other, False)):
        if one is not None:
            _tell_learned(samples, one, refused=refused)
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
    config = replace(
        evaluation.EXACT,
        tta=cast("Any", tta),
        rescale=number_or("--rescale", rescale, "auto", "off"),
        device=device,
    )
    scoring = evaluation.Scoring(
        cast("Any", protocol), observer, number_or("--threshold", threshold, "auto"), vote
    )
    keep = pages.entry if report else evaluation.Case.score
    done = _each(keep, _cases(samples, scored, second_observer, config, scoring), len(samples), "scoring")
    others: list[Any] = []
    if against is not None:
        about["compared with"] = f"observer {by}" if by else against
        others = _each(keep, _cases(samples, other, by, config, scoring), len(samples), "scoring other")

    scores, other_scores = ([getattr(x, "score", x) for x in some] for some in (done, others))
    compared = evaluation.compare(scores, other_scores) if others else None
    title = f"{datasets.DATASETS[dataset].title}, split {about['split']}, protocol {protocol}"
    shown = f"{about['scored']} on {title}"
    for table in score_tables(scores, shown):
        out.print(table)
    if compared is not None:
        out.print(_comparison(compared, f"against {about['compared with']}"))
    texts: tuple[tuple[Path | None, Callable[[], str]], ...] = (
        (csv, lambda: evaluation.as_csv(scores)),
        (json_file, lambda: evaluation.as_json(scores, about, compared)),
        (markdown, lambda: evaluation.as_markdown(scores, shown, compared)),
        (report, lambda: pages.page(done, shown, about, model=scored, others=others)),
    )
    for path, text in texts:
        if path is not None:
            write_text(path, text(), overwrite)
    if record and scored is not None:
        means = {k: round(v, 7) for k, v in evaluation.mean(scores).items()}
        kept = {k: v for k, v in about.items() if k not in ("scored", "compared with")}
        checkpoint.record(checkpoint.find(model), {**kept, "images": len(scores), "mean": means})


def _tell_learned(samples: "Sequence[Sample]", model: "Checkpoint", *, refused: bool) -> None:
    """Warn that a model was trained on images that it is scored on; such a score is not recorded."""
    from napari_saunetv2 import evaluation
    from napari_saunetv2.errors import SettingsError

    learned = sum(evaluation.learned_from(s, model.header) for s in samples)
    known = f"{learned} of these {len(samples)} images were used to train '{model.name}'"
    if learned and refused:
        raise SettingsError(f"{known}: to record a score use --split test or unseen.")
    if learned:
        err.print(plain(f"{known}: for a score on new images use --split unseen."), style="yellow")


def _cases(
    samples: Sequence[Any],
    model: "Checkpoint | None",
    observer: str | None,
    config: "InferenceConfig",
    scoring: "Scoring",
) -> "Iterator[Case]":
    """Answers of a model where there is one, else of an observer."""
    from napari_saunetv2 import evaluation

    if model is not None:
        return evaluation.predictions(samples, model, config, scoring)
    return evaluation.observed(samples, observer or "", protocol=scoring.protocol, reference=scoring.observer)


def _each(keep: "Callable[[Case], Any]", cases: "Iterator[Case]", total: int, doing: str) -> list[Any]:
    """Keep the needed part of each case, and show the progress."""
    with bar() as shown:
        return [keep(case) for case in shown.track(cases, total=total, description=doing)]


def score_tables(scores: "Sequence[ImageScore]", title: str) -> "Iterator[Table]":
    """Printed tables: one line per image, then the mean; a second one of arteries and veins."""
    from napari_saunetv2.evaluation import tables

    for titles in tables.by_kind(scores):
        table = _narrow(title, ["image", *titles.values()])
        *rows, last = tables.score_rows(scores, titles, "mean")
        for name, *numbers in rows:
            table.add_row(plain(name), *numbers)
        table.add_section()
        table.add_row(*last)
        yield table


def _comparison(compared: "dict[str, Comparison]", title: str) -> Table:
    from napari_saunetv2.evaluation import tables

    table = _narrow(title, tables.COMPARED)
    for row in tables.comparison_rows(compared):
        table.add_row(*row)
    return table


def _narrow(title: str, columns: Sequence[str]) -> Table:
    """Table that fits into 80 characters: no lines between columns, long names on two lines."""
    table = Table(title=plain(title), box=box.SIMPLE, padding=0, show_edge=False)
    for number, column in enumerate(columns):
        numbers = bool(number)
        table.add_column(
            column,
            justify="right" if numbers else "left",
            no_wrap=numbers,
            overflow="fold",
            min_width=8 * (not numbers),
        )
    return table


def write_text(path: Path, text: str, overwrite: bool) -> None:
    """Write a text file and report it."""
    from napari_saunetv2.files import write_beside

    write_beside(path, lambda file: file.write(text.encode()), overwrite=overwrite)
    out.print(f"written {plain(path)}")
