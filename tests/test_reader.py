import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from skimage import data

from napari_saunetv2.datasets import DATASETS
from napari_saunetv2.errors import FileFormatError, LayoutError
from napari_saunetv2.files import write_mask
from napari_saunetv2.plugin import commands, samples
from napari_saunetv2.plugin.reader import get_reader
from test_datasets import HEIGHT, WIDTH, drive, put

PLACE = ("dataset", "subject", "split", "observer", "role")
FILES = [
    ("21_training.tif", ("drive", "21", "train", None, "image")),
    ("01_manual1.gif", ("drive", "01", "test", "1st", "labels")),
    ("01_test_mask.gif", ("drive", "01", "test", None, "fov")),
    ("im0001.ppm.gz", ("stare", "im0001", None, None, "image")),
    ("im0001.ppm", ("stare", "im0001", None, None, "image")),
    ("im0001.ah.ppm.gz", ("stare", "im0001", None, "ah", "labels")),
    ("im0001.vk.ppm", ("stare", "im0001", None, "vk", "labels")),
    ("Image_11R.jpg", ("chase", "11", "test", None, "image")),
    ("Image_01L_2ndHO.png", ("chase", "01", "train", "2ndHO", "labels")),
    ("01_dr.JPG", ("hrf", "01_dr", "train", None, "image")),
    ("01_h.tif", ("hrf", "01_h", "train", "manual1", "labels")),
    ("06_g_mask.tif", ("hrf", "06_g", "test", None, "fov")),
]


def opened(path):
    reader = get_reader(str(path))
    assert reader is not None
    return [Layer.create(*layer) for layer in reader(str(path))]


def place(layer):
    return tuple(layer.metadata[key] for key in PLACE)


@pytest.mark.parametrize(("name", "expected"), FILES)
def test_a_file_opens_as_what_it_is(tmp_path, name, expected):
    (layer,) = opened(put(tmp_path / name, value=9))
    assert place(layer) == expected
    assert layer.name == name.removesuffix(".gz").rsplit(".", 1)[0]
    assert layer.data.dtype == np.uint8
    if expected[-1] == "image":
        assert layer._type_string == "image"
        assert layer.rgb
        assert layer.data.shape == (HEIGHT, WIDTH, 3)
        assert (layer.data == 9).all()
    else:
        assert layer._type_string == "labels"
        assert layer.data.shape == (HEIGHT, WIDTH)
        assert np.flatnonzero(layer.data).tolist() == [9]
        assert layer.data.max() == 1


def test_napari_opens_files_and_folders_with_the_reader(tmp_path, plugins):
    viewer = ViewerModel()
    viewer.open(put(tmp_path / "flat" / "Image_01L.jpg"), plugin="napari-saunetv2")
    viewer.open(drive(tmp_path / "DRIVE"), plugin="napari-saunetv2")
    assert [layer.name for layer in viewer.layers] == [
        *("Image_01L", "DRIVE test", "DRIVE test 1st", "DRIVE test 2nd", "DRIVE test FOV"),
        *("DRIVE train", "DRIVE train 1st", "DRIVE train FOV"),
    ]
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        *("Image_01L", "DRIVE test", "DRIVE test 1st")
    ]


def test_a_folder_opens_as_stacks(tmp_path):
    layers = {layer.name: layer for layer in opened(drive(tmp_path))}
    photographs = layers["DRIVE train"]
    assert photographs.rgb
    assert isinstance(photographs.data, da.Array)  # read when looked at
    assert photographs.data.shape == (3, HEIGHT, WIDTH, 3)
    assert photographs.data[:, 0, 0, 0].compute().tolist() == [21, 22, 23]
    assert photographs.metadata["names"] == ["21_training", "22_training", "23_training"]
    assert place(photographs) == ("drive", ["21", "22", "23"], "train", None, "image")
    second = layers["DRIVE test 2nd"]
    assert second.data.shape == (3, HEIGHT, WIDTH)
    assert second.data.dtype == np.uint8
    assert second.data.reshape(3, -1).argmax(axis=1).tolist() == [11, 12, 13]
    assert place(second) == ("drive", ["01", "02", "03"], "test", "2nd", "labels")
    assert place(layers["DRIVE train FOV"])[-1] == "fov"


def test_photographs_without_labels_get_a_stack_of_their_own(tmp_path):
    root = drive(tmp_path, ["training"])
    (root / "training/1st_manual/22_manual1.gif").unlink()
    layers = opened(root)
    assert [layer.metadata["subject"] for layer in layers if layer.metadata["role"] == "image"] == [
        *(["22"], ["21", "23"])
    ]


