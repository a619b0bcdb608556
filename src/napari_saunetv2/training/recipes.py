"""Named trainings: their photographs and training cycles."""

from dataclasses import replace

from napari_saunetv2.imaging.classes import ARTERY_VEIN
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.recipe import Recipe

DRIVE_DIAMETER = 540.0
"""Diameter in pixels of DRIVE's field of view."""

STARE_FIRST_TEN = frozenset(f"im{n:04}" for n in (1, 2, 3, 4, 5, 44, 77, 81, 82, 139))
"""STARE has no split; Galdran et al. (2022) train on this half and test on the other."""

STARE_FIRST_SIXTEEN = STARE_FIRST_TEN | {f"im{n:04}" for n in (162, 163, 235, 236, 239, 240)}
"""One of five folds, in file order, is held out; the authors of SA-UNetv2 did not publish which one."""

HRF_FIRST_THREE = frozenset(f"{n:02}_{group}" for n in (1, 2, 3) for group in ("h", "g", "dr"))
"""Of the five training images per group; the others stay unseen."""


_MILD = Augmentation(
    scale=(0.8, 1.25), overhang=0.2, brightness=0.2, contrast=0.2, saturation=0.3, channel=0.1, gamma=1.3,
    blur=0.8, vignetting=0.2, grey=0.05,
)  # fmt: skip

# Larger views, about as dark as whole canvases, stronger colours, less dropped, nothing kept for validation.
_SECOND = TrainConfig(
    network_arguments={"dropblock": 0.05}, steps=6000, batch=2, crop=448, learning_rate=1.5e-3, validation=0
)

# Whole canvases as in use, half of them not resampled; hardly anything dropped: by now the network fits its
# training images little better than others.
_THIRD = replace(
    _SECOND,
    network_arguments={"dropblock": 0.02},
    steps=1500,
    crop=592,
    learning_rate=1e-3,
    warmup=100,
    ema=0.995,
    augmentation=replace(_MILD, overhang=0.0, unresampled=0.5),
)

# The same again from a high rate, and nothing dropped: the third cycle was still gaining when it ended.
_FOURTH = replace(_THIRD, network_arguments={"dropblock": 0.0}, steps=3000, ema=0.998)

# Shorter, and half of the views as the photographs in use: neither resampled nor blurred nor made noisy.
# The others stay as they are, for photographs that are brought to this scale.
_FIFTH = replace(_FOURTH, steps=800, ema=0.995, augmentation=replace(_FOURTH.augmentation, unfiltered=True))

# From a model that knows vessels to another camera: shorter, at a lower rate.
_TRANSFER = replace(_SECOND, steps=2000, learning_rate=1e-3)

# The first cycles of the general model: all photographs of four data sets alike.
_FOUR = {"drive": 20.0, "stare": 10.0, "chase": 20.0, "hrf": 9.0, "aria": 0.0, "orvs": 0.0}

# What cameras differ in, from haze to an infrared look.
_ANY_CAMERA = Augmentation(
    scale=(0.6, 1.7), overhang=0.2, brightness=0.3, contrast=0.4, saturation=0.5, channel=0.25, gamma=1.6,
    blur=0.8, unresampled=0.3, grey=0.05, channel_mix=0.12, dimming=0.5, shade=0.5, haze=0.45, defocus=1.8,
    jpeg=0.15,
)  # fmt: skip

# Then six, whose observers draw vessels of different widths and are told apart.
_OBSERVERS = TrainConfig(
    network_arguments={"dropblock": 0.03}, steps=1092, batch=12, crop=384, fov_diameter=DRIVE_DIAMETER,
    scales=(0.7, 1.0, 1.4), observers=tuple(_FOUR),
    shares={"drive": 0.16, "stare": 0.12, "chase": 0.16, "hrf": 0.16, "aria": 0.22, "orvs": 0.18},
    validation=0, calibrated=False, augmentation=_ANY_CAMERA,
)  # fmt: skip
_OBSERVERS_IN_USE = replace(
    _OBSERVERS, network_arguments={"dropblock": 0.0}, steps=1028, batch=6, crop=592, learning_rate=8e-4,
    warmup=100, augmentation=replace(_ANY_CAMERA, scale=(0.75, 1.35), overhang=0.1, unresampled=0.5),
)  # fmt: skip

