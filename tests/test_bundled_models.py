import pytest

from napari_saunetv2 import checkpoint, datasets, evaluation

BUNDLED = [info for info in checkpoint.available() if info.bundled]


@pytest.mark.data
@pytest.mark.parametrize("info", BUNDLED, ids=lambda info: info.name)
def test_no_image_was_both_trained_on_and_scored(info, shared):
    assert info.header.scores
    for score in info.header.scores:
        samples = datasets.read(shared / "data" / datasets.DATASETS[score["dataset"]].title, score["dataset"])
        scored = evaluation.chosen(samples, score["split"], info.header)
        assert len(scored) == score["images"]
        assert not [s.name for s in scored if evaluation.seen(s, info.header)]
