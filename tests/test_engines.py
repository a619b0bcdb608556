import copy
import importlib.util
import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_saunetv2 import inference
from napari_saunetv2.engines import _check, _choice, _export, _graph, installed, runners
from napari_saunetv2.engines._machine import fingerprint
from napari_saunetv2.errors import CheckpointError, SettingsError
from napari_saunetv2.files import read_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import first_use
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint, Header
from napari_saunetv2.networks import NETWORKS

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)

needs = {
    "openvino": pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="no openvino"),
    "onnx": pytest.mark.skipif(
        not (importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime")), reason="no onnx"
    ),
}
OTHERS = [pytest.param(name, marks=mark) for name, mark in needs.items()]


@pytest.fixture
def small(tmp_path: Path) -> Checkpoint:
    torch.manual_seed(1)
    path = tmp_path / "small.safetensors"
    checkpoint.save(
        path, NETWORKS["saunetv2"](widths=(16, 32)), Header(network_arguments={"widths": [16, 32]})
    )
    return checkpoint.load(path)


def _trained(name: str, classes: int = 1) -> torch.nn.Module:
    """A network whose BatchNorms have seen something."""
    torch.manual_seed(0)
    network = NETWORKS[name](classes=classes).eval().requires_grad_(requires_grad=False)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return network


def _truth(network: torch.nn.Module, image: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.from_numpy(image.transpose(2, 0, 1)[None].copy()))[0].sigmoid().numpy()


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_predicts_what_torch_predicts(engine: str, name: str, classes: int):
    network = _trained(name, classes)
    image = RNG.random((48, 96, 3), np.float32)
    run = runners.runner_of(network, CPU, engine, "float32")
    # The cascade compares its classes sixteen times as steeply as it rounds.
    bound = 8e-4 if name == "artery_vein" else 5e-5
    assert np.abs(run(image) - _truth(network, image)).max() < bound
    assert run(image[:32, :32].copy()).shape == (classes, 32, 32)  # another size, the same graph


@needs["openvino"]
@pytest.mark.parametrize("name", NETWORKS)
def test_the_mixed_graph_is_the_network(name: str):
    from napari_saunetv2.engines import _compiled, _mixed

    network, image = _trained(name), RNG.random((48, 96, 3), np.float32)
    run = _compiled.OpenvinoRunner(_mixed.exact(network), "float32")
    assert np.abs(run(image) - _truth(network, image)).max() < 5e-5


@needs["openvino"]
def test_statistics_stay_in_float32_and_maps_are_never_converted():
    import openvino

    from napari_saunetv2.engines import _compiled, _mixed

    if not _compiled.has_bfloat16():
        pytest.skip("OpenVINO does not compute in bfloat16 on this processor")

    model = _mixed.in_memory(checkpoint.load("saunetv2-general").network)
    model.reshape([1, 96, 96, 3])
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    of = {"Convolution": [], "Subgraph": [], "Reorder": []}
    for node in compiled.get_runtime_model().get_ordered_ops():
        about, shape = node.get_rt_info(), node.output(0).get_shape() if node.get_output_size() else ()
        kind, pixels = about["layerType"].value, int(np.prod(shape[2:]))
        unmoved = node.get_friendly_name().endswith("_fake")  # the same bytes, read in another order
        if kind in of and not unmoved:
            of[kind].append((pixels, str(about["runtimePrecision"].value), int(np.prod(shape))))
    # The first convolution, and the means of groups in 14 GroupNorms.
    assert sorted(pixels for pixels, precision, _ in of["Convolution"] if precision == "f32") == 28 * [1] + [
        96 * 96
    ]
    # GroupNorm with SiLU is one pass over a map, from bfloat16 to bfloat16, except after that convolution.
    maps = [precision for pixels, precision, size in of["Subgraph"] if pixels > 100 and size > pixels]
    assert maps.count("bf16") >= 10
    # Only row sums are reordered, the image and the answer: never a map.
    assert all(size <= 3 * 96 * 96 for _, _, size in of["Reorder"])


