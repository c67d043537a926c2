"""From files on disk to batches: images, labels, augmentation, loaders. Independent of models."""
