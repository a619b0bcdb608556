from pathlib import Path

import numpy as np
import pytest
import torch

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.exchange.keras_import import load_keras
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.networks._blocks import DropBlock2d, Fold, Unfold
from napari_saunetv2.networks.artery_vein import STEEPNESS

PARAMETERS = {
    "saunetv2": (260_521, 260_521),
    "saunet": (538_707, 537_299),
    "rsan": (1_054_523, 1_051_029),
    "backbone": (538_609, 537_201),
    "sd_unet": (535_793, 535_793),
    "unet_sa": (535_891, 535_891),
    "unet18": (535_793, 535_793),
    "unet23": (2_158_705, 2_158_705),
    "artery_vein": (523_037, 523_033),
}
"""All and trainable, as Keras counts the authors' own networks: with BatchNorm's running statistics.
The cascade is our own."""

REFERENCES = ("saunetv2", "saunet", "rsan")
"""Networks whose answers the authors' own programs gave."""


@pytest.mark.parametrize("name", NETWORKS)
def test_parameter_count_is_the_published_one(name):
    network = NETWORKS[name]()
    weights = [v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")]
    trainable = [p for p in network.parameters() if p.requires_grad]
    assert tuple(sum(t.numel() for t in some) for some in (weights, trainable)) == PARAMETERS[name]


@pytest.mark.data
@pytest.mark.parametrize("name", REFERENCES)
def test_equals_the_authors_keras_network(name, shared: Path):
    network, _ = load_keras(shared / "reference" / f"{name}.h5", name)
    vectors = np.load(shared / "reference" / f"{name}.reference.npz")
    with torch.inference_mode():
        prediction = network(torch.from_numpy(vectors["input"]).permute(0, 3, 1, 2)).sigmoid()
    assert np.abs(prediction.permute(0, 2, 3, 1).numpy() - vectors["output"]).max() <= 1e-5


@pytest.mark.data
def test_a_file_of_another_network_is_refused(shared: Path):
    with pytest.raises(CheckpointError, match="holds another network"):
        load_keras(shared / "reference" / "saunet.h5", "saunetv2")


def test_a_file_that_is_no_keras_file_is_refused(tmp_path: Path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"not hdf5")
    with pytest.raises(CheckpointError, match=r"'weights\.h5' is not a Keras weights file"):
        load_keras(path, "saunetv2")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(16, 16), (64, 48)])
def test_answers_one_map_of_the_input_size_for_each_class(name, shape):
    network = NETWORKS[name](in_channels=1, classes=2).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 1, *shape)).shape == (2, 2, *shape)


def test_folding_moves_pixels_and_unfolding_moves_them_back():
    image = torch.arange(2 * 4 * 6).reshape(1, 2, 4, 6).float()
    folded = Fold()(image)
    assert folded.shape == (1, 8, 2, 3)
    assert torch.equal(folded[0, 2 * 2 : 2 * 3], image[0, :, 1::2, 0::2])  # second row, first column
    assert torch.equal(Unfold()(folded), image)


def test_the_cascade_keeps_every_vessel_and_classifies_it():
    torch.manual_seed(0)
    network = NETWORKS["artery_vein"](dropblock=0).eval()
    for part in network.classes.modules():
        if isinstance(part, torch.nn.GroupNorm):
            part.weight.data.normal_(1, 0.5)
    image = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        vessel, both = network.vessels(image), network(image)
        own = network.train()(image)
    # Whatever is a vessel is one of some class, and nothing else is.
    assert torch.equal((both >= 0).any(1, keepdim=True), vessel >= 0)
    first = own.argmax(1, keepdim=True)
    assert 0.05 < first.float().mean() < 0.95
    clear = STEEPNESS * (own[:, :1] - own[:, 1:]).abs() >= vessel
    torch.testing.assert_close(both.gather(1, first)[clear], vessel[clear])
    assert bool((both.gather(1, 1 - first) <= own.gather(1, 1 - first).clamp(min=0) + 1e-5).all())


def test_dropblock_drops_its_share_in_blocks_and_keeps_the_mean():
    torch.manual_seed(0)
    prediction = DropBlock2d(0.1).train()(torch.ones(8, 16, 64, 64))
    dropped = prediction == 0
    # Overlaps make it less than the rate: 1 - exp(-rate) when blocks are few and fall anywhere.
    assert dropped.float().mean().item() == pytest.approx(1 - np.exp(-0.1), abs=0.005)
    assert prediction.mean().item() == pytest.approx(1, abs=1e-3)
    one = DropBlock2d(49 / 4096).train()(torch.ones(1, 1, 64, 64))[0, 0] == 0
    rows, columns = torch.where(one)
    assert one.sum() == 49
    assert (rows.max() - rows.min(), columns.max() - columns.min()) == (6, 6)


def test_dropblock_does_nothing_outside_training():
    x = torch.rand(1, 2, 16, 16)
    assert DropBlock2d(0.5).eval()(x) is x


@pytest.mark.parametrize("side", [1, 2, 3, 6, 8])
def test_dropblock_takes_maps_smaller_than_its_block(side):
    assert DropBlock2d(0.15).train()(torch.ones(2, 3, side, side)).isfinite().all()