@pytest.mark.parametrize("name", ["photo.tif", "my_test.tif", "scan.png", "gone/photo.tif", "gone", "empty"])
def test_anything_else_is_left_alone(tmp_path, name):
    put(tmp_path / "photo.tif")
    (tmp_path / "empty").mkdir()
    assert get_reader(str(tmp_path / name)) is None
    assert get_reader([str(tmp_path / name)]) is None


def test_a_folder_with_a_file_s_name_is_left_alone(tmp_path):
    (tmp_path / "01_test.tif").mkdir()
    assert get_reader(str(tmp_path / "01_test.tif")) is None


def test_several_files_open_one_by_one(tmp_path):
    paths = [str(put(tmp_path / f"{number}_training.tif", number)) for number in (21, 22)]
    assert [name["name"] for _, name, _ in get_reader(paths)(paths)] == ["21_training", "22_training"]
    assert get_reader([*paths, str(put(tmp_path / "photo.tif"))]) is None


@pytest.mark.parametrize("name", [name for name, _ in FILES])
@pytest.mark.parametrize("damage", ["cut", "text", "empty", "gone"])
def test_a_damaged_file_says_so(tmp_path, name, damage):
    path = put(tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(
        {"cut": content[: len(content) // 2], "text": b"hello", "empty": b"", "gone": b""}[damage]
    )
    if damage == "gone":
        path.unlink()
    with pytest.raises(FileFormatError, match=f"'.*{name}' .*: .*") as caught:
        get_reader(str(path))(str(path))
    assert "\n" not in str(caught.value)


def test_a_stack_of_two_sizes_is_refused(tmp_path):
    root = drive(tmp_path, ["training"])
    write_mask(root / "training/1st_manual/22_manual1.gif", np.zeros((3, 4)), overwrite=True)
    with pytest.raises(LayoutError, match="'22_training' has 4 x 3 pixels, the first photograph has 7 x 6"):
        get_reader(str(root))(str(root))


def test_the_menu_command_opens_a_data_set_or_says_why_not(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(commands, "show_error", said.append)
    viewer = ViewerModel()
    commands.add_dataset(viewer, tmp_path)
    assert not viewer.layers
    assert str(tmp_path) in said[0]
    answers = iter(["", str(drive(tmp_path / "DRIVE", ["test"]))])  # the first time: Cancel
    monkeypatch.setattr(commands.QFileDialog, "getExistingDirectory", lambda *args: next(answers))
    commands.open_dataset(viewer)
    assert not viewer.layers
    commands.open_dataset(viewer)
    assert len(viewer.layers) == 4
    assert len(said) == 1


def test_the_retina_sample_needs_the_internet_once(monkeypatch):
    def offline():
        raise OSError("no route to host")

    monkeypatch.setattr(data, "retina", lambda: np.zeros((4, 5, 3), np.uint8))
    ((image, about, kind),) = samples.retina()
    assert (image.shape, about["rgb"], about["metadata"]["role"], kind) == ((4, 5, 3), True, "image", "image")
    monkeypatch.setattr(data, "retina", offline)
    with pytest.raises(FileFormatError, match=r"could not be downloaded: connect .*, or open the synthetic"):
        samples.retina()


# --- the real photographs

REAL = [
    ("DRIVE/test/images/01_test.tif", (584, 565)),
    ("DRIVE/test/2nd_manual/01_manual2.gif", (584, 565)),
    ("DRIVE/test/mask/01_test_mask.gif", (584, 565)),
    ("STARE/stare-images/im0001.ppm.gz", (605, 700)),
    ("STARE/labels-ah/im0001.ah.ppm.gz", (605, 700)),
    ("CHASE_DB1/Image_01L.jpg", (960, 999)),
    ("CHASE_DB1/Image_01L_1stHO.png", (960, 999)),
    ("HRF/images/01_dr.JPG", (2336, 3504)),
    ("HRF/mask/01_dr_mask.tif", (2336, 3504)),
]


@pytest.mark.data
@pytest.mark.parametrize(("name", "shape"), REAL)
def test_a_real_file_opens(shared, plugins, name, shape):
    viewer = ViewerModel()
    (layer,) = viewer.open(shared / "data" / name, plugin="napari-saunetv2")
    assert layer.data.shape[:2] == shape
    assert layer.data.dtype == np.uint8
    if layer.metadata["role"] == "image":
        assert layer.rgb
    else:
        assert np.unique(layer.data).tolist() == [0, 1]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("DRIVE", 7), ("STARE", 3), ("CHASE_DB1", 6), ("RAVIR", 2)),
        *(("OCTA/OCTA500_6M", 4), ("OCTA/OCTA500_3M", 6)),
    ],
)
def test_a_real_folder_opens(shared, name, count):
    layers = opened(shared / "data" / name)
    assert len(layers) == count
    assert {layer.metadata["dataset"] for layer in layers} < set(DATASETS)
    for layer in layers:
        assert len(layer.data) == len(layer.metadata["names"])
