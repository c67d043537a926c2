"""`fine_tune` with one lever off: what it learned, in what time. A job has what fine_tune.py's have, and 'off'."""
from functools import partial

from side import timed
from sides.fine_tune import labels

COMPILED = 'torch.compile, switched on'    # the only one that is off by itself


def learner_options(off: str) -> dict:
    "What a learner is told"
    import torch
    return {'bfloat16': {'precision': torch.float32}, 'freed memory kept': {'keep_memory': False},
            'features of the frozen body kept': {'cache_features': False},
            'one kernel for the optimizer': {'opt_func': partial(torch.optim.AdamW, betas=(.9, .99), eps=1e-5,
                                                                 foreach=False)}}.get(off, {})


def set_loaders(dls, off: str) -> None:
    "What is decided by the loaders and what they hold"
    import torch
    for loader in (dls.train, dls.valid):
        if off == 'colors side by side': loader.memory_format = torch.contiguous_format
        if off == 'taking turns with the network': loader.overlap = True
        if off == 'threads that decode': loader.workers = 0
        if off == 'decoding near the size needed': loader.dataset.transform.needs = None


def ours(job: dict) -> dict:
    import torch

    from fastlearn.all import error_rate, ImageDataLoaders, Resize, vision_learner
    off = job['off']
    with timed(times := {}):
        dls = ImageDataLoaders.from_df(labels(job), '/', valid_col='is_valid', seed=job['seed'], bs=job['batch_size'],
                                       item_tfms=Resize(job['size'], 'squish'),
                                       **({'memory': 0} if off == 'pictures kept in memory' else {}))
        set_loaders(dls, off)
        learn = vision_learner(dls, job['arch'], weights=job['weights'], metrics=error_rate, **learner_options(off))
        if off == 'colors side by side': learn.model.to(memory_format=torch.contiguous_format)
        if off == COMPILED: learn.model.compile()
        learn.fine_tune(job['epochs'], freeze_epochs=job['frozen'])
    return times | {'error': learn.history.epochs[-1].metrics['error_rate']}
