"""Scores, and their tables, comparisons, curves, missed vessels and reports."""

from napari_saunetv2.evaluation.case import Case, ImageScore, titles_of
from napari_saunetv2.evaluation.classes import CLASS_MEANINGS, CLASS_TITLES, class_metrics
from napari_saunetv2.evaluation.comparison import Comparison, compare
from napari_saunetv2.evaluation.curve import THRESHOLDS, Curve, curve, mean_curve, mean_point, operating_point
from napari_saunetv2.evaluation.misses import Miss, misses
from napari_saunetv2.evaluation.protocol import AS_PUBLISHED, EXACT, Protocol, Scoring
from napari_saunetv2.evaluation.scores import (
    evaluate,
    evaluate_observer,
    mean,
    observed,
    predictions,
    score,
    worst_first,
)
from napari_saunetv2.evaluation.splits import chosen, learned_from, seen
from napari_saunetv2.evaluation.tables import as_csv, as_json, as_markdown
from napari_saunetv2.metrics import TITLES

__all__ = [
    "AS_PUBLISHED",
    "CLASS_MEANINGS",
    "CLASS_TITLES",
    "EXACT",
    "THRESHOLDS",
    "TITLES",
    "Case",
    "Comparison",
    "Curve",
    "ImageScore",
    "Miss",
    "Protocol",
    "Scoring",
    "as_csv",
    "as_json",
    "as_markdown",
    "chosen",
    "class_metrics",
    "compare",
    "curve",
    "evaluate",
    "evaluate_observer",
    "learned_from",
    "mean",
    "mean_curve",
    "mean_point",
    "misses",
    "observed",
    "operating_point",
    "predictions",
    "score",
    "seen",
    "titles_of",
    "worst_first",
]
