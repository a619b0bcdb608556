"""Actions of the widgets as Python code and as a command line with the same result.

They contain the settings actually used, after "auto" and any out-of-memory fallback.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import DATASETS, Sample, inputs
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.vessels import PostProcessing

if TYPE_CHECKING:
    from napari_saunetv2.training import Tuning  # which loads torch

_ROOMS = {
    "cases": ".datasets",
    "augmentation": ".training",
    "catalogue": ".batch",
    "checkpoint": ".models",
    "vessels": ".imaging",
}
"""Subpackages of the modules that snippets import."""


def _imports(modules: str) -> list[str]:
    """Return an import line for each named module."""
    return [f"from napari_saunetv2{_ROOMS.get(name, '')} import {name}" for name in modules.split(", ")]


_OPTIONS = {"learning_rate": "--lr", "inside_field": "--inside-fov"}
"""Settings whose option has another name."""


def from_file(path: Path, *, mask: bool = False) -> str:
    """Return the expression that reads an image or a mask from its file."""
    return f"{'read_mask' if mask else 'read_image'}({str(path)!r})"


def _script(*lines: str) -> str:
    return "\n".join([*lines, ""])


def _command(*words: object) -> str:
    return shlex.join(["saunetv2", *map(str, words)])


@dataclass(frozen=True)
class Segmentation:
    """All settings that determine the pixels of a vessel mask.

    Attributes
    ----------
    config : InferenceConfig
    post : PostProcessing
        A field of view that is neither "none" nor "auto" is given to the methods below.
    artery_vein : bool
        Whether the model is of arteries and veins.
    whole_frame : bool
        Whether pictures of the model's modality fill their frame, so that "auto" is all of it.
    """

    config: InferenceConfig
    post: PostProcessing
    artery_vein: bool = False
    whole_frame: bool = False

    def as_python(self, image: str, fov: str = "") -> str:
        """Return Python code that defines ``probability`` and ``mask``, and ``labels`` of arteries and veins.

        Parameters
        ----------
        image, fov : str
            Expressions for the image and, if the field of view is neither "none" nor "auto", for its mask;
            ``read_image`` and ``read_mask`` are imported.
        """
        settings = "".join(f", {key}={value!r}" for key, value in self.config.options().items())
        post = self.post
        own = post.fov not in ("none", "auto")
        inside = "fov" if own else "field_of_view.detect(to_unit(image))"
        restrict = [f"probability = vessels.restrict(probability, {inside})"]
        if post.fov == "none" or (self.whole_frame and not own):
            restrict = []
        model = f"image, {self.config.model!r}{settings}{', fov=fov' * own}"
        found = [f"probability = inference.segment({model})"]
        if self.artery_vein:
            found = [f"maps = inference.segment_classes({model})"]
            found += ["probability = inference.most_probable(maps)"]
        way = "vote" if post.voted else "by_pixel"
        of_classes = [f"labels = classes.{way}(maps, mask, threshold={post.threshold!r})"]
        return _script(
            "from napari_saunetv2 import inference",
            "from napari_saunetv2.files import read_image, read_mask",
            "from napari_saunetv2.imaging import field_of_view, vessels",
            "from napari_saunetv2.imaging.intensity import to_unit",
            *(["from napari_saunetv2.measure import classes"] if self.artery_vein else []),
            "",
            f"image = {image}",
            *([f"fov = {fov}"] if own else []),
            *found,
            *restrict,
            f"mask = vessels.find(probability, {post.threshold!r}, min_size={post.min_size}, "
            f"connected={post.connected})",
            *(of_classes if self.artery_vein else []),
        )

    def as_command(self, image: Path | None, fov: Path | None = None) -> str:
        """Return the command that writes the mask to ``results/``.

        Parameters
        ----------
        image : Path or None
            The image's file.
        fov : Path, optional
            File of the field of view, if it has one.

        Raises
        ------
        SettingsError
            If the image or the field of view is not saved in a file.
        """
        post = self.post
        if image is None or (fov is None and post.fov not in ("none", "auto")):
            what = "image" if image is None else "field of view"
            raise SettingsError(
                f"The {what} is not saved in a file: save it, open the file, and segment that."
            )
        options: list[object] = ["--probability", "--model", self.config.model]
        options += ["--threshold", repr(post.threshold)]
        for key, value in self.config.options().items():
            options += [f"--{key}", value]
        options += ["--fov", fov or post.fov, "--min-size", post.min_size]
        options += ["--connected"] if post.connected else []
        options += [] if post.voted else ["--no-vote"]
        return _command("segment", image, "--out", "results", *options)


@dataclass(frozen=True)
class DatasetRun:
    """All settings that determine the masks and scores of a data set.

    Attributes
    ----------
    root : Path
        Folder of the data set.
    samples : sequence of Sample
        At least one: those of the split.
    split : str
        "all", or one that the data set has.
    model : str
        Name or file.
    threshold : float, (0, 1)
        Of the masks.
    protocol : "whole" or "fov"
        Protocol of the scores, which use the model's own threshold.
    output : Path
        Folder of the masks.
    overwrite : bool
        Whether to replace existing masks.
    """

    root: Path
    samples: Sequence[Sample]
    split: str
    model: str
    threshold: float
    protocol: str = "whole"
    output: Path = Path("results")
    overwrite: bool = False

    def segment_python(self) -> str:
        """Return Python code that writes the masks and defines ``table``."""
        return self._python(
            "batch, catalogue, checkpoint, inference, vessels",
            "config = inference.InferenceConfig()",
            f"post = vessels.PostProcessing(threshold={self.threshold!r})",
            f"options = batch.OutputOptions(Path({str(self.output)!r}), overwrite={self.overwrite})",
            "work = catalogue.segment_all(samples, model, config, post, options)",
        )

    def score_python(self) -> str:
        """Return Python code that defines ``table`` and prints it."""
        return self._python(
            "catalogue, checkpoint, evaluation",
            f"scoring = evaluation.Scoring({self.protocol!r}, threshold='auto')",
            "work = catalogue.score_all(samples, model, scoring=scoring)",
        )

    def segment_command(self) -> str:
        """Return the command that writes the masks."""
        files = [sample.image_path for sample in self.samples]
        folder = files[0].parent
        # A folder is shorter, and equivalent if it holds nothing else.
        nothing_else = list(inputs.gather([str(folder)]).files) == sorted(files)
        words = [*([folder] if nothing_else else files), "--out", self.output]
        return _command(
            "segment", *words, "--model", self.model, "--threshold", repr(self.threshold),
            *(["--overwrite"] if self.overwrite else []),
        )  # fmt: skip

    def score_command(self) -> str:
        """Return the command that prints the scores; raises SettingsError without a data set."""
        known = [sample.dataset for sample in self.samples if sample.dataset in DATASETS]
        if not known:
            raise SettingsError(
                f"The photographs in '{self.root}' have no labels of a known data set and cannot be scored: "
                "use 'saunetv2 score' with a folder of labels."
            )
        return _command(
            "evaluate", known[0], self.root, "--split", self.split, "--model", self.model,
            "--protocol", self.protocol, "--threshold", "auto",
        )  # fmt: skip

    def _python(self, modules: str, *work: str) -> str:
        known = all(sample.dataset in DATASETS for sample in self.samples)
        listed = "datasets.read(root)" if known else "cases.read(root).samples"
        some = "" if self.split == "all" else f" if sample.split == {self.split!r}"
        return _script(
            "from pathlib import Path",
            "",
            *_imports(f"{modules}, {'datasets' if known else 'cases'}"),
            "",
            f"root = Path({str(self.root)!r})",
            f"samples = [sample for sample in {listed}{some}]",
            f"model = checkpoint.load({self.model!r})",
            *work,
            "for table in work:",
            "    print(f'{table.share:.0%}')",
            "print(catalogue.as_csv(table.lines))",
        )


@dataclass(frozen=True)
class FineTuning:
    """All settings that determine the weights of a fine-tuning.

    Attributes
    ----------
    folder : Path
        Of the images and labels.
    only : sequence of str
        Names of the images to use; all if empty.
    base : str or None
        Name or path of a model; None trains from scratch.
    tuning : Tuning
    device : str
    run : Path
        Folder of the run.
    """

    folder: Path
    only: Sequence[str]
    base: str | None
    tuning: "Tuning"
    device: str
    run: Path

    def as_python(self) -> str:
        """Return Python code that defines ``outcome``, the result of the training."""
        reading = f"Path({str(self.folder)!r})" + (", values=True" if self.tuning.by_value else "")
        given = ", ".join(f"{name}={value!r}" for name, value in self.tuning.given().items())
        only = [f"pairs = pairs.only({list(self.only)!r}.__contains__)"] if self.only else []
        base = "None" if self.base is None else f"checkpoint.load({self.base!r})"
        return _script(
            "from pathlib import Path",
            "",
            "from napari_saunetv2.models import checkpoint",
            "from napari_saunetv2.training import Outcome, Tuning, fine_tune, folders",
            "",
            f"pairs = folders.pairs({reading})",
            *only,
            f"base = {base}",
            f"config = Tuning({given}).config(pairs, base)",
            f"run = Path({str(self.run)!r})",
            f"for report in fine_tune(pairs, config, run, base=base, device={self.device!r}):",
            "    print(report.step, report.loss, report.validation_f1)",
            "outcome = Outcome.read(run)  # outcome.model is None if no step beat the base",
            "print(outcome.describe())",
        )

    def as_command(self) -> str:
        """Return the command line."""
        words: list[object] = ["--out", self.run, "--base", self.base or "none", "--device", self.device]
        words += ["--only", ",".join(self.only)] if self.only else []
        for name, value in self.tuning.given().items():
            words.append(_OPTIONS.get(name, "--" + name.replace("_", "-")))
            words += [] if value is True else [",".join(value) if isinstance(value, tuple) else value]
        return _command("finetune", self.folder, *words)
