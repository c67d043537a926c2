"""Shows a training run while it happens, and replays it. Training runs without it."""
