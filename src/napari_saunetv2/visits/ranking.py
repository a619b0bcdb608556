"""Segments in the order in which a reader wants to see them: those that changed first."""

from typing import TYPE_CHECKING

import numpy as np

from napari_saunetv2.visits.segments import VERDICTS

if TYPE_CHECKING:
    import pandas as pd

ONCE = ("earlier only", "later only")


def ranked(segments: "pd.DataFrame") -> "pd.DataFrame":
    """Order a table of segments, and say in a column ``change`` what changed.

    Parameters
    ----------
    segments : DataFrame
        As of :class:`napari_saunetv2.visits.Comparison`.

    Returns
    -------
    DataFrame
        First the segments with a change beyond its uncertainty, the clearest first; then those that one visit
        alone shows; then the others by their number. ``change`` has the verdicts, such as "wider, longer", or
        the visit, or "".
    """
    flagged, clear = np.zeros(len(segments), bool), np.zeros(len(segments))
    words = np.where(segments["found"].isin(ONCE), segments["found"], "").astype(object)
    for name, verdicts in VERDICTS.items():
        beyond = segments[f"{name}_verdict"].isin(verdicts).to_numpy()
        ratio = segments[f"{name}_change"].abs() / segments[f"{name}_uncertainty"]
        clear = np.fmax(clear, np.where(beyond, ratio.fillna(0), 0))
        said = segments[f"{name}_verdict"].to_numpy(object)
        words = np.where(beyond, np.where(flagged, words + ", " + said, said), words)
        flagged |= beyond
    once = segments["found"].isin(ONCE).to_numpy()
    table = segments.assign(change=words)
    order = np.lexsort([segments["label"].to_numpy(), ~once, -clear, ~flagged])
    return table.iloc[order]
