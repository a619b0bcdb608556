"""A computer set otherwise: decimal comma, and a clock that jumps."""

import locale
import os
import random
import subprocess
import time
from pathlib import Path

from faults.child import Child
from faults.kills import CONFIG
from fuzz.corpus import pairs
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import fine_tune

COMMAS = ("de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8")


def decimal_comma(folder: Path, _count: int, _draw: random.Random) -> str:
    """Where a comma parts the decimals, files and answers are the same."""
    whole = _train(folder / "point")
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"], check=False)
    if made.returncode == 0:
        os.environ["LOCPATH"] = str(folder)
    for name in COMMAS:
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        break
    else:
        return "skipped: this system has no locale with a decimal comma, and no localedef to make one"
    try:
        assert locale.localeconv()["decimal_point"] == ","
        other = _train(folder / "comma")
        logs = [(folder / run / "log.csv").read_text().splitlines() for run in ("point", "comma")]
    finally:
        locale.setlocale(locale.LC_ALL, "C")
    assert other == whole
    # All but the last column, the seconds.
    assert [x.rsplit(",", 1)[0] for x in logs[0]] == [x.rsplit(",", 1)[0] for x in logs[1]]
    return f"a training under {name} gives the same weights and the same log"


def clock_jumps(folder: Path, count: int, draw: random.Random) -> str:
    """A clock that is set back or ahead by up to ten years in a training changes nothing."""
    whole = _train(folder / "steady")
    real = time.time

    def jumping() -> None:
        time.time = lambda: real() + draw.uniform(-3e8, 3e8)
        _train(folder / "jumping")

    Child(jumping).wait()
    assert checkpoint.load(folder / "jumping" / "model.safetensors").header.sha256
    state = _weights(folder / "jumping" / "model.safetensors")
    assert state == whole
    path = folder / "jumping" / "model.safetensors"
    for _ in range(count):  # a model renewed under an older time is read anew
        then = draw.uniform(0, 2e9)
        os.utime(path, (then, then))
        checkpoint.load(path)
    return f"a clock that jumps at every look: same weights; {count} times set for a model file: read"


def _train(run: Path) -> dict[str, bytes]:
    for _ in fine_tune(pairs(), CONFIG, run):
        pass
    return _weights(run / "model.safetensors")


def _weights(path: Path) -> dict[str, bytes]:
    network = checkpoint.load(path).network
    return {k: v.numpy().tobytes() for k, v in network.state_dict().items()}
