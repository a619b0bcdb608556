"""The arrays of one visit, apart from their layers: a worker reads them."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.plugin.common.layers import Planes, colours_first
from napari_saunetv2.plugin.common.part import Part

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_saunetv2.visits import Visit


@dataclass(frozen=True, eq=False)
class Side:
    """What is known of one visit.

    Attributes
    ----------
    name : str
    photograph : Planes or None
    picture : Part or None
        The photograph as its layer holds it.
    vessels : Part or None
        None where the model is to find them.
    spacing : float or None
        Micrometres per pixel.
    eye : "left", "right" or ""
    colours_first : bool
        Whether the layer has its colours on the first axis.
    """

    name: str
    photograph: Planes | None
    picture: Part | None
    vessels: Part | None
    spacing: float | None = None
    eye: str = ""
    colours_first: bool = False

    @classmethod
    def of(
        cls, which: str, photograph: "Image | None", vessels: "Labels | None", spacing: float | None
    ) -> "Side":
        """Make it from layers.

        Raises
        ------
        SettingsError
            Where there is neither a photograph nor vessels.
        ImageError
            For a stack, or where photograph and vessels differ in size.
        """
        named = photograph if photograph is not None else vessels
        if named is None:
            raise SettingsError(f"Choose the photograph of the {which} visit, or a layer of its vessels.")
        planes = None if photograph is None else Planes(photograph)
        part = None if vessels is None else Part.of(vessels)
        shapes = {} if planes is None else {named.name: planes.shape}
        shapes |= {} if part is None else {part.name: tuple(part.data.shape)}
        for name, shape in shapes.items():
            if len(shape) != 2:
                raise ImageError(
                    f"'{name}' is a stack of the shape {shape}: choose layers of one picture each "
                    "(right-click on the layer, Split Stack)."
                )
        if len(set(shapes.values())) > 1:
            (one, its), (other, theirs) = shapes.items()
            raise ImageError(
                f"'{one}' has the shape {its}, '{other}' {theirs}: choose the vessels of this photograph."
            )
        eye = str(named.metadata.get("eye") or "")
        return cls(
            named.name,
            planes,
            None if photograph is None else Part.of(photograph),
            part,
            spacing,
            eye if eye in ("left", "right") else "",
            photograph is not None and colours_first(photograph),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width, pixels."""
        if self.photograph is not None:
            return self.photograph.shape
        assert self.vessels is not None
        return tuple(self.vessels.data.shape)

    def visit(self, config: InferenceConfig) -> "Generator[float, None, Visit]":
        """Read the layers, and let the model find the vessels where there is no layer of them, as a job.

        Yields
        ------
        float, range [0, 1]
            Share of the work that is done.

        Raises
        ------
        SaunetError
        """
        from napari_saunetv2.visits import About, masked  # which load much
        from napari_saunetv2.visits.photograph import segmented_steps

        yield 0.0
        about = About(self.name, self.spacing, self.eye)
        image = None if self.photograph is None else self.photograph[0]
        if self.vessels is not None:
            return masked(np.array(self.vessels.data), about, image)
        assert image is not None
        return (yield from segmented_steps(image, config, about))
