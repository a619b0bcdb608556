"""What the comparison of an engine with torch in float32 found."""

from typing import NamedTuple

MAX_CHANGED = 3e-3
"""Maximum share of vessel pixels that may cross the threshold in a precision chosen by "auto"."""

MAX_F1_SHIFT = 3e-4
"""Maximum change of F1 in a precision chosen by "auto"."""


class Verdict(NamedTuple):
    """Difference between an engine and torch in float32, over all test images.

    Attributes
    ----------
    largest : float
        Largest difference of a probability.
    changed : float
        Share of torch's vessel pixels that cross the threshold, for the worst type of test image.
    f1_shift : float
        Change of F1 on the test image with known vessels.
    seconds : float
        Fastest pass.
    """

    largest: float
    changed: float
    f1_shift: float
    seconds: float

    @property
    def matches_reference(self) -> bool:
        """Whether "auto" may choose the engine."""
        return self.changed <= MAX_CHANGED and abs(self.f1_shift) <= MAX_F1_SHIFT
