"""Open the demo's result in napari."""

import napari

from napari_saunetv2.demo import Demonstration
from napari_saunetv2.plugin.common.layers import vessel_colours


def show(result: Demonstration) -> None:
    """Open a viewer with image, exact vessels, probability and vessels, and run until it is closed."""
    viewer = napari.Viewer(title="napari-saunetv2 demo")
    viewer.add_image(result.sample.image, name="synthetic", rgb=True)
    viewer.add_labels(result.sample.vessels, name="synthetic exact", visible=False)
    viewer.add_image(result.probability, name="synthetic probability", contrast_limits=(0, 1), visible=False)
    viewer.add_labels(result.vessels, name="synthetic vessels", colormap=vessel_colours(), opacity=0.7)
    viewer.window.add_plugin_dock_widget("napari-saunetv2", "Segment vessels")
    napari.run()
