import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from napari_saunetv2.errors import ImageError
from napari_saunetv2.metrics import (
    MEANINGS,
    METRICS,
    SHAPE_METRICS,
    TITLES,
    Counts,
    auc,
    best_threshold,
    betti0_error,
    cldice,
    confusion,
    shown,
)
from napari_saunetv2.training.losses import bce_mcc, soft_mcc

SKLEARN = {
    "se": sk.recall_score,
    "sp": lambda t, p: sk.recall_score(1 - t, 1 - p),
    "acc": sk.accuracy_score,
    "f1": sk.f1_score,
    "mcc": sk.matthews_corrcoef,
    "jaccard": sk.jaccard_score,
}


def test_every_metric_has_a_title_and_a_reference():
    assert list(MEANINGS) == list(TITLES)
    assert set(METRICS) == set(SKLEARN) == set(TITLES) - set(SHAPE_METRICS) - {"auc"}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.95), agree=st.floats(0.1, 1))
def test_metrics_are_scikit_learns(seed, share, agree):
    rng = np.random.default_rng(seed)
    truth = (rng.random((20, 30)) < share).astype(np.uint8)
    prediction = np.where(rng.random(truth.shape) < agree, truth, 1 - truth).astype(np.uint8)
    inside = rng.random(truth.shape) < 0.7
    counts = confusion(truth, prediction, inside)
    for name, metric in METRICS.items():
        assert metric(counts) == pytest.approx(SKLEARN[name](truth[inside], prediction[inside]), abs=1e-12), (
            name
        )


def test_auc_is_scikit_learns_with_ties():
    rng = np.random.default_rng(1)
    truth, probability = rng.random((30, 30)) < 0.2, rng.random((30, 30)).round(1)
    assert auc(truth, probability) == pytest.approx(sk.roc_auc_score(truth.ravel(), probability.ravel()))
    inside = rng.random((30, 30)) < 0.5
    expected = sk.roc_auc_score(truth[inside], probability[inside])
    assert auc(truth, probability, inside) == pytest.approx(expected)


def test_what_has_no_value_is_nan_not_a_number_that_flatters():
    empty = Counts(tp=0, fp=0, fn=0, tn=10)
    assert np.isnan([METRICS[name](empty) for name in ("se", "f1", "jaccard")]).all()
    assert np.isnan(auc(np.zeros((3, 3)), np.zeros((3, 3))))
    assert METRICS["mcc"](empty) == 0


def bar(columns, rows=slice(8, 13)):
    """A horizontal vessel, five pixels wide, in a picture of 20 x 60."""
    mask = np.zeros((20, 60), np.uint8)
    mask[rows, columns] = 1
    return mask


def test_cldice_is_of_lengths_not_of_widths():
    vessel, line = bar(slice(5, 55)), bar(slice(5, 55), rows=slice(10, 11))
    assert cldice(vessel, vessel) == 1
    assert METRICS["f1"](confusion(vessel, line)) < 0.34
    # The skeleton of a bar is shorter than the bar by its half width at either end: 46 of 50 columns.
    assert cldice(vessel, line) == pytest.approx(1, abs=0.03)  # it may end in a corner
    # All of the answer is right; of the truth's 46 columns of skeleton, 7 to 52, those up to 29 are found.
    assert cldice(vessel, bar(slice(5, 30))) == pytest.approx(2 * (23 / 46) / (1 + 23 / 46), abs=0.02)
    # Two vessels, of equal length, one of them invented: half of the answer's skeleton is wrong.
    both = vessel | bar(slice(5, 55), rows=slice(15, 20))
    assert cldice(vessel, both) == pytest.approx(2 * 0.5 / 1.5, abs=0.02)
    assert cldice(both, vessel) == pytest.approx(2 * 0.5 / 1.5, abs=0.02)
    assert cldice(vessel, bar(slice(5, 55), rows=slice(15, 20))) == 0


