"""``saunetv2 study``: from a folder of photographs to tables and pages."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from napari_saunetv2.cli._measuring import (
    DiscDiameterOption,
    DiscOption,
    ExcelOption,
    ExportOption,
    SpacingOption,
    disc_of,
    spacing_of,
)
from napari_saunetv2.cli._shared import (
    DeviceOption,
    EngineOption,
    ModelOption,
    PrecisionOption,
    SchedulerOption,
    WorkersOption,
    bar,
    out,
    plain,
)
from napari_saunetv2.config import DEFAULT, InferenceConfig
from napari_saunetv2.errors import SettingsError

if TYPE_CHECKING:
    from napari_saunetv2.cohort import Cohort
    from napari_saunetv2.study.people import People
    from napari_saunetv2.study.photograph import Outcome

_LISTED = 20


def study(
    folder: Annotated[Path, typer.Argument(help="Folder with photographs; its subfolders belong to it.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")],
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="CSV or Excel: a column file, and any of patient, eye, date, visit, pixel size "
            "(micrometres). Only its photographs are taken."
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            help="What the names say, such as '{patient}_{eye}_{date}'; also {visit}, * for anything, and / "
            "for folders. Without pattern and sheet, subfolders are patients and visits."
        ),
    ] = None,
    date_format: Annotated[
        str | None,
        typer.Option(help="How dates are written, such as %d.%m.%y; else 2024-05-31 and the like."),
    ] = None,
    model: ModelOption = DEFAULT,
    disc: DiscOption = "auto",
    spacing: SpacingOption = "auto",
    disc_diameter: DiscDiameterOption = 1800.0,
    export: ExportOption = None,
    excel: ExcelOption = False,
    pseudonym: Annotated[
        Path | None,
        typer.Option(
            help="File with a secret key: patients, files and DICOM numbers are replaced by a keyed hash. A "
            "new key is made if there is no such file."
        ),
    ] = None,
    pseudonym_table: Annotated[
        Path | None,
        typer.Option(
            help="File (CSV) for a table of each patient, file and visit with its pseudonym: it undoes "
            "--pseudonym, so keep it apart from the results. Not written unless asked for."
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="What stays beside pseudonyms: eye or date; may be given twice. Without it, dates become "
            "days since the patient's first photograph."
        ),
    ] = None,
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
) -> None:
    """Segment, measure and judge all photographs of a folder: tables, masks, overlays and a report.

    The same command again does only what changed: new photographs, and masks that you edited, which are
    measured again and never overwritten. It goes on after a kill, and the tables are the same to the last
    byte, with any number of workers. A photograph that fails is listed in failures.csv, and the others go on;
    the exit code is 1 if any failed. Files that are left out are listed there too.

    **Examples**

    `saunetv2 study photographs -o study --workers 4`

    `saunetv2 study photographs -o study --sheet photographs.xlsx --model saunetv2-av`

    `saunetv2 study photographs -o study --pattern '{patient}/{eye}_{date}'`

    `saunetv2 study photographs -o study --excel --export geojson --export imagej`

    `saunetv2 study photographs -o study --pseudonym key.txt --keep eye`
    """
    from napari_saunetv2 import cohort
    from napari_saunetv2.batch import exports
    from napari_saunetv2.measure.files import MeasureOptions
    from napari_saunetv2.progress import drain
    from napari_saunetv2.study.about import StudyOptions
    from napari_saunetv2.study.layout import WORKBOOK
    from napari_saunetv2.study.review import Source
    from napari_saunetv2.study.run import study_steps

    if output.resolve() == folder.resolve():
        raise SettingsError(
            f"The results would lie among the photographs, in '{output}': choose another folder, such as "
            f"'{folder / 'study'}'."
        )
    exporting = exports.check(export or (), excel=excel)
    measuring = MeasureOptions(disc=disc_of(disc), spacing=spacing_of(spacing), disc_diameter=disc_diameter)
    people = _people(pseudonym, keep or [], output, folder)
    _check_table(pseudonym_table, pseudonym, output, folder)
    listed = cohort.read(folder, sheet=sheet, pattern=pattern, date_format=date_format, output=output)
    _show(listed, people)
    if not isinstance(measuring.disc, str) and len(listed.cases) > 1:
        out.print(
            f"[yellow]All {len(listed.cases)} photographs are measured with the disc at {disc}: leave out "
            "--disc unless it is there in each of them.[/yellow]"
        )
    options = StudyOptions(
        output,
        InferenceConfig(
            model=model, device=device, engine=cast("Any", engine), precision=cast("Any", precision)
        ),
        measuring,
        people,
        Source(folder, output, sheet, pattern, date_format).in_words(),
        exporting,
        excel,
        pseudonym_table,
    )
    with bar() as shown:
        task = shown.add_task("photographs", total=len(listed.cases))

        def show(result: "Outcome") -> None:
            shown.advance(task)
            if result.status != "kept":
                shown.console.print(_line(result))

        summary = drain(study_steps(listed, options, workers=workers, scheduler=scheduler), show)
    out.print(
        f"{_counted(summary.done, 'photograph')} done, {summary.kept} unchanged, {summary.failed} failed; "
        f"report in {plain(summary.report)}"
    )
    if summary.edited:
        out.print(f"masks edited by hand were measured and kept: {_counted(summary.edited, 'photograph')}")
    if summary.abandoned:
        out.print(
            f"results of {_counted(summary.abandoned, 'photograph')} no longer in the study stay unused"
        )
    if not excel and (output / WORKBOOK).exists():
        out.print(f"[yellow]{WORKBOOK} is of an earlier run: give --excel to have it renewed.[/yellow]")
    if summary.failed:
        raise typer.Exit(1)


def _people(pseudonym: Path | None, keep: list[str], output: Path, folder: Path) -> "People":
    """Read the key, if there are to be pseudonyms."""
    from napari_saunetv2.study.people import KEEP, People
    from napari_saunetv2.study.pseudonyms import read_key

    if wrong := [word for word in keep if word not in KEEP]:
        raise SettingsError(f"--keep is '{wrong[0]}': give {' or '.join(KEEP)}.")
    if pseudonym is None:
        if keep:
            raise SettingsError("--keep is given without --pseudonym: all is kept; leave it out.")
        return People()
    _refuse_within("key", pseudonym, output, folder)
    pseudonyms, new = read_key(pseudonym)
    if new:
        out.print(
            f"[yellow]A new key was written to {plain(pseudonym)}. Keep it, apart from the results: only "
            "with it do the same patients get the same pseudonyms again.[/yellow]"
        )
    return People(pseudonyms, frozenset(keep))


def _check_table(table: Path | None, pseudonym: Path | None, output: Path, folder: Path) -> None:
    """Check where the table of pseudonyms is to lie, before the work starts."""
    from napari_saunetv2.study.identifiers import refuse_other_table

    if table is None:
        return
    if pseudonym is None:
        raise SettingsError("--pseudonym-table is given without --pseudonym: there are no pseudonyms.")
    _refuse_within("table of pseudonyms", table, output, folder)
    refuse_other_table(table)


def _refuse_within(what: str, path: Path, *folders: Path) -> None:
    for place in folders:
        if path.resolve().is_relative_to(place.resolve()):
            raise SettingsError(
                f"The {what} '{path}' lies in '{place}', with which it would be passed on: choose another "
                "place."
            )


def _show(listed: "Cohort", people: "People") -> None:
    """Print how the folder was understood; under pseudonyms only numbers."""
    out.print(plain(listed.in_words()))
    clear = people.pseudonyms is None
    for remark in listed.remarks if clear else ():
        out.print(f"  {plain(remark)}")
    for case in listed.left_out[:_LISTED] if clear else ():
        out.print(f"  left out: {plain(case.name)}: {plain(case.left_out)}")
    more = len(listed.left_out) - (_LISTED if clear else 0)
    if more > 0:
        what = "more file" if clear else "file"
        out.print(f"  left out: {_counted(more, what)}, listed in failures.csv")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _line(result: "Outcome") -> str:
    name = plain(result.file)
    if result.status == "failed":
        return f"[red]failed[/red] {name}: {plain(result.error)}"
    edited = ", edited by hand" if result.edited else ""
    return f"{name}  quality {result.quality:.2f}, {result.segments} segments{edited}"
