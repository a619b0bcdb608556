"""The napari plugin: the only room that may name napari, Qt and magicgui."""
