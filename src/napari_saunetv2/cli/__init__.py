"""The command line: parse, call one function, print.

torch takes seconds to import, so commands import what they need only when they run: ``--help`` is fast.
"""

import logging
import sys
from typing import Annotated

import typer

from napari_saunetv2 import DISCLAIMER, __version__
from napari_saunetv2.cli._shared import err, out, plain, print_warnings
from napari_saunetv2.cli.calibrate import calibrate
from napari_saunetv2.cli.crossvalidate import cross_validate
from napari_saunetv2.cli.evaluate import evaluate
from napari_saunetv2.cli.export import export, import_package
from napari_saunetv2.cli.finetune import finetune
from napari_saunetv2.cli.measure import measure
from napari_saunetv2.cli.models import demo, import_keras, models
from napari_saunetv2.cli.quality import quality
from napari_saunetv2.cli.score import score
from napari_saunetv2.cli.segment import segment
from napari_saunetv2.cli.study import study
from napari_saunetv2.cli.train import train
from napari_saunetv2.cli.visits import visits
from napari_saunetv2.errors import SaunetError

app = typer.Typer(
    name="saunetv2",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=f"Find the vessels in retinal photographs with SA-UNetv2. {DISCLAIMER}",
)
for _command in (
    segment,
    measure,
    study,
    visits,
    quality,
    evaluate,
    score,
    train,
    finetune,
    calibrate,
    cross_validate,
    models,
    import_keras,
    demo,
):
    app.command()(_command)
app.command("export")(export)
app.command("import")(import_package)


def main() -> None:
    """Run the command line; errors print one line (with ``--debug`` a traceback) and exit with code 1."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
        logging.basicConfig(level=logging.DEBUG)
    try:
        app()
    except Exception as error:
        if debug:
            raise
        known = isinstance(error, SaunetError)
        message = (
            str(error)
            if known
            else f"{error or type(error).__name__}: run again with --debug and report this."
        )
        err.print(f"[red]Error:[/red] {plain(message)}")
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"saunetv2 {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[  # noqa: ARG001 - main() reads it
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    print_warnings()
