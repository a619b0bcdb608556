"""``saunetv2 quality``: how well the vessels of photographs can be seen."""

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from napari_saunetv2.cli._shared import OverwriteOption, bar, out, plain, refuse_existing
from napari_saunetv2.cli.evaluate import write_text
from napari_saunetv2.errors import SaunetError

COLUMNS = ("file", "quality", "quality_note", "lit", "sharp", "contrast")


def quality(
    inputs: Annotated[
        list[str], typer.Argument(help="Images, folders of images, or patterns such as 'eyes/*.tif'.")
    ],
    table: Annotated[Path | None, typer.Option(help="Write the table here (CSV).")] = None,
    recursive: Annotated[bool, typer.Option("--recursive", help="Search subfolders too.")] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Say how well the vessels of photographs can be seen, from 0 to 1, and why.

    Nothing is segmented, and no photograph is refused. A file that cannot be read is reported and the others
    continue; the exit code is 1 if any failed.

    **Examples**

    `saunetv2 quality photographs`

    `saunetv2 quality 'eyes/*.jpg' --table quality.csv`
    """
    from napari_saunetv2 import files
    from napari_saunetv2.datasets import inputs as listing
    from napari_saunetv2.imaging.quality import quality as judged

    if not overwrite:
        refuse_existing(table)
    found = listing.gather(inputs, recursive=recursive)
    if words := found.left_out_in_words():
        out.print(f"left out: {plain(words)}")
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    failed = 0
    with bar() as shown:
        for file in shown.track(found.files, description="looking"):
            try:
                seen = judged(files.load_image(file).pixels)
            except SaunetError as error:
                failed += 1
                rows.writerow([file, "", str(error)])
                shown.console.print(f"[red]failed[/red] {plain(file.name)}: {plain(error)}")
                continue
            shares = (f"{share:.3f}" for share in (seen.lit, seen.sharp, seen.contrast))
            rows.writerow([file, f"{seen.score:.3f}", seen.note, *shares])
            shown.console.print(f"{plain(file.name)}  {plain(seen.in_words())}")
    if table is not None:
        write_text(table, text.getvalue(), overwrite)
    if failed:
        raise typer.Exit(1)
