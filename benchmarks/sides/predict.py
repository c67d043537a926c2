"""Answers to files on disk. A job has 'known' (labeled files that make the loaders), 'files', 'arch', 'size',
'batch_size', 'device'; the network has random weights, the same in `ours` and `by_hand`."""
from pathlib import Path

from side import import_torchvision, timed


def learner(job: dict):
    from fastlearn.all import ImageDataLoaders, Resize, vision_learner
    dls = ImageDataLoaders.from_path_func('/', [Path(file) for file in job['known']], lambda file: file.parent.name,
                                          seed=0, item_tfms=Resize(job['size']), bs=job['batch_size'])
    return vision_learner(dls, job['arch'], weights=None)


def ours(job: dict) -> dict:
    learn = learner(job)
    with timed(times := {}): found = learn.get_preds(learn.dls.test_dl(job['files']))[0]
    return times | {'answers': found[:, 0].tolist()}


def by_hand(job: dict) -> dict:
    "A loop as anyone would write it: no threads, no bar, nothing that is not needed for the answers"
    import numpy as np
    import torch
    from fastlearn.core.device import autocast, eval_mode
    from fastlearn.data.images import open_image
    learn, files, bs, found = learner(job), job['files'], job['batch_size'], []
    resize, normalize = learn.dls.valid.dataset.transform.resize, learn.dls.valid.normalize
    with timed(times := {}), eval_mode(learn.model):
        for start in range(0, len(files), bs):
            cut = [resize.crop(resize.prepare(open_image(file, resize.needs))) for file in files[start:start + bs]]
            images = torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).to(learn.device).float().div_(255)
            images = normalize(images).contiguous(memory_format=torch.channels_last)
            with autocast(learn.device, learn.precision): logits = learn.model(images)
            found.append(logits.float().softmax(1).cpu())
    return times | {'answers': torch.cat(found)[:, 0].tolist()}


def fastai(job: dict) -> dict:
    import_torchvision()
    from fastai.torch_core import default_device
    from fastai.vision.all import ImageDataLoaders, Resize, parent_label, vision_learner
    from torchvision import models
    default_device(job['device'] != 'cpu')
    dls = ImageDataLoaders.from_path_func('/', job['known'], parent_label, item_tfms=Resize(job['size']),
                                          bs=job['batch_size'])
    learn = vision_learner(dls, getattr(models, job['arch']), pretrained=False)
    with timed(times := {}), learn.no_bar(): found = learn.get_preds(dl=dls.test_dl(job['files']))[0]
    assert len(found) == len(job['files'])
    return times
