"""Draw the figures of the documentation from the numbers in it (``make docs`` does so first).

Each figure is a plain SVG, so that it needs no plotting library and a changed number changes one line of
the file.
"""

import json
import math
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from statistics import mean, stdev

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"

BLUE, ORANGE, INK, FAINT = "#0072b2", "#d55e00", "#222222", "#c8c8c8"
"""Blue and orange look different to colour-blind readers too (Okabe and Ito, 2008)."""

MODELS = {"saunetv2-general": BLUE, "saunetv2-drive": ORANGE}
CAMERAS = {"drive": "DRIVE", "stare": "STARE", "chase": "CHASE_DB1", "hrf": "HRF"}

Scores = dict[tuple[str, str], dict[str, float]]


def main() -> None:
    for name, draw in FIGURES.items():
        (IMAGES / f"{name}.svg").write_text(draw(), encoding="utf-8")


# --- Accuracy by camera


def scores() -> Scores:
    """F1 by photograph, for each model and data set, of the photographs that neither model has seen."""
    rows = json.loads((DOCS / "models" / "accuracy.json").read_text(encoding="utf-8"))
    plain = [row for row in rows if row["protocol"] == "fov" and row["how"].startswith("plain")]
    found: Scores = {}
    for camera in CAMERAS:
        sets = {m: [r["f1"] for r in plain if (r["model"], r["dataset"]) == (m, camera)] for m in MODELS}
        (shared,) = sets[
            "saunetv2-general"
        ]  # has seen part of every data set: its photographs are the fewest
        for model, tables in sets.items():
            table = {name: value for one in tables for name, value in one.items()}
            found[model, camera] = {name: table[name] for name in shared}
    return found


def accuracy() -> str:
    """Each photograph a dot, the mean a line."""
    found = scores()
    low, high, top, bottom = 0.6, 0.9, 60, 340

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    parts = [text(20, 26, "F1 of each photograph (dot) and mean (line), field of view", size=15, bold=True)]
    for step in range(7):
        value = low + 0.05 * step
        parts += [line(60, y(value), 700, y(value), FAINT), text(52, y(value) + 4, f"{value:.2f}", "end")]
    for column, (camera, title) in enumerate(CAMERAS.items()):
        middle = 140 + 160 * column
        for side, (model, colour) in enumerate(MODELS.items()):
            x, values = middle - 34 + 68 * side, sorted(found[model, camera].values())
            for number, value in enumerate(values):
                shift = (number % 3 - 1) * 7  # neighbours lie side by side
                parts.append(dot(x + shift, y(value), colour))
            average = mean(values)
            parts.append(line(x - 22, y(average), x + 22, y(average), colour, 3))
            parts.append(text(x, bottom + 20, f"{average:.3f}", "middle", colour, bold=True))
        count = len(found["saunetv2-general", camera])
        parts.append(text(middle, bottom + 42, f"{title} ({count})", "middle", size=14))
    for number, (model, colour) in enumerate(MODELS.items()):
        parts += [
            dot(70 + 190 * number, bottom + 72, colour, 5),
            text(82 + 190 * number, bottom + 76, model, size=14),
        ]
    return svg(720, bottom + 95, "F1 of each photograph, by data set and model", parts)


# --- Speed by engine

PROCESSOR = "amd-epyc.md"
"""Whose page of docs/benchmarks/ is drawn."""


def speeds(shape: str = "592 x 592") -> list[tuple[str, float]]:
    """Engine and precision, and milliseconds of one photograph on the CPU, the fastest first."""
    page = (DOCS / "benchmarks" / PROCESSOR).read_text(encoding="utf-8")
    rows = re.findall(rf"(?m)^\| {shape} \| (torch|onnx|openvino) \| (\w+) \| ([\d.]+) \|", page)
    return sorted(((f"{e}, {p}", 1000 * float(s)) for e, p, s in rows), key=lambda pair: pair[1])


