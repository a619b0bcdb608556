"""Write the card of every bundled model from the header of its file (``make cards``)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_saunetv2.datasets import DATASETS
from napari_saunetv2.metrics import TITLES
from napari_saunetv2.models import checkpoint, lineage
from napari_saunetv2.models.checkpoint import Header, ModelInfo

CARDS = Path(__file__).parent / "models"

NETWORKS = {
    "saunetv2": "SA-UNetv2",
    "saunet": "SA-UNet",
    "rsan": "RSAN",
    "artery_vein": "SA-UNetv2, followed by a second, smaller network for the classes",
}

LIMITS = {
    "drive": "The model has seen one camera, one field of view (45 degrees) and 20 eyes of one screening "
    "programme.",
    "stare": "The model has seen one camera, digitised slides, and 10 eyes, several of them with disease.",
    "chase": "The model has seen one camera, one field of view (30 degrees) and the eyes of ten children.",
}
COLUMNS = (
    "training", "recipe", "images", "steps", "batch", "crop", "rate", "drop", "loss", "EMA", "seed", "time",
)  # fmt: skip
CAMERAS = {"rite": "drive", "hrf-av": "hrf"}
"""Data sets that label another one's photographs."""
SEVERAL = "The model has seen the cameras of {}. Photographs of another camera may look different."
ALL = "Most errors are at fine vessels and at the borders of lesions: check the result."
ONE_CLASS = "The model does not distinguish arteries from veins."
CLASSES = (
    "Artery and vein are mixed up most often in fine vessels and far from the disc; [Arteries and veins]"
    "(arteries-veins.md) says how often."
)
USES = {
    "saunetv2-general": "The default model, for photographs of any other camera.",
    "saunetv2-av": "For arteries and veins.",
    "saunetv2-octa": "For OCT angiograms, 3 or 6 mm wide: the large vessels, without capillaries.",
    "saunetv2-drive": "For photographs of DRIVE's camera.",
    "saunetv2-chase": "For photographs of CHASE_DB1's camera.",
    "saunetv2-stare": "For digitised slides like those of STARE.",
    "saunet-drive": "An older network, for comparison.",
    "rsan-drive": "An older network, for comparison.",
}
"""When to choose a model."""

FIRST = ("f1", "cldice", "se", "sp", "acc", "auc", "mcc", "jaccard", "betti0")
"""Metrics in the order of a card: the main number first."""

VIEWS = {"none": "plain", "flips": "4 views", "d4": "8 views"}
"""Test-time augmentations as tables name them."""


def main() -> None:
    bundled = [info for info in checkpoint.available() if info.bundled]
    for info in bundled:
        (CARDS / f"{info.name}.md").write_text("\n".join(_card(info)) + "\n", encoding="utf-8")
    (CARDS / "index.md").write_text("\n".join(_index(bundled)) + "\n", encoding="utf-8")


def _card(info: ModelInfo) -> Iterator[str]:
    header, keys = info.header, _keys(info)
    yield from (f"# {info.name}", "")
    if info.name in USES:
        yield from (USES[info.name], "")
    yield (
        f"{NETWORKS[header.network]}, {info.parameters:,} parameters, trained on {_titles(keys)}. "
        "Bundled with the package."
    )
    yield from ("", "## Scores", "")
    yield from (
        "Means over photographs that the model was neither trained nor validated on. Weights and thresholds "
        "come from training photographs only. [What was tried](experiments.md#what-was-known-when) says "
        "which "
        "earlier scores were known when a recipe was changed. *Whole* counts every pixel of the photograph, "
        "*fov* the field of view only.",
        "",
    )
    if not header.scores:
        yield "The file of this model has no scores yet."
    else:
        yield from _scores(header.scores)
        yield from (
            "",
            "F1 is the agreement with an expert's labels, and clDice that of the centre lines. SE is "
            "sensitivity, and SP specificity. Betti-0 is the error of the number of connected vessel pieces: "
            "0 is best. The [list of metrics](../python.md#metrics) explains all of them.",
        )
    yield from ("", "## About", "", "| | |", "|---|---|")
    yield from (f"| {what} | {text} |" for what, text in _facts(info).items())
    yield from ("", "## Training", "", _order(header), "")
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    yield from map(_training, lineage.trainings(header))
    yield from (
        "",
        "A *view* is a random, augmented piece of a photograph. *batch*: views in a step; *crop*: side of a "
        "view in pixels; *rate*: peak learning rate; *drop*: share that DropBlock drops; *loss*: `bce_mcc` "
        "is "
        "cross-entropy plus a loss by the Matthews correlation coefficient; *EMA*: decay of the exponential "
        "moving average of the weights. The header of the model file has every setting.",
    )
    yield from ("", "## Limits", "")
    seen = LIMITS[keys[0]] if len(keys) == 1 else SEVERAL.format(_cameras(info))
    yield f"{seen} {ALL} {ONE_CLASS if header.classes == ('vessel',) else CLASSES}"
    yield from ("", "## Terms", "")
    for key in _all_keys(info):
        yield f"- {DATASETS[key].title}: {DATASETS[key].terms}. {DATASETS[key].citation}."
    yield from (
        "",
        "The weights are for research only, too. The model is not a medical device. Do not use "
        "it for diagnosis.",
    )


