"""Training: settings and recipes, the views a network is shown, the run folder, and the loop.

Fine-tuning stands on top of it: ``tuning`` (settings), ``folders`` (images and labels from files) and
``tasks`` (a fine-tuning that outlives its program).
"""

from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.loop import Report, fine_tune
from napari_saunetv2.training.outcome import Outcome
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.recipes import RECIPES, Recipe
from napari_saunetv2.training.tasks import Task

__all__ = ["RECIPES", "Outcome", "Pair", "Recipe", "Report", "Task", "TrainConfig", "fine_tune"]
