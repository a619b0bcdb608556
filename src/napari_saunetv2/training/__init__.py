"""Training: settings and recipes, the views a network is shown, the run folder, and the loop."""

from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.loop import Report, fine_tune
from napari_saunetv2.training.recipes import RECIPES, Recipe
from napari_saunetv2.training.views import Pair

__all__ = ["RECIPES", "Pair", "Recipe", "Report", "TrainConfig", "fine_tune"]