@needs["openvino"]
def test_the_mixed_graph_keeps_the_vessels_of_the_check_pictures():
    from napari_saunetv2.engines import _compiled, _mixed

    if not _compiled.has_bfloat16():
        pytest.skip("OpenVINO does not compute in bfloat16 on this processor")

    model = checkpoint.load("saunetv2-general")
    run = _compiled.OpenvinoRunner(_mixed.in_memory(model.network), "bfloat16")
    found = [_check.reference(model, number) for number in (0, 1, 4)]  # one of each kind
    verdict = _check.compare(model, run, found)
    assert verdict.matches_reference
    assert verdict.largest > 1e-3  # it is bfloat16, not float32 under another name


def test_torch_in_float32_is_the_network_itself(small: Checkpoint):
    image = RNG.random((32, 32, 3), np.float32)
    network = copy.deepcopy(small.network).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        truth = network(torch.from_numpy(image)[None].permute(0, 3, 1, 2))[0, 0].sigmoid().numpy()
    prediction = inference.segment(image, small, engine="torch", precision="float32")
    np.testing.assert_array_equal(prediction, truth)


@pytest.mark.parametrize("engine", OTHERS)
def test_an_export_is_made_once_and_compared_with_torch(engine: str, small: Checkpoint, monkeypatch):
    monkeypatch.setattr(_check, "SAME", 0.01)  # a network that was never trained is badly conditioned
    made = []
    key = engine, "float32"
    monkeypatch.setitem(_export.WRITERS, key, lambda *a, w=_export.WRITERS[key]: made.append(1) or w(*a))
    first = _export.exported(small, engine)
    assert (_export.exported(small, engine), len(made)) == (first, 1)
    assert small.header.sha256[:32] in str(first)
    assert not list(first.parent.parent.glob(".making*"))


@pytest.mark.parametrize("engine", OTHERS)
def test_an_export_that_differs_is_refused_and_not_kept(engine: str, small: Checkpoint, monkeypatch):
    monkeypatch.setattr(_check, "SAME", -1.0)
    changed = Checkpoint("wrong", small.network, Header(sha256=engine * 8))
    with pytest.raises(CheckpointError, match="something else"):
        _export.exported(changed, engine)
    assert not list(_export.folder(changed).iterdir())


def test_a_network_that_cannot_be_rebuilt_stays_with_torch():
    class Strange(torch.nn.Module):
        def forward(self, x):
            return x[:, :1] if x.sum() > 0 else -x[:, :1]

    model = Checkpoint("strange", Strange(), Header(sha256="a" * 64))
    assert runners.choice(model, CPU) in [("torch", "float32"), ("torch", "bfloat16")]
    if "openvino" in runners.installed():
        with pytest.raises(CheckpointError, match="only torch"):
            inference.segment(np.zeros((16, 16, 3), np.uint8), model, engine="openvino")


GOOD = _check.Verdict(largest=0.01, changed=0.001, f1_shift=0.0001, seconds=1.0)


@pytest.mark.parametrize(
    ("change", "chosen"),
    [
        ({}, "bfloat16"),
        ({"changed": 0.0031}, "float32"),
        ({"f1_shift": -0.0004}, "float32"),
        ({"changed": float("nan")}, "float32"),
        ({"seconds": 3.0}, "float32"),  # the slower one, on this machine
    ],
)
def test_auto_takes_the_fastest_that_keeps_the_prediction(small: Checkpoint, monkeypatch, change, chosen):
    monkeypatch.setattr(_choice, "has_bfloat16", lambda *_: True)
    kind = fingerprint("cpu")
    for precision, verdict in {
        "float32": GOOD._replace(changed=0.0, seconds=2.0),
        "bfloat16": GOOD._replace(**change),
    }.items():
        kept = _export.folder(small) / f"torch-{precision}-{torch.__version__}-cpu-{kind}.json"
        _export.keep(kept, json.dumps(verdict._asdict()).encode())
    _choice._CHOICES.clear()
    assert runners.choice(small, CPU, "torch") == ("torch", chosen)