# Once more with a map that is common to all, half of the last views without any fault.
_COMMON = replace(
    _OBSERVERS, network_arguments={"dropblock": 0.02}, steps=482, batch=10, learning_rate=1.5e-3, warmup=100,
    shares={"drive": 0.2, "stare": 0.14, "chase": 0.18, "hrf": 0.18, "aria": 0.18, "orvs": 0.12}, common=0.5,
)  # fmt: skip
_COMMON_IN_USE = replace(
    _OBSERVERS_IN_USE, steps=5913, learning_rate=1e-3, shares=_COMMON.shares, common=0.5,
    augmentation=replace(_OBSERVERS_IN_USE.augmentation, unfiltered=True),
)  # fmt: skip

# Arteries and veins that somebody drew.
_DRAWN = {"rite": 20.0, "hrf-av": 9.0, "stare": 0.0, "chase": 0.0, "orvs": 0.0, "aria": 0.0}

# The classes of vessels that a bundled model finds. Views are wide, because what decides an artery may be far
# away. HRF's photographs are used at 2.2 times DRIVE's scale, so that one network serves both.
_CLASSES = TrainConfig(
    network="artery_vein", network_arguments={"dropblock": 0.05}, classes=ARTERY_VEIN, steps=5000, batch=2,
    crop=512, fov_diameter=DRIVE_DIAMETER, shares=_DRAWN, warmup=100, validation=0, calibrated=False,
    augmentation=Augmentation(
        scale=(0.6, 1.6), brightness=0.3, contrast=0.3, saturation=0.4, grey=0.05, unresampled=0.2
    ),
)  # fmt: skip

# Whole canvases of DRIVE's size, half of them not resampled, as in use.
_CLASSES_IN_USE = replace(
    _CLASSES, steps=1500, crop=592, learning_rate=1e-3,
    augmentation=replace(_CLASSES.augmentation, scale=(0.8, 1.25), unresampled=0.5),
)  # fmt: skip

# Other cameras, whose vessels somebody drew and the model classified where it was sure
# (tools/artery_vein_labels.py), are half of the views; the vessels are found by the general model of today.
_CLASSES_ANYWHERE = replace(
    _CLASSES, finder="saunetv2-general", steps=1500, learning_rate=1e-3,
    shares={"rite": 0.34, "hrf-av": 0.16, "stare": 0.06, "chase": 0.1, "orvs": 0.14, "aria": 0.2},
    augmentation=replace(_ANY_CAMERA, overhang=0.3, unresampled=0.2),
)  # fmt: skip

# Then drawn classes alone, on whole canvases, half of them without any fault.
_CLASSES_DRAWN = replace(
    _CLASSES_IN_USE, steps=600, learning_rate=6e-4,
    augmentation=replace(
        _ANY_CAMERA, scale=(0.8, 1.25), overhang=0.3, unresampled=0.5, unfiltered=True
    ),
)  # fmt: skip

# OCT angiograms: grey, with bright vessels, 304 to 400 pixels wide. The scale of their vessels differs by
# half between 3 and 6 mm, and the picture does not tell which it is, so that views are of many scales.
_ANGIOGRAMS = replace(
    _SECOND, network_arguments={"dropblock": 0.05}, steps=2500, batch=4, crop=304,
    augmentation=Augmentation(
        scale=(0.7, 1.4), brightness=0.3, contrast=0.4, saturation=0.0, channel=0.0, gamma=1.6, noise=0.04,
        blur=0.8, grey=1.0, unresampled=0.3,
    ),
)  # fmt: skip

# Whole canvases of the 6 mm angiograms, half of them as in use.
_ANGIOGRAMS_IN_USE = replace(
    _ANGIOGRAMS, network_arguments={"dropblock": 0.0}, steps=1200, batch=3, crop=400, learning_rate=1e-3,
    warmup=100, ema=0.995,
    augmentation=replace(_ANGIOGRAMS.augmentation, scale=(0.85, 1.2), unresampled=0.5, unfiltered=True),
)  # fmt: skip

