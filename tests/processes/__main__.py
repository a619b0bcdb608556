"""The command line with a recipe that takes seconds: ``torchrun -m processes train ...``.

SAUNETV2_STOP_AT interrupts it, as Ctrl-C does, after so many reports.
"""

import os
from collections.abc import Generator
from typing import Any

from napari_saunetv2 import cli
from napari_saunetv2.training import RECIPES, Recipe, TrainConfig

# Adam divides by the gradients, of which some are all rounding: a higher rate makes more than 1e-6 of them.
TINY = TrainConfig(
    network_arguments={"widths": (16, 16, 16), "dropblock": 0.1},
    steps=4,
    batch=4,
    crop=32,
    learning_rate=2e-5,
    warmup=2,
    ema=0.9,
    precision="float32",
    validation=0.5,
    validate_every=2,
)


class Interrupted(Recipe):
    def train(self, *args: Any, **settings: Any) -> Generator[Any, None, Any]:
        work = super().train(*args, **settings)
        for number, report in enumerate(work, start=1):
            yield report
            if number == int(os.environ["SAUNETV2_STOP_AT"]):
                work.close()
                raise KeyboardInterrupt


if __name__ == "__main__":
    kind = Interrupted if "SAUNETV2_STOP_AT" in os.environ else Recipe
    RECIPES["tiny"] = kind((TINY, TINY))
    cli.main()
