"""From files on disk to batches: images, labels, augmentation, loaders. Knows no model."""
