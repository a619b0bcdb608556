"""Models of other programs, and models for them: Keras, ONNX, OpenVINO, bioimage.io."""
