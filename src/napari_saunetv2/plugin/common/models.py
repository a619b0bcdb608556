"""The list of models: tooltips, new models, and model files from other folders."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QFileDialog

from napari_saunetv2.config import DEFAULT, InferenceConfig
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.models import library
from napari_saunetv2.models.header import SUFFIX
from napari_saunetv2.models.library import ModelInfo
from napari_saunetv2.plugin.common.preferences import preferred, use_model_folder

LOOK_EVERY = 1000
"""Milliseconds between two checks of the model folder. Checking its time is cheap and works for missing
folders and network drives, where a file system watcher does not."""


class ModelBox(ComboBox):
    """Choose a model by name; its value is the name, or the path of a file from another folder."""

    def __init__(self, **about: Any) -> None:
        use_model_folder()
        self._opened: list[ModelInfo] = []
        self._infos: dict[str, ModelInfo] = {}
        self._seen: object = None
        super().__init__(choices=self._listed, **about)
        self.reset_choices()
        wanted = preferred("model")
        self.value = wanted if wanted in self._infos else DEFAULT
        self.changed.connect(self._describe)
        self._timer = QTimer(self.native)
        self._timer.timeout.connect(self.look)
        self._timer.start(LOOK_EVERY)

    @property
    def info(self) -> ModelInfo | None:
        """The chosen model; None if its file is gone."""
        return self._infos.get(self.value) if self.value else None

    def look(self) -> None:
        """Refresh the list if the model folder has changed."""
        if _state_of_folder() != self._seen:
            self.reset_choices()

    def open(self, path: Path) -> None:
        """Add a model file and choose it.

        Raises
        ------
        CheckpointError
            If it is not a model file.
        """
        self._opened = [i for i in self._opened if i.path != path] + [library.info(path)]
        self.reset_choices()
        self.value = str(path)

    def browse(self) -> None:
        """Ask for a model file and choose it; raises as :meth:`open`."""
        name, _ = QFileDialog.getOpenFileName(
            self.native, "Model file", str(library.user_folder()), f"Models (*{SUFFIX})"
        )
        if name:
            self.open(Path(name))

    def reset_choices(self, *_: object) -> None:
        """Refresh the list; a removed model is replaced by the default, not by the first."""
        before = self.value if self._infos else None
        super().reset_choices()
        if before not in self._infos and DEFAULT in self._infos:
            self.value = DEFAULT
        self._describe()

    def _listed(self, _widget: object = None) -> list[tuple[str, str]]:
        self._seen = _state_of_folder()
        named = {info.name: info for info in library.available()}
        self._infos = named | {str(info.path): info for info in self._opened if info.path.exists()}
        return [(info.name, value) for value, info in self._infos.items()]

    def _describe(self, *_: object) -> None:
        box = self.native
        if not isinstance(box, QComboBox):  # not created yet
            return
        for number in range(box.count()):
            info = self._infos.get(box.itemData(number))
            if info is not None:
                box.setItemData(number, card(info), Qt.ItemDataRole.ToolTipRole)
        self.tooltip = card(self.info) if self.info else "The network and its training."


def portable(config: InferenceConfig) -> InferenceConfig:
    """Name the file of a model that is not bundled, so that another program finds it."""
    try:
        found = library.find(config.model)
        return config if library.info(found).bundled else replace(config, model=str(found))
    except CheckpointError:
        return config


def card(info: ModelInfo) -> str:
    """Describe a model in a few lines."""
    header = info.header
    data = header.data.get("dataset", header.data.get("imported from", "unknown data"))
    diameter = header.fov_diameter
    scores = [
        f"F1 {s['mean']['f1']:.4f} on {s['dataset']} {s['split']} ({s['protocol']})" for s in header.scores
    ]
    lines = [
        f"{info.name}{'' if info.bundled else ' (yours)'}: {header.network}, {info.parameters:,} parameters",
        f"trained on {data}" + ("" if diameter is None else f", FOV {diameter:.0f} px"),
        *(scores or ["no score recorded"]),
        f"threshold {header.threshold:.2f}",
    ]
    return "\n".join(lines)


def _state_of_folder() -> object:
    folder = library.user_folder()
    try:
        return [(p.name, p.stat().st_mtime_ns) for p in sorted(folder.glob(f"*{SUFFIX}"))]
    except OSError:
        return None
