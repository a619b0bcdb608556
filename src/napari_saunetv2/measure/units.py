"""Lengths in pixels, micrometres and disc diameters, and where the scale comes from."""

from dataclasses import dataclass
from numbers import Real

from napari_saunetv2.errors import SettingsError

DISC_DIAMETER = 1800.0
"""Micrometres: the disc of an average eye, by which pixels are converted where no scale is known."""


@dataclass(frozen=True)
class Unit:
    """A unit of length.

    Attributes
    ----------
    name : str
        "px", "µm" or "DD" (disc diameters).
    per_pixel : float
        Its number in a pixel.
    source : str
        Where the scale comes from, as tables say it.
    """

    name: str
    per_pixel: float
    source: str

    def of(self, value: float, power: int) -> float:
        """Convert a length in pixels to the ``power``, such as 2 for an area and -1 for a curvature."""
        return value * self.per_pixel**power

    def label(self, power: int) -> str:
        """Name of the unit to a power; "" for what has no unit of length."""
        return {0: "", 1: self.name, -1: f"1/{self.name}"}.get(power) or (
            f"{self.name}^{power}" if power > 0 else f"1/{self.name}^{-power}"
        )


PIXEL = Unit("px", 1.0, "pixels")


def is_length(value: object) -> bool:
    """Whether a value is a number of micrometres above 0 that can be raised to a power."""
    return isinstance(value, Real) and not isinstance(value, bool) and 1e-6 < float(value) < 1e9


@dataclass(frozen=True)
class Scale:
    """The scale of a photograph, as far as it is known.

    Attributes
    ----------
    spacing : float, optional
        Micrometres a pixel, from the file, the layer or the user.
    source : str
        Where the spacing comes from, as tables say it.
    disc_diameter : float
        Micrometres that the disc is assumed to measure where there is no spacing.
    """

    spacing: float | None = None
    source: str = "spacing given"
    disc_diameter: float = DISC_DIAMETER

    def __post_init__(self) -> None:
        """Raise SettingsError for a spacing or a disc diameter that is no number above 0."""
        for name, value in (("spacing", self.spacing), ("disc diameter", self.disc_diameter)):
            if value is not None and not is_length(value):
                raise SettingsError(
                    f"The {name} is {value!r}: give a number of micrometres above 0, or none."
                )


def units_of(scale: Scale, disc_radius: float | None) -> list[Unit]:
    """List the units in which lengths can be given: pixels, micrometres where a scale is known or assumed.

    Parameters
    ----------
    scale : Scale
    disc_radius : float, optional
        Pixels.
    """
    spacing, disc_diameter = scale.spacing, scale.disc_diameter
    units = [PIXEL]
    if spacing is not None:
        units.append(Unit("µm", float(spacing), scale.source))
    elif disc_radius is not None:
        units.append(
            Unit("µm", disc_diameter / (2 * disc_radius), f"assumed: disc diameter {disc_diameter:g} µm")
        )
    if disc_radius is not None:
        units.append(Unit("DD", 1 / (2 * disc_radius), "disc diameter"))
    return units