def _facts(info: ModelInfo) -> dict[str, str]:
    header, recipe = info.header, info.header.recipe
    folders = " ".join(_folder(key, header) for key in _keys(info))
    facts = {
        "network": f"`{header.network}`, {_plain(header.network_arguments)}",
        "training images": _names(list(dict.fromkeys(n for d in _own(header) for n in d["train"]))),
        "validation images": _names(header.data["validation"]),
        "command": f"`{_command(recipe, folders)}`",
        "threshold": ", ".join(
            [f"{header.threshold} plain", *(f"{t} with {tta}" for tta, t in header.tta_thresholds.items())]
        ),
        "field of view": _field(header),
        "made": header.created,
    }
    log = CARDS / f"{info.name}.log.csv"
    facts |= dict(_base(info))
    return facts | ({"log": f"[{log.name}]({log.name})"} if log.exists() else {})


def _field(header: Header) -> str:
    if header.modality == "octa":
        return "the whole frame, at its own scale"
    return f"{header.fov_diameter:.0f} pixels wide" if header.fov_diameter else "unknown"


def _order(header: Header) -> str:
    finders = {told["recipe"].get("finder") for told in lineage.trainings(header)} - {None}
    taken = "".join(
        f" In the last ones, the network of `{finder}` finds the vessels: its trainings are listed too."
        for finder in sorted(finders)
    )
    return f"Each training started from the weights of the one before.{taken}"


def _folder(key: str, header: Header) -> str:
    """Folder of a data set; of one whose classes a model labelled, the folder that these were written to."""
    known = header.classes == ("vessel",) or DATASETS[key].has_classes
    return DATASETS[key].title.split()[0] if known else f"labels/{key}"


def _base(info: ModelInfo) -> Iterator[tuple[str, str]]:
    """The bundled model that it started from, and whether that one was trained further since."""
    today = {one.name: one.header.recipe for one in checkpoint.available() if one.bundled}
    today.pop(info.name, None)  # an earlier one of its own name
    for cycles, told in enumerate(info.header.lineage, start=1):
        if told["name"] in today:
            older = told["recipe"] != today[told["name"]]
            since = (
                f", as it was after {cycles} cycles; the command starts from the current one" if older else ""
            )
            yield "base", f"`{told['name']}`{since}"


def _command(recipe: Mapping[str, Any], folders: str) -> str:
    return f"saunetv2 train --recipe {recipe['name']} {folders} -o RUN"


def _training(told: Mapping[str, Any]) -> str:
    recipe, data = told["recipe"], told["data"]
    images = f"{len(data.get('train', ()))} of {_titles_of(data)}" if "train" in data else "unknown"
    if "steps" not in recipe:  # brought in from elsewhere
        name = f"`{recipe['name']}`" if recipe else ""
        return f"| {told['name']} | {name} | {images} |" + " |" * (len(COLUMNS) - 3)
    dropped = recipe.get("network_arguments", {}).get("dropblock")
    values = (
        told["name"],
        f"`{recipe['name']}`",
        images,
        f"{recipe.get('steps_taken', recipe['steps']):,}",
        recipe["batch"],
        recipe["crop"],
        f"{recipe['learning_rate']:g}",
        "as published" if dropped is None else dropped,
        recipe["loss"],
        recipe["ema"],
        told["seed"],
        f"{recipe['seconds'] / 60:.0f} min" if "seconds" in recipe else "unknown",
    )
    return f"| {' | '.join(map(str, values))} |"


