"""Import and export of models: Keras, ONNX, OpenVINO, bioimage.io."""