def speed() -> str:
    """One bar for each engine and precision."""
    found = speeds()
    longest = max(ms for _, ms in found)
    parts = [text(20, 26, "Milliseconds for one photograph of 592 x 592 pixels", size=15, bold=True)]
    for number, (name, ms) in enumerate(found):
        y = 48 + 32 * number
        parts += [
            text(180, y + 16, name, "end", size=14),
            bar(190, y, 440 * ms / longest, 22, ORANGE if "float32" in name else BLUE),
            text(198 + 440 * ms / longest, y + 16, f"{ms:.0f}", size=14, bold=True),
        ]
    y = 48 + 32 * len(found) + 22
    for number, (colour, name) in enumerate(((ORANGE, "full precision"), (BLUE, "reduced precision"))):
        parts += [dot(198 + 170 * number, y - 4, colour, 5), text(210 + 170 * number, y, name, size=14)]
    return svg(720, y + 20, "Time of one photograph by engine and precision", parts)


# --- Arteries and veins


def ratios() -> dict[str, list[tuple[float, float]]]:
    """Ratio of arteries to veins by drawn labels and by ours, of each photograph, by data set."""
    rows = json.loads((DOCS / "models" / "arteries-veins.json").read_text(encoding="utf-8"))
    return {key: [(r["drawn"], r["ours"]) for r in rows if r["set"] == key] for key in ("rite", "hrf-av")}


def artery_vein_ratio() -> str:
    """Difference over mean (Bland and Altman), each photograph a dot; bias and limits as lines."""
    found = ratios()
    pairs = [pair for values in found.values() for pair in values]
    gaps = [ours - drawn for drawn, ours in pairs]
    bias, spread = mean(gaps), 1.96 * stdev(gaps)
    low, high, left, right, top, bottom = 0.5, 1.1, 80, 690, 60, 330
    reach = max(0.3, *(abs(gap) * 1.1 for gap in gaps))

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    def y(value: float) -> float:
        return (top + bottom) / 2 - value / reach * (bottom - top) / 2

    parts = [
        text(20, 26, "AVR in zone B: our labels minus drawn ones, over the mean of both", size=15, bold=True)
    ]
    for value, name in ((bias, "mean"), (bias - spread, "limit"), (bias + spread, "limit")):
        parts.append(line(left, y(value), right, y(value), INK if name == "mean" else FAINT, 2))
        parts.append(text(left - 8, y(value) + 4, f"{value:+.2f}", "end"))
    for step in range(7):
        value = low + 0.1 * step
        parts.append(text(x(value), bottom + 20, f"{value:.1f}", "middle"))
    for number, (key, colour) in enumerate((("rite", BLUE), ("hrf-av", ORANGE))):
        parts += [dot(x((drawn + ours) / 2), y(ours - drawn), colour, 5) for drawn, ours in found[key]]
        name = {"rite": "RITE test", "hrf-av": "HRF 04 and 05"}[key]
        parts += [
            dot(90 + 150 * number, bottom + 48, colour, 5),
            text(102 + 150 * number, bottom + 52, f"{name} ({len(found[key])})", size=14),
        ]
    return svg(720, bottom + 70, "Agreement of the ratio of arteries to veins", parts)


# --- What a correction does


def corrections() -> list[tuple[str, float, float]]:
    """What was corrected, and F1 before and after, as docs/finetuning.md has them."""
    page = (DOCS / "finetuning.md").read_text(encoding="utf-8")
    runs = re.findall(r"(?m)^\| `python .*` \| (.+) \| (\d+) \| (\.\d+) \| (\.\d+) \|$", page)
    found = []
    for what, steps, before, after in runs:
        name = "20 + 20 strokes" if "strokes" in what else "four photographs"
        found.append((f"{name}, {steps} steps", float(before), float(after)))
    return found


def correction() -> str:
    """A line from F1 before to F1 after."""
    low, high = 0.74, 0.83

    def x(value: float) -> float:
        return 320 + (value - low) / (high - low) * 370

    found = corrections()
    foot = 58 + 56 * len(found)
    parts = [text(20, 26, "F1 on labels that were not used for fine-tuning", size=15, bold=True)]
    for number, (colour, name) in enumerate(((ORANGE, "before"), (BLUE, "after"))):
        parts += [dot(26 + 90 * number, 50, colour, 5), text(38 + 90 * number, 54, name, size=14)]
    for step in range(4):
        value = low + 0.03 * step
        parts += [
            line(x(value), 48, x(value), foot, FAINT),
            text(x(value), foot + 18, f"{value:.2f}", "middle"),
        ]
    for number, (what, before, after) in enumerate(found):
        y = 90 + 54 * number
        start, end = x(before), x(after)
        parts += [
            text(20, y + 5, what, size=14),
            line(start, y, end, y, BLUE, 3),
            dot(start, y, ORANGE, 6),
            dot(end, y, BLUE, 6),
            text(start, y - 12, f"{before:.3f}", "middle", ORANGE, bold=True),
            text(end, y + 22, f"{after:.3f}", "middle", BLUE, bold=True),
        ]
    return svg(720, foot + 34, "F1 before and after fine-tuning", parts)


