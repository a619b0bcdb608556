"""Texts of the Fine-tune widget's status line."""

from collections.abc import Mapping, Sequence

from napari_saunetv2.training import Outcome, Report, Task


def of_report(report: Report, *, paused: bool) -> str:
    """Describe the progress of a training."""
    stage, f1 = "Paused" if paused else "Training", _score(report.validation_f1)
    return (
        f"{stage}: step {report.step}/{report.steps}, loss {report.loss:.4f}, F1 {f1} at its best threshold "
        f"on {report.validated_on}, {_clock(report.seconds_left)} left, {report.device}"
    )


def of_task(task: Task) -> str:
    """Say how far a training came that is not done."""
    return f"{task.name}: step {task.step()}/{task.config.steps}"


def of_outcome(outcome: Outcome) -> str:
    """Describe the outcome of a training."""
    if outcome.model is None:
        return outcome.describe()
    listed = f"The model is in the list; its log is {outcome.log.name} next to it."
    return f"Done: {outcome.name}. {outcome.describe()} {listed}"


def of_obstacle(
    source: str,
    rows: Sequence[object],
    chosen: Sequence[object],
    folder_problem: str,
    wrong: Mapping[str, str],
) -> str:
    """Describe the obstacle to a training, or "".

    Parameters
    ----------
    source : "layers" or "folder"
    rows, chosen : sequence
        Rows of the table, and the ticked ones with labels.
    folder_problem : str
        Why the folder cannot be read, or "".
    wrong : mapping
        Problem of a field, by the field's name in the sentence.
    """
    if not rows and source == "folder":
        return folder_problem or "Choose a folder with photographs and their labels."
    if not rows:
        return "Open photographs and their labels first, or choose a folder."
    if not chosen:
        return "Tick an image that has labels: paint its vessels on a Labels layer of its size."
    return next((f"{what}: it must be {why}." for what, why in wrong.items()), "")


def counted(images: int) -> str:
    """Format the number of images."""
    return "1 image" if images == 1 else f"{images} images"


def _score(f1: float | None) -> str:
    return "-" if f1 is None else f"{f1:.4f}"


def _clock(seconds: float) -> str:
    if not seconds < 360_000:  # nor NaN
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
