"""Write the card of every bundled model from what its file says of itself (``make cards``)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_saunetv2.datasets import DATASETS
from napari_saunetv2.metrics import TITLES
from napari_saunetv2.models import checkpoint, lineage
from napari_saunetv2.models.checkpoint import Header, ModelInfo

CARDS = Path(__file__).parent / "models"

NETWORKS = {"saunetv2": "SA-UNetv2", "saunet": "SA-UNet", "rsan": "RSAN"}

LIMITS = {
    "drive": "It knows one camera, one field of view (45 degrees) and 20 eyes of one screening programme.",
    "stare": "It knows one camera, digitised slides, and 10 eyes, several of them with disease.",
    "chase": "It knows one camera, one field of view (30 degrees) and the eyes of ten children.",
}
COLUMNS = (
    "training", "recipe", "images", "steps", "views in a step", "pixels of a view", "learning rate",
    "DropBlock", "loss", "decay of the weights' mean", "seed", "time",
)  # fmt: skip
SEVERAL = "It knows four cameras; photographs of a fifth may look unlike all of them."
ALL = (
    "Fine vessels and borders of lesions are where it errs most; check what it finds. It does not tell "
    "arteries from veins."
)

VIEWS = {"none": "plain", "flips": "4 views", "d4": "8 views"}
"""What a test-time augmentation is called in tables."""


def main() -> None:
    bundled = [info for info in checkpoint.available() if info.bundled]
    for info in bundled:
        (CARDS / f"{info.name}.md").write_text("\n".join(_card(info)) + "\n", encoding="utf-8")
    (CARDS / "index.md").write_text("\n".join(_index(bundled)) + "\n", encoding="utf-8")


def _card(info: ModelInfo) -> Iterator[str]:
    header, keys = info.header, _keys(info)
    yield from (f"# {info.name}", "")
    yield (
        f"{NETWORKS[header.network]}, {info.parameters:,} parameters, trained on {_titles(keys)}. "
        "Bundled with the package."
    )
    yield from ("", "| | |", "|---|---|")
    yield from (f"| {what} | {text} |" for what, text in _facts(info).items())
    yield from ("", "## Training", "", "One after another, each from the weights of the one before.", "")
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    yield from map(_training, lineage.trainings(header))
    yield from ("", "Every setting stands in the model file's header.", "", "## Scores", "")
    yield from (
        "Means over images that it was neither trained nor validated on; its weights and thresholds come "
        "from training images alone. Which earlier scores were known when a recipe was changed is "
        "in [what was tried](experiments.md#what-was-known-when). *Whole* counts every pixel of the frame, "
        "*fov* the field of view.",
        "",
    )
    columns = " | ".join(TITLES.values())
    yield f"| images | protocol | views | threshold | {columns} |"
    yield "|---" * (4 + len(TITLES)) + "|"
    yield from map(_score, header.scores)
    yield from ("", "## Limits", "")
    yield f"{LIMITS[keys[0]] if len(keys) == 1 else SEVERAL} {ALL}"
    yield from ("", "## Terms", "")
    for key in _all_keys(info):
        yield f"- {DATASETS[key].title}: {DATASETS[key].terms}. {DATASETS[key].citation}."
    yield from ("", "These weights too are for research only. No medical device: not for diagnosis.")


def _facts(info: ModelInfo) -> dict[str, str]:
    header, recipe = info.header, info.header.recipe
    folders = " ".join(DATASETS[key].title for key in _keys(info))
    facts = {
        "network": f"`{header.network}`, {_plain(header.network_arguments)}",
        "training images": _names(header.data["train"]),
        "validation images": _names(header.data["validation"]),
        "command": f"`{_command(recipe, folders)}`",
        "threshold": ", ".join(
            [f"{header.threshold} plain", *(f"{t} with {tta}" for tta, t in header.tta_thresholds.items())]
        ),
        "field of view": f"{header.fov_diameter} pixels",
        "made": header.created,
    }
    log = CARDS / f"{info.name}.log.csv"
    facts |= dict(_base(header))
    return facts | ({"log": f"[{log.name}]({log.name})"} if log.exists() else {})


def _base(header: Header) -> Iterator[tuple[str, str]]:
    """Say from which bundled model it started, and whether that one has been trained further since."""
    today = {info.name: info.header.recipe for info in checkpoint.available() if info.bundled}
    for cycles, told in enumerate(header.lineage, start=1):
        if told["name"] in today:
            older = told["recipe"] != today[told["name"]]
            since = f", as it was after {cycles} cycles; the command starts from today's" if older else ""
            yield "base", f"`{told['name']}`{since}"


def _command(recipe: Mapping[str, Any], folders: str) -> str:
    return f"saunetv2 train --recipe {recipe['name']} {folders} -o RUN"


def _training(told: Mapping[str, Any]) -> str:
    recipe, data = told["recipe"], told["data"]
    images = f"{len(data.get('train', ()))} of {_titles_of(data)}" if "train" in data else "not told"
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
        f"{recipe['seconds'] / 60:.0f} min" if "seconds" in recipe else "not told",
    )
    return f"| {' | '.join(map(str, values))} |"


def _score(score: Mapping[str, Any]) -> str:
    what = f"{DATASETS[score['dataset']].title}, {score['split']} ({score['images']})"
    values = " | ".join(f"{score['mean'][k]:.4f}" if k in score["mean"] else "" for k in TITLES)
    return f"| {what} | {score['protocol']} | {VIEWS[score['tta']]} | {score['threshold']} | {values} |"


def _in_words(score: Mapping[str, Any]) -> str:
    where = f"{DATASETS[score['dataset']].title} {score['split']}, {score['protocol']}"
    return f"{where}, {VIEWS[score['tta']]}: {score['mean']['f1']:.4f}"


def _index(bundled: list[ModelInfo]) -> Iterator[str]:
    yield from ("# Which model", "", "| model | network | trained on | F1 |", "|---|---|---|---|")
    for info in bundled:
        scores = "<br>".join(map(_in_words, info.header.scores))
        network = NETWORKS[info.header.network]
        yield f"| [`{info.name}`]({info.name}.md) | {network} | {_titles(_keys(info))} | {scores} |"
    yield from ("", "`saunetv2 models` lists them with their scores, and your own beside them.")


def _keys(info: ModelInfo) -> list[str]:
    return str(info.header.data["dataset"]).split(", ")


def _all_keys(info: ModelInfo) -> list[str]:
    """Data sets of the model, then those of the models it was made from: their terms hold too."""
    told = [str(t["data"]["dataset"]) for t in lineage.trainings(info.header) if "dataset" in t["data"]]
    return list(dict.fromkeys([*_keys(info), *(key for text in told for key in text.split(", "))]))


def _titles_of(data: Mapping[str, Any]) -> str:
    return _titles(str(data["dataset"]).split(", ")) if "dataset" in data else "a data set not told"


def _titles(keys: list[str]) -> str:
    return ", ".join(DATASETS[key].title if key in DATASETS else key for key in keys)


def _names(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def _plain(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in arguments.items()) or "as published"


if __name__ == "__main__":
    main()