def test_betti0_error_counts_connected_vessels():
    checks = np.eye(6, dtype=np.uint8)  # pixels that touch at their corners are one vessel
    islands = np.zeros((6, 6), np.uint8)
    islands[::2, ::2] = 1
    assert betti0_error(checks, checks) == 0
    assert betti0_error(checks, islands) == betti0_error(islands, checks) == 8
    assert betti0_error(islands, np.zeros((6, 6))) == 9


def test_shapes_end_at_the_field_of_view():
    vessel, inside = bar(slice(5, 55)), np.zeros((20, 60), np.uint8)
    inside[:, :30] = 1
    half = bar(slice(5, 30))
    assert cldice(vessel, half, inside) == 1
    assert betti0_error(vessel, half | bar(slice(40, 50), rows=slice(0, 3)), inside) == 0


@pytest.mark.parametrize("name", SHAPE_METRICS)
def test_shapes_of_nothing(name):
    empty, vessel = np.zeros((20, 60), np.uint8), bar(slice(5, 55))
    expected = {"cldice": (0, np.nan), "betti0": (1, 0)}[name]
    assert SHAPE_METRICS[name](vessel, empty, None) == expected[0]
    assert SHAPE_METRICS[name](empty, empty, None) == pytest.approx(expected[1], nan_ok=True)
    with pytest.raises(ImageError, match="differ"):
        SHAPE_METRICS[name](vessel, empty[1:], None)


def test_values_as_tables_print_them():
    values = {"f1": 0.82344, "betti0": 12.25, "seconds": 9.4123, "auc": float("nan")}
    assert [shown(*value) for value in values.items()] == ["0.8234", "12.2", "9.4", "-"]


def test_mcc_does_not_overflow_on_a_large_image():
    huge = Counts(tp=10**9, fp=10**9, fn=10**9, tn=10**11)
    assert METRICS["mcc"](huge) == pytest.approx((10**20 - 10**18) / (2e9 * 2e9 * 1.01e11 * 1.01e11) ** 0.5)


def test_different_shapes_are_refused():
    with pytest.raises(ImageError, match="differ"):
        confusion(np.zeros((2, 3)), np.zeros((3, 2)))


def test_the_best_threshold_is_where_f1_peaks():
    truth = np.zeros((10, 10), np.uint8)
    truth[:3] = 1
    probability = np.where(truth, 0.45, 0.36).astype(np.float32)
    assert 0.36 < best_threshold([truth], [probability]) <= 0.45


def test_an_image_without_vessels_chooses_no_threshold():
    truth = np.zeros((10, 10), np.uint8)
    truth[:3] = 1
    probability = np.where(truth, 0.45, 0.36).astype(np.float32)
    nothing, faint = np.zeros_like(truth), np.full((10, 10), 0.3, np.float32)
    assert best_threshold([truth, nothing], [probability, faint]) == best_threshold([truth], [probability])
    assert best_threshold([nothing], [faint]) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_soft_mcc_of_zeros_and_ones_is_the_coefficient(seed):
    rng = np.random.default_rng(seed)
    truth, prediction = rng.random(500) < 0.2, rng.random(500) < 0.3
    prediction |= truth
    found = soft_mcc(
        torch.from_numpy(prediction.astype(np.float32)), torch.from_numpy(truth.astype(np.float32))
    )
    assert found.item() == pytest.approx(sk.matthews_corrcoef(truth, prediction), abs=1e-5)


def test_the_loss_is_half_cross_entropy_half_mcc_over_the_whole_batch():
    torch.manual_seed(0)
    logits, truth = torch.randn(3, 1, 8, 8), (torch.rand(3, 1, 8, 8) < 0.3).float()
    p, t = logits.sigmoid().double(), truth.double()
    tp, fp, fn, tn = (p * t).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum(), ((1 - p) * (1 - t)).sum()
    mcc = (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)).sqrt()
    bce = sk.log_loss(t.numpy().ravel(), p.numpy().ravel())
    assert bce_mcc(logits, truth).item() == pytest.approx(0.5 * bce + 0.5 * (1 - mcc.item()), abs=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_loss_has_a_gradient_on_a_view_of_one_class(value):
    logits = torch.randn(1, 1, 8, 8, requires_grad=True)
    bce_mcc(logits, torch.full((1, 1, 8, 8), value)).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