def _scores(scores: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A column for each set of photographs, a row for each metric."""
    heads = [f"{DATASETS[s['dataset']].title} {s['split']} ({s['images']})" for s in scores]
    yield f"| | {' | '.join(heads)} |"
    yield "|---" * (1 + len(scores)) + "|"
    for title, value in (
        ("pixels", lambda s: s["protocol"]),
        ("views", lambda s: VIEWS[s["tta"]]),
        ("threshold", lambda s: s["threshold"]),
    ):
        yield f"| {title} | {' | '.join(str(value(s)) for s in scores)} |"
    for key in FIRST:
        title = f"**{TITLES[key]}**" if key == "f1" else TITLES[key]
        yield f"| {title} | {' | '.join(_number(key, s['mean']) for s in scores)} |"


def _number(key: str, mean: Mapping[str, float]) -> str:
    if key not in mean:
        return ""
    return f"{mean[key]:.1f}" if key == "betti0" else f"{mean[key]:.4f}"


def _in_words(score: Mapping[str, Any]) -> str:
    views = "" if score["tta"] == "none" else f", {VIEWS[score['tta']]}"
    title = DATASETS[score["dataset"]].title
    return f"{score['mean']['f1']:.4f} {title} ({score['images']}), {score['protocol']}{views}"


def _index(bundled: list[ModelInfo]) -> Iterator[str]:
    yield from ("# Which model", "")
    yield from (
        "Choose `saunetv2-general` for vessels, `saunetv2-av` for arteries and veins, or `saunetv2-octa` for "
        "OCT angiograms. If your photographs "
        "come from the camera of a data set below, the model of that data set may be slightly better. F1 is "
        "the agreement with an expert's labels: 1 is perfect. `saunetv2 models` lists the bundled models "
        "with their scores, and your own models.",
        "",
        "![F1 of each photograph, by data set](../images/accuracy-by-camera.svg)",
        "",
        "Each dot is a photograph that neither model has seen. `saunetv2-general` learned from other "
        "photographs of all four cameras. `saunetv2-drive` learned from DRIVE's only, and is slightly better "
        "there.",
        "",
        "| model | use | trained on | F1 |",
        "|---|---|---|---|",
    )
    order = {name: place for place, name in enumerate(USES)}
    for info in sorted(bundled, key=lambda info: order.get(info.name, len(order))):
        scores = "<br>".join(map(_in_words, info.header.scores))
        use = USES.get(info.name, "")
        yield f"| [`{info.name}`]({info.name}.md) | {use} | {_titles(_keys(info))} | {scores} |"
    yield from (
        "",
        "In parentheses: the number of photographs, none of which the model has seen. *Whole* counts every "
        "pixel of the photograph, *fov* the field of view only; *8 views* is the mean over eight mirrored "
        "and rotated copies. [Accuracy](accuracy.md) has more metrics and published results.",
        "",
        f"The files of all bundled models have {_megabytes():.1f} MB together.",
        "",
        "[`saunetv2-landmarks`](saunetv2-landmarks.md) finds the optic disc and the fovea, not vessels. You "
        "need not choose it: **Measure** and `saunetv2 measure` use it where they need it.",
    )


def _megabytes() -> float:
    bundled = [info.path for info in checkpoint.available(kind=None) if info.bundled]
    return sum(path.stat().st_size for path in bundled) / 1e6


def _own(header: Header) -> list[Mapping[str, Any]]:
    """Data of the cycles of the model's recipe: the last one may learn from fewer data sets than others."""
    told = [t for t in lineage.trainings(header) if t["recipe"].get("name") == header.recipe.get("name")]
    return [training["data"] for training in told if "dataset" in training["data"]]


def _keys(info: ModelInfo) -> list[str]:
    keys = [key for data in _own(info.header) for key in str(data["dataset"]).split(", ")]
    return list(dict.fromkeys(keys))


def _all_keys(info: ModelInfo) -> list[str]:
    """Data sets of the model, then those of the models it was made from: their terms hold too."""
    told = [str(t["data"]["dataset"]) for t in lineage.trainings(info.header) if "dataset" in t["data"]]
    return list(dict.fromkeys([*_keys(info), *(key for text in told for key in text.split(", "))]))


def _cameras(info: ModelInfo) -> str:
    return _titles(list(dict.fromkeys(CAMERAS.get(key, key) for key in _all_keys(info))))


def _titles_of(data: Mapping[str, Any]) -> str:
    return _titles(str(data["dataset"]).split(", ")) if "dataset" in data else "an unknown data set"


def _titles(keys: list[str]) -> str:
    return ", ".join(DATASETS[key].title if key in DATASETS else key for key in keys)


def _names(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def _plain(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in arguments.items()) or "as published"


if __name__ == "__main__":
    main()
