"""Images and training steps a second on an NVIDIA GPU; needs torch and NumPy, and this folder's repository.

``python benchmarks/gpu.py --out FILE`` writes a table with the card's name. Every row is a share of what a
product of two 8192 x 8192 matrices reaches on the card in the same precision. It also starts NCCL with one
process, and says whether that works.
"""

import argparse
import json
import platform
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from napari_saunetv2.networks import NETWORKS  # noqa: E402

WEIGHTS = ROOT / "src" / "napari_saunetv2" / "weights" / "saunetv2-general.safetensors"
DEVICE = "cuda"
GFLOP = 21.19  # of one pass at 592 x 592
SIDES = (592, 2048)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LARGEST = 64
"""Images of the largest batch that is tried."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="Markdown file to write; by default only printed.")
    parser.add_argument("--seconds", type=float, default=2.0, help="Time spent on each row.")
    chosen = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("torch finds no NVIDIA GPU here: run this on a machine that has one.")
    lines = []
    for line in page(chosen.seconds):
        print(line, flush=True)
        lines.append(line)
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text("\n".join([*lines, ""]), encoding="utf-8")


def page(seconds: float) -> Iterator[str]:
    """Markdown for the first GPU of this machine."""
    name = torch.cuda.get_device_name(0)
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    network = load().to(DEVICE).to(memory_format=torch.channels_last)
    products = {precision: product_rate(dtype) for precision, dtype in PRECISIONS.items()}
    rows = list(inference(network, products, seconds))
    trained = list(training(seconds))
    best = {side: max((r for r in rows if r[0] == side), key=lambda r: r[4]) for side in SIDES}
    yield f"# {name}"
    yield ""
    yield f"{memory:.0f} GB, torch {torch.__version__}, CUDA {torch.version.cuda}, {platform.system()}."
    yield ""
    yield "## In short"
    yield ""
    yield "| what | value |"
    yield "|---|---|"
    for side, row in best.items():
        yield f"| {side} x {side}, images a second | {row[4]:.0f} ({row[1]}, {row[3]} at a time) |"
    fastest = max(trained, key=lambda r: r[1])
    yield f"| training, steps a second | {fastest[1]:.1f} ({fastest[0]}) |"
    yield f"| NCCL with one process | {nccl()} |"
    yield ""
    yield "## Inference"
    yield ""
    yield "Images are on the card; reading and writing are not counted. *as a graph*: the launches are"
    yield "recorded once (CUDA graphs). *changed*: largest difference of a probability from float32 on one"
    yield "canvas."
    yield ""
    yield "| image | precision | as a graph | images at a time | images a second | of a product | changed |"
    yield "|---|---|---|---|---|---|---|"
    for side, precision, graph, batch, rate, changed in rows:
        share = GFLOP * (side / 592) ** 2 * rate / products[precision]
        yield (
            f"| {side} x {side} | {precision} | {'yes' if graph else 'no'} | {batch} | {rate:.1f} "
            f"| {share:.1%} of {products[precision] / 1000:.1f} TFLOP/s | {changed:.0e} |"
        )
    yield ""
    yield "## Training"
    yield ""
    yield "One step: 4 views of 320 x 320 pixels that are on the card, forward, backward and Adam."
    yield ""
    yield "| precision | steps a second | megapixels a second |"
    yield "|---|---|---|"
    for precision, rate in trained:
        yield f"| {precision} | {rate:.1f} | {rate * 4 * 320 * 320 / 1e6:.1f} |"


def load() -> nn.Module:
    """The bundled general model; its file is read here, so that no further package is needed."""
    data = WEIGHTS.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    entries = json.loads(data[8 : 8 + length])
    header = json.loads(entries.pop("__metadata__")["saunetv2"])
    body = memoryview(data)[8 + length :]
    types = {"F32": np.float32, "I64": np.int64}
    weights = {}
    for name, entry in entries.items():
        values = np.frombuffer(body[slice(*entry["data_offsets"])], types[entry["dtype"]])
        weights[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    network = NETWORKS[header["network"]](**header["network_arguments"])
    network.load_state_dict(weights)
    return network.eval().requires_grad_(requires_grad=False)


def product_rate(dtype: torch.dtype, side: int = 8192) -> float:
    """GFLOP/s of a matrix product on the card, the best of some."""
    a, b = torch.rand(2, side, side, device=DEVICE).to(dtype)
    return 2 * side**3 / min(_timed(lambda: a @ b) for _ in range(8)) / 1e9


def inference(
    network: nn.Module, products: dict[str, float], seconds: float
) -> Iterator[tuple[int, str, bool, int, float, float]]:
    """Side, precision, as a graph, images at a time, images a second, largest difference from float32."""
    for side in SIDES:
        one = photograph(side)
        with torch.inference_mode():
            truth = network(one).float().sigmoid()
        for precision in products:
            changed = float((forward(network, one, precision)().float().sigmoid() - truth).abs().max())
            for graph in (False, True):
                run = forward(network, one, precision)
                yield side, precision, graph, 1, 1 / _each(recorded(run) if graph else run, seconds), changed
            batch, rate = best_batch(network, side, precision, seconds)
            yield side, precision, False, batch, rate, changed


def best_batch(network: nn.Module, side: int, precision: str, seconds: float) -> tuple[int, float]:
    """Images at a time with which most are done in a second."""
    best, batch = (1, 0.0), 1
    while batch <= LARGEST:
        images = photograph(side).expand(batch, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        try:
            rate = batch / _each(forward(network, images, precision), seconds / 2)
        except RuntimeError:  # out of memory, or more values than some kernels count in 32 bits
            if batch == 1:
                raise
            break
        if rate < 1.02 * best[1]:
            break
        best, batch = (batch, rate), 2 * batch
    torch.cuda.empty_cache()
    return best


def forward(network: nn.Module, images: Tensor, precision: str) -> Callable[[], Tensor]:
    """A pass over images; convolutions in the precision, statistics in float32."""

    def run() -> Tensor:
        low = precision != "float32"
        with torch.inference_mode(), torch.autocast(DEVICE, PRECISIONS[precision], enabled=low):
            result: Tensor = network(images)
            return result

    return run


def recorded(run: Callable[[], object]) -> Callable[[], None]:
    """Record the launches of a call as a CUDA graph."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def training(seconds: float) -> Iterator[tuple[str, float]]:
    """Precision, and steps a second on four views of 320 x 320 pixels."""
    for precision in ("float32", "bfloat16"):
        yield precision, 1 / _each(step_of(precision), seconds)