def test_a_rounding_that_moves_vessel_pixels_is_seen():
    """What the check is for: F1 of the good picture hardly moves, faint vessels do."""
    model = checkpoint.load("saunetv2-general")
    exact = runners.runner_of(copy.deepcopy(model.network), CPU, "torch", "float32")

    def coarse(canvas: np.ndarray) -> np.ndarray:
        return exact(torch.from_numpy(canvas).bfloat16().float().numpy())

    verdict = _check.compare(model, coarse)
    assert abs(verdict.f1_shift) < 1e-3
    assert verdict.changed > _check.MAX_CHANGED
    assert not verdict.matches_reference
    assert _check.compare(model, exact).changed < 1e-4


@pytest.mark.data
def test_what_auto_takes_keeps_the_vessels_of_photographs(shared: Path):
    """At most .3 % of the vessel pixels change sides; every seventh test image of DRIVE here, all by make."""
    model = checkpoint.load("saunetv2-general")
    engine, precision = runners.choice(model, CPU)
    for number in (1, 8, 15):
        photograph = read_image(shared / "data" / "DRIVE" / "test" / "images" / f"{number:02}_test.tif")
        truth = inference.segment(photograph, model, engine="torch", precision="float32") >= 0.5
        found = inference.segment(photograph, model, engine=engine, precision=precision) >= 0.5
        assert (truth != found).sum() <= 0.003 * truth.sum()


def test_the_check_ends_when_an_engine_is_out_of_the_question(small: Checkpoint):
    ran = []

    def wrong(canvas):
        ran.append(canvas)
        return np.zeros((1, *canvas.shape[:2]), np.float32)

    references = _check.references(small)
    low = small.header.threshold / 2  # so that the small network sees vessels
    seen = tuple(r._replace(probability=np.maximum(r.probability, low * 3)) for r in references)
    assert not _check.compare(small, wrong, seen, briefly=True).matches_reference
    assert len(ran) == 1
    assert not _check.compare(small, wrong, seen).matches_reference
    assert len(ran) == 1 + len(seen)


def test_a_comparison_is_announced_once(small: Checkpoint, caplog, monkeypatch):
    if len(runners.installed()) == 2:
        pytest.skip("torch is the only engine: there may be nothing to compare")
    monkeypatch.setattr(_check, "SAME", 0.01)  # a network that was never trained is badly conditioned
    model = replace_header(small, sha256="f" * 64)
    caplog.set_level("INFO", "napari_saunetv2")
    config = inference.InferenceConfig(device="cpu")
    words = first_use.comparing(model, config)
    assert f"Comparing engines for '{model.name}'" in words
    plain = inference.InferenceConfig(device="cpu", engine="torch", precision="float32")
    assert first_use.comparing(model, plain) == ""
    inference.resolved(model, config)
    assert words in caplog.messages
    assert first_use.comparing(model, config) == ""


def test_what_was_never_saved_runs_in_torch():
    model = Checkpoint("new", NETWORKS["saunetv2"](widths=(8, 8)).eval(), Header())
    assert runners.choice(model, CPU) == ("torch", "float32")


def test_a_verdict_is_kept_by_processor_and_versions(small: Checkpoint, monkeypatch):
    verdict = _choice.compare_with_torch(small, "cpu", "torch", "bfloat16")
    monkeypatch.setattr(_check, "compare", lambda *_, **__: pytest.fail("compared again"))
    assert _choice.compare_with_torch(small, "cpu", "torch", "bfloat16") == verdict
    (kept,) = _export.folder(small).glob("torch-bfloat16-*.json")
    assert json.loads(kept.read_text())["changed"] == verdict.changed
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "SSE41")  # as on another processor
    fingerprint.cache_clear()
    with pytest.raises(pytest.fail.Exception, match="compared again"):
        _choice.compare_with_torch(small, "cpu", "torch", "bfloat16")
    fingerprint.cache_clear()


