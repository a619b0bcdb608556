"""The pages that ``make benchmark`` writes: one for each processor or card, and the list of them."""

import re
from pathlib import Path

HEAD = """\
# Speed and memory

![Milliseconds for one photograph, by engine and precision](images/speed-by-engine.svg)

An *engine* is the program that runs the network: PyTorch (torch), ONNX Runtime or OpenVINO. A *precision*
is the arithmetic it uses. float32 is full precision; bfloat16 and int8 (eight-bit integers) are faster and
less exact. `auto` takes the fastest pair of engine and precision that gives the prediction of PyTorch in
float32. [Precision](precision.md) lists these pairs.

Each processor and each graphics card has a page of its own, with all numbers of one run. *A product* is that
of two matrices of 2048 x 2048, measured beside each row in the row's precision: the fastest that the
processor itself computes. *of a product* is the share of its arithmetic per second, *times a product* the
multiple of the time that the same arithmetic takes in a bfloat16 product. *lowest* and *highest* are the
shortest and the longest time. *imported* is the memory of the program before the first image, and *peak
above* what the first image adds at most.
"""

FOOT = """
[What was tried](benchmarks-tried.md) to make it faster, and what that brought.

`make benchmark` measures the machine at hand and writes its page; `ARGS="--keras PYTHON"` includes
TensorFlow, if that Python has it. `python benchmarks/gpu.py --out FILE` measures a graphics card where only
PyTorch and NumPy are installed.
"""

_ROW = re.compile(r"(?m)^\| (.+?) \| (.+?) \|$")


def slug(name: str) -> str:
    """Name of a processor as that of a file: "AMD EPYC" -> "amd-epyc"."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("(r)", " ").replace("(tm)", " ")).strip("-")


def write(path: Path, about: list[str], brief: dict[str, str], lines: list[str]) -> None:
    """Write the page of a processor; ``about`` begins with its title."""
    short = ["", "## In short", "", "| what | value |", "|---|---|"]
    short += [f"| {what} | {value} |" for what, value in brief.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*about, *short, *lines, ""]), encoding="utf-8")


def index(folder: Path) -> None:
    """Write the list of all pages beside their folder, with what each says in short."""
    lines = []
    for page in sorted(folder.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        title = text.split("\n", 1)[0].removeprefix("# ")
        short = text.split("## In short", 1)[1].split("\n## ", 1)[0]
        lines += [f"\n## [{title}]({folder.name}/{page.name})\n", "| what | value |", "|---|---|"]
        lines += [f"| {what} | {value} |" for what, value in _ROW.findall(short) if what != "what"]
    folder.with_suffix(".md").write_text("\n".join([HEAD, *lines, FOOT]), encoding="utf-8")
