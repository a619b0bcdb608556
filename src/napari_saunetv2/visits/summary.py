"""What two visits come to: the registration, the vessels of both, and how many segments changed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.visits.registration import FIELD, Registration
from napari_saunetv2.visits.segments import LEAST_SEGMENTS
from napari_saunetv2.visits.visit import Visit

if TYPE_CHECKING:
    import pandas as pd

ALL_ALIKE = 0.3
"""Median change of all widths, pixels in ``FIELD``, above which there is a warning."""

BLUNTER = 1.15
"""Ratio of the widths of the vessels' profiles above which there is a warning."""

SUMMARY_COLUMNS = {
    "key": "name of the value",
    "value": "the value",
    "unit": "its unit; px are pixels of the earlier photograph",
    "meaning": "what it is",
}
"""Columns of the summary and what they mean."""


def summary_rows(
    found: Registration,
    segments: "pd.DataFrame",
    earlier: Visit,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    view: NDArray[np.bool_],
) -> "pd.DataFrame":
    """Summary of a comparison.

    Parameters
    ----------
    found : Registration
    segments : DataFrame
    earlier : Visit
    masks : (array, array), shape (H, W), bool
        Vessels of both visits in the earlier photograph's frame.
    view : array, shape (H, W), bool
        What both photographs show.
    """
    import pandas as pd

    both = segments[segments["found"] == "both"]
    area = int(np.count_nonzero(view)) or 1
    shares = [int(np.count_nonzero(mask & view)) / area for mask in masks]
    turn, scale = found.transform.rotation, 1 / found.transform.scale
    rows: list[tuple[str, float, str, str]] = [
        ("confidence", found.confidence, "", "share of the vessels that fit beyond chance, 0 to 1"),
        ("residual", found.residual, "px", "median distance of centre lines that fit"),
        ("residual_95", float(np.percentile(found.residuals, 95)), "px", "95th percentile of that distance"),
        ("overlap", found.overlap, "", "share of the earlier field of view that the later photograph shows"),
        ("rotation", turn, "degrees", "by which the later photograph was turned clockwise"),
        ("scale", scale, "", "by which the later photograph was enlarged"),
        ("bent", found.bent, "px", "deformation beyond a quadratic map, root mean square"),
        ("density_earlier", shares[0], "", "share of the common view that is vessel, earlier visit"),
        ("density_later", shares[1], "", "the same, later visit"),
        ("segments_both", len(both), "", "segments found at both visits"),
        ("segments_earlier_only", _count(segments, "found", "earlier only"), "", "found at the earlier only"),
        ("segments_later_only", _count(segments, "found", "later only"), "", "found at the later only"),
        ("out_of_view", _count(segments, "found", "out of view"), "", "segments out of the later view"),
        ("width_compared", int(both["width_change"].notna().sum()), "", "segments whose width was compared"),
        ("width_change_median", float(both["width_change"].median()), "px", "median change of width"),
        ("wider", _count(both, "width_verdict", "wider"), "", "segments wider than the uncertainty"),
        ("narrower", _count(both, "width_verdict", "narrower"), "", "segments narrower than the uncertainty"),
        ("length_compared", int(both["length_change"].notna().sum()), "", "segments compared in length"),
        ("length_change_median", float(both["length_change"].median()), "px", "median change of length"),
        ("longer", _count(both, "length_verdict", "longer"), "", "segments longer than the uncertainty"),
        ("shorter", _count(both, "length_verdict", "shorter"), "", "segments shorter than the uncertainty"),
    ]
    if earlier.spacing is not None:
        rows.append(("spacing", earlier.spacing, "µm/px", "size of a pixel of the earlier photograph"))
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def in_words(segments: "pd.DataFrame") -> str:
    """Say in a line what changed, and how much of it would be chance."""
    both = segments[segments["found"] == "both"]
    compared = int(both["width_change"].notna().sum())
    wider, narrower = (_count(both, "width_verdict", word) for word in ("wider", "narrower"))
    lengths = int(both["length_change"].notna().sum())
    longer, shorter = (_count(both, "length_verdict", word) for word in ("longer", "shorter"))
    gone, new = (_count(segments, "found", word) for word in ("earlier only", "later only"))
    return (
        f"{compared} segments compared in width: {wider} wider, {narrower} narrower than the uncertainty "
        f"(about {0.05 * compared:.0f} would be by chance); {lengths} in length: {longer} longer, {shorter} "
        f"shorter (about {0.05 * lengths:.0f} by chance). Segments found at the earlier visit only: {gone}; "
        f"at the later only: {new}."
    )


def cautions(found: Registration, segments: "pd.DataFrame", earlier: Visit, later: Visit) -> Iterator[str]:
    """Warn of what makes the same vessels differ: focus, exposure, another way to find their edges."""
    changes = segments["width_change"].dropna()
    if len(changes) >= LEAST_SEGMENTS and abs(changes.median()) * FIELD / earlier.diameter > ALL_ALIKE:
        yield (
            f"All vessels changed by about {changes.median():+.2f} pixels alike: this is more likely focus, "
            "exposure or the threshold than the eye."
        )
    before, after = earlier.profile, later.profile
    if before is not None and after is not None:
        after /= found.transform.scale
        if max(before / after, after / before) > BLUNTER:
            blunt, fine = ("later", "earlier") if after > before else ("earlier", "later")
            yield (
                f"The {blunt} photograph is less sharp (vessel profiles {max(before, after):.1f} pixels wide "
                f"against {min(before, after):.1f}): fine vessels that only the {fine} one shows may be "
                "there at both visits."
            )
    one, other = earlier.inputs.probability is None, later.inputs.probability is None
    if one != other:
        yield (
            "One visit has a vessel probability and the other only a mask: their edges are not found alike, "
            "so that widths differ for that reason too."
        )


def _count(table: "pd.DataFrame", column: str, word: str) -> int:
    return int((table[column] == word).sum())