@pytest.mark.parametrize(
    ("engine", "precision"),
    [
        ("torch", "float32"),
        ("torch", "bfloat16"),
        *(
            pytest.param(engine, precision, marks=needs[engine])
            for engine, precision in [
                ("openvino", "float32"),
                ("openvino", "bfloat16"),
                ("openvino", "int8"),
                ("onnx", "float32"),
                ("auto", "auto"),
            ]
            if engine in needs
        ),
    ],
)
@pytest.mark.parametrize("weight", [3e38, -3e38])
def test_a_network_that_is_not_finite_is_refused_in_every_engine(engine, precision, weight, tmp_path: Path):
    base = checkpoint.load("saunetv2-general")
    network = copy.deepcopy(base.network)
    torch.nn.init.constant_(network.head.weight, weight)
    path = tmp_path / "infinite.safetensors"
    checkpoint.save(path, network, base.header)
    with pytest.raises(CheckpointError, match="not finite"):
        inference.segment(
            fundus((64, 64), 0).image,
            checkpoint.load(path),
            rescale="off",
            engine=engine,
            precision=precision,
        )


@pytest.mark.parametrize("engine", ["torch", *OTHERS])
def test_infinite_logits_of_one_image_are_refused(engine):
    """A runner sees them itself: the pictures of the check may all be harmless."""
    network = _trained("saunetv2")
    torch.nn.init.constant_(network.head.weight, 3e38)
    with pytest.raises(CheckpointError, match="not finite"):
        runners.runner_of(network, CPU, engine, "float32")(RNG.random((32, 32, 3), np.float32))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"engine": "tensorflow"}, "engine is 'tensorflow'"),
        ({"precision": "float8"}, "precision is 'float8'"),
    ],
)
def test_an_unknown_setting_is_told(settings, says, small: Checkpoint):
    with pytest.raises(SettingsError, match=says):
        inference.segment(np.zeros((16, 16, 3), np.uint8), small, **settings)


def test_an_engine_that_is_missing_says_how_to_get_it(small: Checkpoint, monkeypatch):
    monkeypatch.setattr(installed, "find_spec", lambda package: package == "torch" or None)
    assert runners.installed() == ["auto", "torch"]
    with pytest.raises(SettingsError, match=r"pip install 'napari-saunetv2\[openvino\]'"):
        inference.segment(np.zeros((16, 16, 3), np.uint8), small, engine="openvino")
    assert runners.choice(small, CPU)[0] == "torch"


@pytest.mark.data
@pytest.mark.parametrize("engine", ["torch", *OTHERS])
def test_the_bundled_model_keeps_its_answer_on_a_photograph(engine: str, shared: Path):
    photograph = read_image(shared / "data" / "DRIVE" / "training" / "images" / "21_training.tif")
    truth = inference.segment(photograph, engine="torch", precision="float32")
    prediction = inference.segment(photograph, engine=engine)
    vessels = truth >= 0.5
    assert (vessels != (prediction >= 0.5)).sum() <= _check.MAX_CHANGED * vessels.sum()


