"""Where and how a network runs: devices, and torch, OpenVINO or ONNX Runtime on them."""
