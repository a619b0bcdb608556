"""Score the bundled models again as before: ``python tools/record_scores.py DATA [MODEL...]``.

Each score in a model file says how it was taken. After a change of the program that moves scores, this takes
all of them anew and records them; ``make benchmark-accuracy`` and ``make cards`` then write the tables.
"""

import subprocess
import sys
from pathlib import Path

from napari_saunetv2.datasets import DATASETS
from napari_saunetv2.models import checkpoint

SETTINGS = ("split", "protocol", "observer", "threshold", "tta", "rescale")


def main(data: Path, names: list[str]) -> None:
    for info in checkpoint.available():
        if info.bundled and (not names or info.name in names):
            for score in info.header.scores:
                command = [
                    "evaluate",
                    score["dataset"],
                    str(next(data.glob(f"**/{DATASETS[score['dataset']].title}"))),
                ]
                for name in SETTINGS:
                    command += [f"--{name}", str(score[name])] if score.get(name) is not None else []
                command += ["--model", info.name, "--record"]
                print(*command, flush=True)
                subprocess.run([sys.executable, "-m", "napari_saunetv2.cli", *command], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
