"""Training: settings and recipes, the views a network is shown, the run folder, and the loop."""

from napari_saunetv2.training.config import RECIPES, TrainConfig
from napari_saunetv2.training.loop import Report, fine_tune
from napari_saunetv2.training.views import Pair

__all__ = ["RECIPES", "Pair", "Report", "TrainConfig", "fine_tune"]