# --- The angle of a fork


def apparent_angle(distance: float) -> float:
    """Angle of a fork of 60 degrees, from its node to points so many widths along the daughters."""
    return 60 + 2 * math.degrees(math.atan2(1 / 6, distance - math.cos(math.pi / 6) / 3))


def fork() -> str:
    """A fork of 60 degrees: its centre line, and the two ways to take its angle.

    Where the daughters are one blob, its centre line is as far from the crotch as from the outer edge of a
    daughter: a parabola. Lengths are in widths.
    """
    size, left, middle = 80.0, 190.0, 200.0
    cosine, sine = math.cos(math.pi / 6), math.sin(math.pi / 6)

    def place(along: float, inward: float, side: int) -> tuple[float, float]:
        """Point by its distance along a daughter and from that daughter's own middle, towards the other."""
        x, y = along * cosine + inward * sine, along * sine - inward * cosine
        return left + size * x, middle + side * size * y

    def path(points: list[tuple[float, float]], colour: str, width: float, dashes: str = "none") -> str:
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        style = f'stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes}"'
        return f'<polyline points="{at}" fill="none" {style}/>'

    node = place(cosine / 3, 1 / 6, 1)
    parts = [text(20, 26, "A fork of 60 degrees, and where its angle is taken", size=15, bold=True)]
    parts.append(path([(left - 2 * size, middle), (left, middle)], FAINT, size))
    parts += [path([(left, middle), place(3, 0, side)], FAINT, size) for side in (-1, 1)]
    parts.append(path([(left - 2 * size, middle), node], INK, 1.5))
    for side in (-1, 1):
        steps = [cosine / 3 + n / 20 * cosine * 2 / 3 for n in range(21)]
        bent = [place(u, (u - cosine) ** 2 / 2, side) for u in steps]
        parts.append(path([*bent, place(3, 0, side)], INK, 1.5))
        parts.append(path([node, place(2, 0, side)], ORANGE, 2))
        parts.append(path([place(1, 0, side), place(3, 0, side)], BLUE, 2.5, "6 4"))
    parts.append(dot(*node, INK))
    angle = apparent_angle(2)
    parts.append(text(440, 180, f"from the node, 2 widths long: {angle:.0f} degrees", colour=ORANGE))
    parts.append(text(440, 202, "from 1 to 3 widths away: 60 degrees", colour=BLUE))
    parts.append(text(440, 224, "black: centre line"))
    return svg(720, 370, "A fork of 60 degrees looks wider from its node", parts)


FIGURES = {
    "accuracy-by-camera": accuracy,
    "speed-by-engine": speed,
    "what-a-correction-does": correction,
    "artery-vein-ratio": artery_vein_ratio,
    "angle-of-a-fork": fork,
}


# --- SVG


def svg(width: int, height: int, title: str, parts: list[str]) -> str:
    """White behind it: the page may be dark."""

    def lines() -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" font-family="sans-serif">'
        )
        yield f"<title>{escape(title)}</title>"
        yield f'<rect width="{width}" height="{height}" rx="6" fill="#ffffff"/>'
        yield from parts
        yield "</svg>\n"

    return "\n".join(lines())


def text(
    x: float,
    y: float,
    words: str,
    anchor: str = "start",
    colour: str = INK,
    *,
    size: int = 12,
    bold: bool = False,
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{weight}>'
        f"{escape(words)}</text>"
    )


def dot(x: float, y: float, colour: str, radius: float = 4) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" fill-opacity="0.75"/>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


if __name__ == "__main__":
    main()
