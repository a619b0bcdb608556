"""What the Fine-tune widget's status line says."""

from napari_saunetv2.training import Outcome, Report


def of_report(report: Report, *, paused: bool) -> str:
    """Say where a training stands."""
    stage, f1 = "Paused" if paused else "Training", _score(report.validation_f1)
    return (
        f"{stage}: step {report.step}/{report.steps}, loss {report.loss:.4f}, F1 {f1} on "
        f"{report.validated_on}, {_clock(report.seconds_left)} left, {report.device}"
    )


def of_outcome(outcome: Outcome) -> str:
    """Say what a training came to."""
    return (
        f"Done: {outcome.name}. F1 {_score(outcome.before)} before, {_score(outcome.after)} after, on "
        f"{outcome.validated_on}; the model is in the list, its log in {outcome.log.name} beside it."
    )


def counted(images: int) -> str:
    """Say how many images."""
    return "1 image" if images == 1 else f"{images} images"


def _score(f1: float | None) -> str:
    return "-" if f1 is None else f"{f1:.4f}"


def _clock(seconds: float) -> str:
    if not seconds < 360_000:  # nor not a number
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
