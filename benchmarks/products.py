"""What the processor itself can do: a product of two 2048 x 2048 matrices in each precision."""

import time
from collections.abc import Callable

import numpy as np
import torch

SIDE = 2048


def rate(precision: str, repeats: int = 5) -> float:
    """GFLOP/s of a product on the CPU, the best of some; an operation of integers counts as one of floats.

    float32 and bfloat16 are measured in torch, int8 in OpenVINO: torch's product of integers is slower.
    """
    multiply = _PRODUCTS[precision]()
    multiply()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        multiply()
        times.append(time.perf_counter() - begun)
    return 2 * SIDE**3 / min(times) / 1e9


def _in_torch(dtype: torch.dtype) -> Callable[[], object]:
    a, b = torch.rand(2, SIDE, SIDE).to(dtype)
    return lambda: a @ b


def _of_integers() -> Callable[[], object]:
    import openvino as ov
    from openvino import opset13 as ops

    numbers = np.random.default_rng(0)
    image = ops.parameter([SIDE, SIDE], np.float32)
    low, one = np.float32(0), np.float32(1)
    stepped = ops.fake_quantize(image, low, one, low, one, 256)
    weights = ops.constant(numbers.uniform(-1, 1, (SIDE, SIDE)).astype(np.float32))
    product = ops.matmul(stepped, ops.fake_quantize(weights, -one, one, -one, one, 255), False, True)
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERFORMANCE_HINT": "LATENCY"}
    request = ov.Core().compile_model(ov.Model([product], [image]), "CPU", settings).create_infer_request()
    values = numbers.random((SIDE, SIDE), np.float32)
    return lambda: request.infer({0: values}, share_inputs=True, share_outputs=True)


_PRODUCTS: dict[str, Callable[[], Callable[[], object]]] = {
    "float32": lambda: _in_torch(torch.float32),
    "bfloat16": lambda: _in_torch(torch.bfloat16),
    "int8": _of_integers,
}