def test_networks_run_in_other_threads_while_one_is_traced():
    network = NETWORKS["saunetv2"]().eval()
    image, wrong, over = torch.zeros(1, 3, 32, 32), [], threading.Event()

    def work(what):
        try:
            while not over.is_set():
                what()
        except Exception as error:  # noqa: BLE001
            wrong.append(error)

    def trace():
        with _graph._TRACING:
            assert _graph._Tracer().trace(network).nodes

    def run():
        with torch.inference_mode():
            assert isinstance(network(image), torch.Tensor)

    before = torch.nn.Module.__call__
    threads = [threading.Thread(target=work, args=(what,)) for what in (trace, trace, run)]
    for thread in threads:
        thread.start()
    over.wait(1.5)
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert torch.nn.Module.__call__ is before


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The bundled model with ranges from synthetic photographs."""
    from napari_saunetv2.engines import _int8

    model = checkpoint.load("saunetv2-drive")
    eyes = (fundus((592, 592), seed).image / np.float32(255) for seed in (1, 2))
    *_, ranges = _int8.measure(model.network, eyes)
    path = tmp_path_factory.mktemp("int8") / "prepared.safetensors"
    checkpoint.save(path, model.network, replace(model.header, ranges=ranges))
    return checkpoint.load(path)


@needs["openvino"]
def test_ranges_are_those_of_the_convolutions_inputs():
    from napari_saunetv2.engines import _int8

    # A copy: models that load by name are shared, and would keep the hooks.
    network, seen = copy.deepcopy(checkpoint.load("saunetv2-drive").network), []
    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d) and part.kernel_size == (3, 3):
            part.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    canvas = fundus((96, 96), 5).image / np.float32(255)
    with torch.inference_mode():
        network(torch.from_numpy(canvas).permute(2, 0, 1)[None])
    found = next(_int8.measure(checkpoint.load("saunetv2-drive").network, [canvas]))
    highest = np.array([high for _, high in found])
    joined = seen[8::2]  # the first convolution of each decoder level sees two maps, measured one by one
    assert [pair.shape[1] for pair in joined] == [96, 64, 32]
    alone = [x for x in seen if not any(x is pair for pair in joined)]
    for x in [*alone, *(half for pair in joined for half in pair.chunk(2, 1))]:
        assert np.isclose(highest, float(x.max()), rtol=1e-3).any()
    # Of 14 convolutions of 3 x 3, three of which see two maps, of three that up-sample, and of the head; the
    # gates' are not measured, but the one of the bridge is.
    assert len(found) == 22


@needs["openvino"]
@pytest.mark.parametrize("ranges", ["its own", "of two photographs"])
def test_integers_are_near_the_prediction(prepared: Checkpoint, ranges):
    model = checkpoint.load("saunetv2-drive") if ranges == "its own" else prepared
    verdict = _check.compare(model, runners.runner(model, CPU, "openvino", "int8"))
    assert abs(verdict.f1_shift) < 0.01
    assert 1e-5 < verdict.changed < 0.06  # not float32 under another name; how far depends on the processor


@needs["openvino"]
def test_integers_run_with_a_fixed_shape(prepared: Checkpoint):
    """With a dynamic dimension OpenVINO's integers crash on AMX (its issue 37577)."""
    run = runners.runner_of(prepared.network, CPU, "openvino", "int8", prepared.header.ranges)
    for height, width in (
        (64, 96),
        (96, 64),
    ):
        run(np.zeros((height, width, 3), np.float32))
        compiled = run._requests[height, width, 3].get_compiled_model()
        shapes = [port.get_partial_shape() for port in (*compiled.inputs, *compiled.outputs)]
        assert not any(shape.is_dynamic for shape in shapes)
        assert list(shapes[0].to_shape()) == [1, height, width, 3]


@needs["openvino"]
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.278, 11.7), (-3.0, 0.0)])
def test_zero_is_a_step_of_every_range(low, high):
    from napari_saunetv2.engines._int8 import _with_exact_zero

    begin, end = _with_exact_zero(low, high)
    steps = np.linspace(begin, end, 256)
    assert np.abs(steps).min() < 1e-9
    assert abs(begin - low) <= (high - low) / 255
    assert end - begin == pytest.approx(high - low)


def test_integers_are_refused_where_they_cannot_be(small: Checkpoint):
    with pytest.raises(SettingsError, match="has not been calibrated"):
        runners.choice(small, CPU, "auto", "int8")
    with pytest.raises(SettingsError, match="'torch' does not support"):
        runners.choice(replace_header(small, ranges=((0.0, 1.0),)), CPU, "torch", "int8")


def replace_header(model: Checkpoint, **changes) -> Checkpoint:
    return Checkpoint(model.name, model.network, replace(model.header, **changes))