# SA-UNetv2 as published: 150 epochs of 13 copies an image, a tenth of them to validate on. 20 images make 234
# copies to train on, which is 30 steps of 8. Here the views are drawn anew in every step, and a tenth of the
# images, not of their copies, is kept for validation.
_PAPER = TrainConfig(
    network_arguments={"dropblock": 0.15}, steps=150 * 30, validate_every=30, batch=8, crop=592,
    learning_rate=1e-3, warmup=0, schedule="plateau", halve_after=10, weight_decay=0, clip=None, ema=0,
    precision="float32", best_by="loss", patience=20, calibrated=False, views="published",
)  # fmt: skip

# 16 images, 187 copies to train on, 94 steps of 2.
_PAPER_STARE = replace(
    _PAPER, steps=150 * 94, validate_every=94, batch=2, crop=704, halve_after=20, patience=30
)

# SA-UNetv2 was not published on CHASE_DB1; SA-UNet was: 100 epochs, then 50 at a tenth of the rate, the last
# weights kept, and more kept by DropBlock (.87) than on DRIVE. 234 copies, 117 steps of 2.
_PAPER_CHASE = replace(
    _PAPER, network="saunet", network_arguments={"dropblock": 0.13}, padding="centre", loss="bce",
    steps=150 * 117, validate_every=117, batch=2, crop=1008, schedule="tenth", best_by="last", patience=None,
)  # fmt: skip


def _other(network: str, *steps: int) -> Recipe:
    """DRIVE's first three cycles for an older network, with fewer steps."""
    cycles = (TrainConfig(validation=0), _SECOND, _THIRD)
    return Recipe(
        tuple(
            replace(cycle, network=network, padding="centre", steps=n)
            for cycle, n in zip(cycles, steps, strict=True)
        )
    )


RECIPES: dict[str, Recipe] = {
    "drive": Recipe((TrainConfig(augmentation=_MILD), _SECOND, _THIRD, _FOURTH, _FIFTH)),
    "stare": Recipe(
        (replace(_TRANSFER, steps=400),), images={"stare": STARE_FIRST_TEN}, base="saunetv2-drive"
    ),
    # At three quarters of their scale CHASE's labels keep an F1 of .992 against themselves.
    "chase": Recipe(
        tuple(replace(cycle, fov_diameter=690.0) for cycle in (_TRANSFER, replace(_FOURTH, steps=700))),
        base="saunetv2-drive",
    ),
    "general": Recipe(
        (
            *(
                replace(cycle, fov_diameter=DRIVE_DIAMETER, shares=_FOUR)
                for cycle in (
                    replace(_TRANSFER, steps=1500),
                    replace(_FOURTH, steps=600),
                    replace(_FOURTH, steps=1000),
                    replace(_FOURTH, steps=1000),
                )
            ),
            _OBSERVERS,
            _OBSERVERS_IN_USE,
            _COMMON,
            _COMMON_IN_USE,
        ),
        images={"stare": STARE_FIRST_TEN, "hrf": HRF_FIRST_THREE},
        base="saunetv2-drive",
    ),
    # Short, from random weights: on five data sets, to score photographs of the sixth.
    "left-out": Recipe(
        (replace(_OBSERVERS, steps=2000, batch=8), replace(_COMMON_IN_USE, steps=1200)),
        images={"stare": STARE_FIRST_TEN, "hrf": HRF_FIRST_THREE},
    ),
    "av": Recipe(
        (
            _CLASSES,
            replace(_CLASSES, steps=2000, learning_rate=1e-3),
            _CLASSES_IN_USE,
            _CLASSES_ANYWHERE,
            _CLASSES_DRAWN,
            # Again, with the classes that this model gives to the others, and more of them.
            replace(_CLASSES_ANYWHERE, steps=1000),
            _CLASSES_DRAWN,
        ),
        images={"hrf-av": HRF_FIRST_THREE},
        base="saunetv2-general",
        labels={"hrf": "hrf-av"},
    ),
    "octa": Recipe((_ANGIOGRAMS, _ANGIOGRAMS_IN_USE), base="saunetv2-general"),
    "saunet-drive": _other("saunet", 6000, 2000, 1000),
    "rsan-drive": _other("rsan", 3000, 1000, 400),
    "paper-drive": Recipe((_PAPER,)),
    "paper-stare": Recipe((_PAPER_STARE,), images={"stare": STARE_FIRST_SIXTEEN}),
    "paper-chase": Recipe((_PAPER_CHASE,)),
}
"""Each is one command: ``saunetv2 train --recipe NAME DATA... -o RUN``."""
