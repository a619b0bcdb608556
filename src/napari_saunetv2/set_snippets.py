"""Work on all images of a data set as Python and as a command line: both do what the Browse widget does."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2 import inputs
from napari_saunetv2.datasets import Sample


@dataclass(frozen=True)
class SetRecipe:
    """All that decides about the masks and scores.

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
        Of the scores, which are made at the model's own threshold.
    output : Path
        Folder of the masks.
    overwrite : bool
        Whether masks that are there are replaced.
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
        """Give Python code that writes the masks and ends with ``table``."""
        return self._python(
            "batch, catalogue, checkpoint, datasets",
            f"wanted = batch.Wanted(Path({str(self.output)!r}), overwrite={self.overwrite})",
            f"work = catalogue.segment_all(samples, model, batch.Rule({self.threshold!r}), wanted)",
        )

    def score_python(self) -> str:
        """Give Python code that ends with ``table``, and prints it."""
        return self._python(
            "catalogue, checkpoint, datasets",
            f"work = catalogue.score_all(samples, model, protocol={self.protocol!r}, threshold='auto')",
        )

    def segment_command(self) -> str:
        """Give the command that writes the masks."""
        files = [sample.image_path for sample in self.samples]
        folder = files[0].parent
        # A folder is shorter, and the same where it holds nothing else.
        alone = list(inputs.gather([str(folder)]).files) == sorted(files)
        words = ["segment", *([str(folder)] if alone else map(str, files)), "--out", str(self.output)]
        words += ["--model", self.model, "--threshold", repr(self.threshold)]
        return shlex.join(["saunetv2", *words, *(["--overwrite"] if self.overwrite else [])])

    def score_command(self) -> str:
        """Give the command that prints the scores."""
        words = ["evaluate", self.samples[0].dataset, str(self.root), "--split", self.split]
        words += ["--model", self.model, "--protocol", self.protocol, "--threshold", "auto"]
        return shlex.join(["saunetv2", *words])

    def _python(self, modules: str, *work: str) -> str:
        some = "" if self.split == "all" else f" if sample.split == {self.split!r}"
        return "\n".join(
            [
                "from pathlib import Path",
                "",
                f"from napari_saunetv2 import {modules}",
                "",
                f"root = Path({str(self.root)!r})",
                f"samples = [sample for sample in datasets.read(root){some}]",
                f"model = checkpoint.load({self.model!r})",
                *work,
                "for table in work:",
                "    print(f'{table.share:.0%}')",
                "print(catalogue.as_csv(table.lines))",
                "",
            ]
        )
