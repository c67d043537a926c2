"""One training of a small residual network of any width, from lists of files to the last validation.

A job has 'train', 'valid', 'size', 'width', 'epochs', 'batch_size', 'device'.
"""
from side import timed
from sides.fine_tune import labels


def network(width: int, classes: int = 2):
    "As resnet10, with `width` channels in the first block and four times as many in the last"
    from fastlearn.models import BasicBlock
    from torch import nn
    return nn.Sequential(nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                         nn.MaxPool2d(3, 2, 1), BasicBlock(width, width), BasicBlock(width, 2*width, 2),
                         BasicBlock(2*width, 4*width, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4*width, classes))


def ours(job: dict) -> dict:
    from fastlearn.data.dataloaders import ImageDataLoaders
    from fastlearn.data.images import Resize
    from fastlearn.learner import Learner
    from fastlearn.models import count_parameters
    with timed(times := {}):
        dls = ImageDataLoaders.from_df(labels(job), '/', valid_col='is_valid', seed=0, item_tfms=Resize(job['size']),
                                       bs=job['batch_size'])
        learn = Learner(dls, network(job['width'], dls.c))
        learn.fit(job['epochs'])
    return times | {'parameters': count_parameters(learn.model), 'n': dls.train.n_images + dls.valid.n_images}
