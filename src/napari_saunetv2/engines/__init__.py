"""Devices and inference engines: devices, and torch, OpenVINO or ONNX Runtime on them."""
