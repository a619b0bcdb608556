"""Training: settings and recipes, random crops, the run folder, and the loop.

Fine-tuning builds on it: ``tuning`` (settings), ``folders`` (images and labels from files) and
``tasks`` (fine-tunings that can be resumed after a restart).
"""

from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.loop import Report, fine_tune
from napari_saunetv2.training.outcome import Outcome
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.recipe import Recipe
from napari_saunetv2.training.recipes import RECIPES
from napari_saunetv2.training.tasks import Task
from napari_saunetv2.training.tuning import Tuning

__all__ = ["RECIPES", "Outcome", "Pair", "Recipe", "Report", "Task", "TrainConfig", "Tuning", "fine_tune"]
