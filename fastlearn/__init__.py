"""The training program: models, losses, the loop, the learner. A folder is what you can leave out."""

__version__ = "0.1.0"
