"""Uses a trained model: predictions, export, checkpoints, ONNX, a widget"""
