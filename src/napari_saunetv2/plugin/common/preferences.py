"""The plugin's Preferences page; napari before 0.9 has none and uses the defaults."""

import os
from typing import Any

from napari_saunetv2.config import DEFAULT
from napari_saunetv2.models import library

_PLUGIN, _PAGE = "napari-saunetv2", "segmentation"
_DEFAULTS = {"device": "auto", "model": DEFAULT, "threshold": 0.0, "model_folder": ""}


def preferred(key: str) -> Any:
    """Return a preference: "device", "model", "threshold" (0: the model's own), "model_folder"."""
    try:
        from napari.settings import get_plugin_settings

        return getattr(getattr(get_plugin_settings(_PLUGIN), _PAGE), key)
    except (ImportError, KeyError, AttributeError):
        return _DEFAULTS[key]


def use_model_folder() -> None:
    """Use the model folder from the preferences."""
    folder = preferred("model_folder")
    if folder:
        os.environ[library.FOLDER_VARIABLE] = folder
