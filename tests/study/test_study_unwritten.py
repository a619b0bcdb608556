"""A photograph that cannot be written for another program is measured all the same."""

import pandas as pd

from napari_saunetv2 import cli
from napari_saunetv2.imaging.synthetic import fundus
from oddfiles import dicoms
from tiny import save_model


def test_a_dicom_file_without_identifiers_is_measured_and_its_remark_says_what_is_missing(tmp_path, capfd):
    (tmp_path / "eyes").mkdir()
    (tmp_path / "eyes" / "b.dcm").write_bytes(dicoms.stored(fundus((90, 96), seed=2).image))
    model = str(save_model(tmp_path / "small.safetensors"))
    words = ["study", str(tmp_path / "eyes"), "-o", str(tmp_path / "out"), "-m", model, "--engine", "torch"]
    words += ["--precision", "float32", "--export", "dicom-seg", "--export", "geojson"]
    assert not cli.app(words, standalone_mode=False)
    (seen,) = pd.read_csv(tmp_path / "out" / "photographs.csv").itertuples()
    assert seen.status == "done"
    assert "dicom-seg was not written: 'b.dcm' has no StudyInstanceUID" in seen.remarks
    assert [path.name for path in (tmp_path / "out" / "exports").iterdir()] == ["b_segments.geojson"]
    capfd.readouterr()
    cli.app(words, standalone_mode=False)
    assert "1 photograph done, 0 unchanged" in capfd.readouterr().out, "it is tried again"
    cli.app(words[:-4], standalone_mode=False)
    assert "0 photographs done, 1 unchanged" in capfd.readouterr().out
