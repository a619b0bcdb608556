"""Write what the tests check bundled models by: their SHA-256, and their answer to a synthetic image.

Run it by ``make weights-sums`` after a bundled model was added or trained anew.
"""

import hashlib
from pathlib import Path

import numpy as np

from napari_saunetv2 import inference
from napari_saunetv2.files import make_folder, write_image
from napari_saunetv2.imaging.synthetic import fundus

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src" / "napari_saunetv2" / "weights"
GOLDEN = ROOT / "tests" / "golden"


def main() -> None:
    models = sorted(WEIGHTS.glob("*.safetensors"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in models]
    (WEIGHTS / "SHA256SUMS").write_text("".join(lines))
    make_folder(GOLDEN)
    for path in models:
        answer = inference.segment(
            fundus((160, 160), 3).image,
            path,
            rescale="off",
            device="cpu",
            engine="torch",
            precision="float32",
        )
        write_image(GOLDEN / f"{path.stem}.png", np.rint(answer * 255).astype(np.uint8), overwrite=True)


if __name__ == "__main__":
    main()
