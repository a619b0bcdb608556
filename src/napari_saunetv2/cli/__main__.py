"""``python -m napari_saunetv2.cli`` is ``saunetv2``."""

from napari_saunetv2.cli import main

main()
