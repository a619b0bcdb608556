"""The agreement of repeated measurements that docs/measurements.md tells."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from measure_agreement import agreement, difference

JUDGES = np.array(
    [(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)], float
)
"""The worked example of Shrout and Fleiss, Psychol Bull 86:420, 1979."""


def test_icc_is_that_of_shrout_and_fleiss():
    found = agreement(np.vstack([JUDGES, [1, np.nan, 1, 1]]))
    assert found.icc == pytest.approx(0.71, abs=0.005)
    assert found.eyes == 6


def test_a_version_that_is_always_larger_shows_in_the_cv_and_the_difference_alone():
    before = np.array([10.0, 20.0, 40.0])
    found = agreement(np.column_stack([before, before * 1.1]))
    assert found.cv == pytest.approx(0.1 / 1.05 / np.sqrt(2))
    mean, limits = difference(before, before * 1.1)
    assert mean == pytest.approx(0.1 / 1.05)
    assert limits == pytest.approx(0, abs=1e-12)


def test_one_eye_has_no_icc():
    assert np.isnan(agreement(np.ones((1, 3))).icc)
