"""The Preferences page of the plugin; napari before 0.9 has none, and the defaults hold there."""

import os
from typing import Any

from napari_saunetv2.config import DEFAULT
from napari_saunetv2.models import library

_PLUGIN, _PAGE = "napari-saunetv2", "segmentation"
_DEFAULTS = {"device": "auto", "model": DEFAULT, "threshold": 0.0, "model_folder": ""}


def preferred(key: str) -> Any:
    """Give what the user prefers: "device", "model", "threshold" (0: the model's own), "model_folder"."""
    try:
        from napari.settings import get_plugin_settings

        return getattr(getattr(get_plugin_settings(_PLUGIN), _PAGE), key)
    except (ImportError, KeyError, AttributeError):
        return _DEFAULTS[key]


def use_model_folder() -> None:
    """Look for the user's models where the user prefers."""
    folder = preferred("model_folder")
    if folder:
        os.environ[library.FOLDER_VARIABLE] = folder
