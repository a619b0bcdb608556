"""How far counts and lengths of masks change when their vessels lie otherwise on the grid of pixels.

Masks are doubled in size first: at their own size, vessels of one pixel break when they are turned, and that
is more a loss of the mask than one of the tracing.
"""

from collections.abc import Generator
from pathlib import Path

import numpy as np
from measure_masks import Eye, changed, rite

from napari_saunetv2.measure import MEASURES, Circle, measure

SHOWN = {m.key: m.title for m in MEASURES if m.unsteady is not None and m.power >= 0}
REGIONS = ("whole", "zone_b", "zone_c")


def doubled(eye: Eye) -> Eye:
    """The eye at twice its size, each pixel as four."""
    masks = (np.kron(mask, np.ones((2, 2), bool)) for mask in (eye.arteries, eye.veins, eye.fov))
    return Eye(eye.name, *masks, Circle(2 * eye.disc.x + 0.5, 2 * eye.disc.y + 0.5, 2 * eye.disc.r))


def mirrored(eye: Eye) -> Eye:
    disc = Circle(eye.fov.shape[1] - 1 - eye.disc.x, eye.disc.y, eye.disc.r)
    return Eye(eye.name, eye.arteries[:, ::-1], eye.veins[:, ::-1], eye.fov[:, ::-1], disc)


def versions(eye: Eye) -> list[Eye]:
    """The doubled eye as it is, mirrored, and turned by 10 and 37 degrees."""
    large = doubled(eye)
    return [large, mirrored(large), changed(large, 10, 1.0), changed(large, 37, 1.0)]


def numbers(eye: Eye, *, classes: bool) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Values, and their natural spread: the root of a count, or of a length times the mean width."""
    kinds = {"arteries": eye.arteries, "veins": eye.veins} if classes else {}
    table = measure(eye.arteries | eye.veins, fov=eye.fov, disc=eye.disc, **kinds).image
    table = table[table.unit.isin(["px", ""]) & table.region.isin(REGIONS)]
    value = table.set_index(["measure", "region", "vessels"]).value
    found = {}
    for (key, region, kind), number in value[value.index.isin(list(SHOWN), level=0)].items():
        spread = number * value["width_mean", region, kind] if key == "length" else max(number, 1)
        found[key, region, kind] = number, float(np.sqrt(spread))
    return found


def changes(data: Path, half: str, count: int) -> Generator[str, None, dict[str, np.ndarray]]:
    """By measure, how far each version of an eye is from the mean of all, in natural spreads."""
    found: dict[str, list[tuple[float, list[float]]]] = {key: [] for key in SHOWN}
    for eye in rite(data, half, count):
        for classes in (False, True):
            each = [numbers(one, classes=classes) for one in versions(eye)]
            for place in each[0]:
                values = np.array([one[place] for one in each])
                if np.isfinite(values).all() and values[:, 0].any():
                    shares = (values[:, 0] - values[:, 0].mean()) / values[:, 1].mean()
                    found[place[0]].append(shares)
        yield f"RITE {half}, {eye.name}"
    return {key: np.array(shares) for key, shares in found.items()}


def compared(data: Path, counts: tuple[int, int]) -> Generator[str, None, list[str]]:
    """The constants of ``steadiness``, from the training half, and how the test half keeps to them."""
    training = yield from changes(data, "training", counts[0])
    test = yield from changes(data, "test", counts[1])
    return table(training, test, counts)


def table(training: dict[str, np.ndarray], test: dict[str, np.ndarray], counts: tuple[int, int]) -> list[str]:
    lines = [
        f"| measure | standard deviation, training ({counts[0]} eyes) | test, held out ({counts[1]} eyes) | "
        "test, within one | within two |",
        "|---|---|---|---|---|",
    ]
    for key, title in SHOWN.items():
        spread = [np.sqrt(np.mean(np.var(one[key], axis=1, ddof=1))) for one in (training, test)]
        # From the mean of four a version differs by less than from the mean of many.
        away = np.abs(test[key]) * np.sqrt(4 / 3) / spread[0]
        unit = "√(length x mean width)" if key == "length" else "√count"
        shares = " | ".join(f"{np.mean(away <= bound):.0%}" for bound in (1, 2))
        lines.append(f"| {title} | {spread[0]:.2f} {unit} | {spread[1]:.2f} {unit} | {shares} |")
    return lines