def step_of(precision: str) -> Callable[[], None]:
    """A step of training of a new network."""
    images = torch.rand(4, 3, 320, 320).to(DEVICE, memory_format=torch.channels_last)
    labels = (torch.rand(4, 1, 320, 320) < 0.1).float().to(DEVICE)
    network = NETWORKS["saunetv2"]().to(DEVICE, memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(network.parameters(), fused=True)

    def step() -> None:
        with torch.autocast(DEVICE, torch.bfloat16, enabled=precision != "float32"):
            logits = network(images)
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def nccl() -> str:
    """Start NCCL with one process, add up once, and say whether that worked."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_nccl_available()):
        return "not built into this PyTorch"
    with tempfile.TemporaryDirectory() as folder:
        try:
            dist.init_process_group(
                "nccl",
                init_method=Path(folder, "meeting").as_uri(),
                rank=0,
                world_size=1,
                device_id=torch.device(DEVICE, 0),  # otherwise NCCL guesses the card, with a warning
            )
            total = torch.ones(4, device=DEVICE)
            dist.all_reduce(total)
            torch.cuda.synchronize()
        except RuntimeError as error:
            return f"does not start: {error}".splitlines()[0]
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()
    version = ".".join(map(str, torch.cuda.nccl.version()))
    return f"starts and adds up ({version})" if total.sum().item() == 4 else "starts, but adds up wrongly"


def photograph(side: int) -> Tensor:
    """A canvas of bright curves on a dark disc, shape (1, 3, side, side)."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    disc = (x * x + y * y < 0.23).astype(np.float32)
    lines = 0.5 + 0.5 * np.sin(40 * x + 6 * np.sin(9 * y)) * np.cos(31 * y)
    planes = np.stack([disc * (0.7 - 0.2 * lines), disc * (0.4 - 0.2 * lines), disc * 0.15])
    return torch.from_numpy(planes[None]).to(DEVICE).contiguous(memory_format=torch.channels_last)


def _each(run: Callable[[], object], seconds: float) -> float:
    """Seconds of one call, from a series that takes about so long."""
    for _ in range(3):
        run()
    one = _timed(run)
    count = max(5, round(seconds / one))
    return _timed(lambda: [run() for _ in range(count)]) / count


def _timed(work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    begun = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
