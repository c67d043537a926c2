"""The training program: models, losses, the training loop, and the learner"""

__version__ = "0.1.0"
