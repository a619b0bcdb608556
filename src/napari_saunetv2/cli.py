"""The command line: parse, call one function, print."""

import glob
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from napari_saunetv2 import __version__
from napari_saunetv2.errors import SaunetError, SettingsError

# torch takes seconds to import: commands import what they call when they run, so that --help is quick.
if TYPE_CHECKING:
    from napari_saunetv2.evaluation import ImageScore

app = typer.Typer(
    name="saunetv2",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Find the vessels in retinal photographs with SA-UNetv2. Research software, no medical device.",
)
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

Auto = Literal["auto"]
ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="A model's name (see `saunetv2 models`) or file.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
TtaOption = Annotated[
    str, typer.Option(help="Mean over several views: none, flips (4 passes) or d4 (8 passes, best).")
]
RescaleOption = Annotated[
    str,
    typer.Option(help="auto works at the model's scale where the field of view differs; off; or a factor."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


def main() -> None:
    """Run the command line; an error is one line and exit code 1, with ``--debug`` a traceback."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
        logging.basicConfig(level=logging.DEBUG)
    try:
        app()
    except SaunetError as error:
        if debug:
            raise
        err.print(f"[red]Error:[/red] {_plain(error)}")
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)


def _plain(error: object) -> str:
    # Rich reads square brackets as markup; a file name may hold them.
    return str(error).replace("[", r"\[")


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"saunetv2 {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


@app.command()
def segment(
    inputs: Annotated[
        list[str], typer.Argument(help="Images, folders of images, or patterns such as 'eyes/*.tif'.")
    ],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; made if missing.")],
    model: ModelOption = "saunetv2-drive",
    threshold: Annotated[
        str, typer.Option(help="auto (the model's own) or a number between 0 and 1.")
    ] = "auto",
    tta: TtaOption = "none",
    rescale: RescaleOption = "auto",
    device: DeviceOption = "auto",
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write the probability map (TIFF).")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write the vessels drawn on the image.")
    ] = False,
    suffix: Annotated[str, typer.Option("--format", help="Of the vessel mask: png, tif or gif.")] = "png",
    binary: Annotated[bool, typer.Option("--binary", help="Write the mask as 0/1 instead of 0/255.")] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Segment images and write `NAME_vessels.png` for each.

    A file that fails is reported and the others go on; the exit code is 1 if any failed.

    **Examples**

    `saunetv2 segment 01_test.tif -o results`

    `saunetv2 segment DRIVE/test/images -o results --probability --overlay --tta d4`
    """
    from napari_saunetv2 import checkpoint, inference

    files = _image_files(inputs)
    loaded = checkpoint.load(model)
    level = inference.threshold_of(loaded, _number_or(threshold, "auto", "--threshold"))
    settings: dict[str, Any] = {
        "device": device,
        "tta": tta,
        "rescale": _number_or(rescale, "auto", "--rescale", "off"),
    }
    if suffix not in ("png", "tif", "gif"):
        raise SettingsError(f"--format is '{suffix}': it must be png, tif or gif.")
    output.mkdir(parents=True, exist_ok=True)

    failed, begun = 0, time.monotonic()
    names = _distinct_names(files)
    with _bar() as bar:
        task = bar.add_task("segmenting", total=len(files))
        for file in files:
            try:
                line = _segment_one(
                    file,
                    output / names[file],
                    loaded,
                    level,
                    settings,
                    probability,
                    overlay,
                    suffix,
                    binary,
                    overwrite,
                )
                bar.console.print(line)
            except SaunetError as error:
                failed += 1
                bar.console.print(f"[red]failed[/red] {_plain(file.name)}: {_plain(error)}")
            bar.advance(task)
    out.print(
        f"{len(files) - failed} of {len(files)} images segmented in {time.monotonic() - begun:.1f} s, "
        f"results in {_plain(output)}"
    )
    if failed:
        raise typer.Exit(1)


def _segment_one(
    file: Path,
    target: Path,
    model: Any,
    threshold: float,
    settings: dict[str, Any],
    probability: bool,
    overlay: bool,
    suffix: str,
    binary: bool,
    overwrite: bool,
) -> str:
    from napari_saunetv2 import files as io
    from napari_saunetv2 import inference
    from napari_saunetv2.errors import OverwriteError
    from napari_saunetv2.imaging.intensity import to_unit
    from napari_saunetv2.imaging.overlay import outlined

    def named(what: str) -> Path:
        return target.with_name(f"{target.name}_{what}")

    vessels_path = named(f"vessels.{suffix}")
    wanted = [vessels_path]
    wanted += [named("probability.tif")] if probability else []
    wanted += [named("overlay.png")] if overlay else []
    for path in wanted:  # before the work, not after it
        if path.exists() and not overwrite:
            raise OverwriteError(f"'{path}' exists already: choose another folder, or pass --overwrite.")
    begun = time.monotonic()
    image = io.read_image(file)
    answer = inference.segment(image, model, **settings)
    vessels = inference.binarise(answer, threshold)
    io.write_mask(vessels_path, vessels, maximum=1 if binary else 255, overwrite=overwrite)
    if probability:
        io.write_probability(named("probability.tif"), answer, overwrite=overwrite)
    if overlay:
        io.write_image(named("overlay.png"), outlined(to_unit(image), vessels), overwrite=overwrite)
    height, width = answer.shape
    return (
        f"{_plain(file.name)}  {width} x {height}  {vessels.mean():.1%} vessels  "
        f"{time.monotonic() - begun:.2f} s  -> {_plain(vessels_path.name)}"
    )


@app.command()
def evaluate(
    dataset: Annotated[str, typer.Argument(help="drive, stare, chase or hrf.")],
    root: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    split: Annotated[str, typer.Option(help="train, test or all.")] = "all",
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

    samples = evaluation.chosen(datasets.read(root, dataset), split)
    level = _number_or(threshold, "auto", "--threshold")
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
            rescale=_number_or(rescale, "auto", "--rescale", "off"),
            device=device,
        )
    about = {
        "dataset": dataset,
        "split": split,
        "protocol": protocol,
        "observer": observer or datasets.DATASETS[dataset].observers[0],
        "scored": f"observer {second_observer}" if second_observer else model,
        "threshold": threshold,
        "tta": tta,
        "rescale": rescale,
    }
    with _bar() as bar:
        done = list(bar.track(scores, total=len(samples), description="scoring"))
    out.print(
        _table(
            done,
            f"{about['scored']} on {datasets.DATASETS[dataset].title}, split {split}, protocol {protocol}",
        )
    )
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


@app.command()
def train(
    root: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="Folder of a data set, or of two folders images/ and labels/."),
    ],
    run: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="RUN", help="Folder of the run: settings, log, state and model."),
    ],
    recipe: Annotated[str, typer.Option(help="Named settings.")] = "drive",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps in all, instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw, instead of the recipe's.")] = None,
    base: Annotated[str | None, typer.Option(help="Start from this model's weights.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Train a model on the training images of a data set.

    Progress is saved every minute: after a kill the same command with --resume goes on from there, to the
    same weights.

    **Example**: `saunetv2 train --recipe drive DRIVE -o runs/drive`
    """
    from dataclasses import replace

    from napari_saunetv2 import checkpoint, datasets
    from napari_saunetv2.training import RECIPES, Pair, fine_tune

    if recipe not in RECIPES:
        raise SettingsError(f"There is no recipe '{recipe}': choose {', '.join(RECIPES)}.")
    config = RECIPES[recipe]
    config = replace(config, steps=steps or config.steps, seed=config.seed if seed is None else seed)
    samples = [s for s in datasets.read(root) if s.split in ("train", None) and s.label_paths]
    pairs = [Pair(s.name, s.image(), s.labels(), s.fov() if s.fov_path else None) for s in samples]
    work = fine_tune(
        pairs,
        config,
        run,
        resume=resume,
        base=checkpoint.load(base) if base else None,
        device=device,
        data={"dataset": samples[0].dataset, "split": "train"} if samples else {},
        recipe=recipe,
    )
    path = _follow(work, config.steps)
    out.print(
        f"The model is {_plain(path)}: try it with saunetv2 segment IMAGE -o OUT --model {_plain(path)}"
    )


def _follow(work: Any, steps: int) -> Path:
    """Show a training's reports until it is done; on a terminal one line, in a log one line a minute."""
    shown = 0.0
    with _bar() as bar:
        task = bar.add_task("training", total=steps)
        while True:
            try:
                report = next(work)
            except StopIteration as done:
                return cast("Path", done.value)
            except KeyboardInterrupt:
                work.close()
                bar.console.print("Stopped; what was reached is saved, --resume goes on from there.")
                raise
            f1 = "-" if report.validation_f1 is None else f"{report.validation_f1:.4f}"
            text = f"loss {report.loss:.4f}  validation F1 {f1}  {report.device}"
            bar.update(task, completed=report.step, description=text)
            if not bar.console.is_terminal and time.monotonic() - shown > 60:
                shown = time.monotonic()
                left = time.strftime("%H:%M:%S", time.gmtime(report.seconds_left))
                bar.console.print(f"step {report.step}/{report.steps}  {text}  {left} left")


@app.command()
def models() -> None:
    """List the models that load by name, with their scores."""
    from napari_saunetv2 import checkpoint

    table = Table(title="Models")
    for column in ("name", "network", "parameters", "trained on", "scores", "where"):
        table.add_column(column)
    for info in checkpoint.available():
        header = info.header
        scores = "\n".join(
            f"{s['dataset']} {s['split']} {s['protocol']}: F1 {s['mean']['f1']:.4f}" for s in header.scores
        )
        data = str(header.data.get("dataset", header.data.get("imported from", "-")))
        table.add_row(
            info.name,
            header.network,
            f"{info.parameters:,}",
            data,
            scores or "-",
            "bundled" if info.bundled else str(info.path),
        )
    out.print(table)
    out.print(f"Your own models go to {_plain(checkpoint.user_folder())}")


@app.command("import-keras")
def import_keras(
    file: Annotated[Path, typer.Argument(help="Weights of the authors' program (.h5).")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Model file to write (.safetensors).")],
    network: Annotated[str, typer.Option(help="Whose weights they are.")] = "saunetv2",
    overwrite: OverwriteOption = False,
) -> None:
    """Turn Keras weights of the authors' networks into a model."""
    from napari_saunetv2 import checkpoint, keras_import

    module, header = keras_import.load_keras(file, network)
    checkpoint.save(output, module, header, overwrite=overwrite)
    out.print(f"{_plain(file.name)} -> {_plain(output)}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures.")] = Path("demo"),
    viewer: Annotated[bool, typer.Option(help="Open napari with the result where there is a screen.")] = True,
) -> None:
    """Segment a synthetic fundus image whose vessels are known exactly."""
    from napari_saunetv2 import demo as demonstration

    result = demonstration.run(output)
    for what, path in result.files.items():
        out.print(f"{what:<12} {_plain(path)}")
    out.print(f"F1 against the exact vessels: {result.f1:.4f} ({result.seconds:.2f} s, model {result.model})")
    if viewer and demonstration.has_screen():
        from napari_saunetv2.plugin.show import show

        show(result)


def _image_files(inputs: list[str]) -> list[Path]:
    from napari_saunetv2.files import readable

    found: dict[Path, None] = {}
    for entry in inputs:
        path = Path(entry)
        if path.is_dir():
            found.update(dict.fromkeys(p for p in sorted(path.iterdir()) if p.is_file() and readable(p)))
        elif path.exists() or not glob.has_magic(entry):
            found[path] = None  # a missing file fails by itself, the others go on
        else:
            # Not Path.glob: a pattern may be absolute, and a shell on Windows leaves it as it is.
            found.update(dict.fromkeys(map(Path, sorted(glob.glob(entry, recursive=True)))))  # noqa: PTH207
    if not found:
        raise SettingsError(f"No image was found in {', '.join(inputs)}: give images, folders or patterns.")
    return list(found)


def _distinct_names(files: list[Path]) -> dict[Path, str]:
    """Name of each file's results: its stem, with its folder's name or a number where two would meet."""
    names: dict[Path, str] = {}
    for file in files:
        stem = file.name.removesuffix(".gz")
        stem = stem[: stem.rfind(".")] if "." in stem else stem
        name, number = stem, 2
        while name in names.values():
            name, number = f"{stem}_{number}", number + 1
        names[file] = name
    return names


def _number_or(text: str, *words: str) -> Any:
    """Turn an option into its number or one of its words; the name of the option is the one with dashes."""
    allowed = [w for w in words if not w.startswith("--")]
    if text in allowed:
        return text
    try:
        return float(text)
    except ValueError:
        option = next(w for w in words if w.startswith("--"))
        raise SettingsError(f"{option} is '{text}': give {', '.join(allowed)} or a number.") from None


def _write_text(path: Path, text: str, overwrite: bool) -> None:
    from napari_saunetv2.files import write_beside

    write_beside(path, lambda file: file.write(text.encode()), overwrite=overwrite)
    out.print(f"written {_plain(path)}")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    )


if __name__ == "__main__":
    main()
