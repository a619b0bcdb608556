"""OCT angiograms, grey squares with bright vessels: OCTA-500 (6 and 3 mm) and ROSSA; large vessels only."""

from collections.abc import Collection

from napari_saunetv2.datasets._layout import Dataset
from napari_saunetv2.datasets._numbered import Part, folders_of, identifier


def _angiograms(
    key: str, title: str, citation: str, side: int, parts: Collection[Part], copies: Collection[int] = ()
) -> Dataset:
    train, *_ = parts
    first = min(train.numbers)
    return Dataset(
        key=key,
        title=title,
        citation=citation,
        terms="research only",
        looks_like=f"{train.folder}/ and val/, each with images/ ({first}.png, ...) and labels/",
        folders=folders_of(parts),
        observers=("manual",),
        identify=identifier(key, parts, copies=copies),
        missing={
            "labels": f"labels/ should hold {first}.png, ...",
            "fov": "an angiogram fills its frame, so none is needed",
        },
        size=(side, side),
        modality="octa",
    )


_OCTA_500 = "Li et al., Medical Image Analysis 93:103092, 2024"

OCTA_6MM = _angiograms(
    "octa500-6m", "OCTA500_6M", _OCTA_500, 400,
    (
        Part(range(10001, 10181), "train", "train"),
        Part(range(10181, 10201), "val", "test"),
        Part(range(10201, 10301), "test", "test"),
    ),
)  # fmt: skip

# 10388 nearly equals 10333: one of them is enough.
OCTA_3MM = _angiograms(
    "octa500-3m", "OCTA500_3M", _OCTA_500, 304,
    (
        Part(range(10301, 10441), "train", "train"),
        Part(range(10441, 10451), "val", "test"),
        Part(range(10451, 10501), "test", "test"),
    ),
    copies=(10388,),
)  # fmt: skip

# 42 and 68 nearly equal 168 and 131 of the validation part. The labels in train_sam/ are a model's.
ROSSA = _angiograms(
    "rossa", "ROSSA", "Ning et al., ICASSP 2024", 320,
    (
        Part(range(1, 101), "train_manual", "train"),
        Part(range(101, 201), "val", "test"),
        Part(range(201, 301), "test", "test"),
    ),
    copies=(42, 68),
)  # fmt: skip
