"""`fine_tune` of the embedded resnet10 on many small sets: a row for each is appended to a file as it is found.

A job has 'rows' (the file, JSON lines), 'runs' (each with 'set', 'seed', 'arm', 'train', 'valid', 'test', 'epochs',
'size', 'options') and 'threads'. 'test' are pictures that no choice has seen; without them, 'valid' is measured alone.
"""
import json
import os
import time
from pathlib import Path

from side import import_torchvision

from sides.fine_tune import labels


def rows_of(job: dict, measure) -> dict:
    "Measure each of the job's runs that is not yet among the rows"
    import torch
    torch.set_num_threads(job['threads'])
    path, done = Path(job['rows']), set()
    if path.exists(): done = {json.loads(line)['id'] for line in path.read_text().splitlines()}
    for run in job['runs']:
        if run['id'] in done: continue
        started = time.perf_counter()
        found = measure(run) | {'seconds': time.perf_counter() - started, 'load': round(os.getloadavg()[0], 2)}
        kept = {key: run[key] for key in ('id', 'set', 'seed', 'arm', 'epochs')}
        with path.open('a') as file: file.write(json.dumps(kept | {'n_train': len(run['train'])} | found) + '\n')
    return {}


def ours(job: dict) -> dict:
    os.environ['FASTLEARN_DASHBOARD'] = 'off'
    from fastlearn.all import error_rate, ImageDataLoaders, Resize, vision_learner

    def measure(run: dict) -> dict:
        dls = ImageDataLoaders.from_df(labels(run), '/', valid_col='is_valid', seed=run['seed'],
                                       item_tfms=Resize(run['size']), bs=32)
        learn = vision_learner(dls, run['arch'], weights=run['weights'], metrics=error_rate, quiet=True,
                               **run['options'].get('learner', {}))
        learn.fine_tune(run['epochs'], **run['options'].get('fine_tune', {}))
        found = {'errors': [epoch.metrics['error_rate'] for epoch in learn.history.epochs]}
        if not run['test']: return found
        test = dls.test_dl(run['test'], labels=[Path(file).parent.name for file in run['test']])
        return found | {'test': learn.validate(test).metrics['error_rate']}
    return rows_of(job, measure)


def fastai(job: dict) -> dict:
    import_torchvision()
    import pandas as pd
    import torch
    from fastai.torch_core import default_device
    from fastai.vision.all import ImageDataLoaders, Normalize, Resize, error_rate, imagenet_stats, set_seed
    from fastai.vision.all import L, params, vision_learner
    from torchvision import models

    from fastlearn.models import resnet10            # the architecture and its weights alone
    default_device(False)
    def arch_of(build): return lambda pretrained: build()
    def halves(of, at): return lambda model: L(of(model[0])[:at], of(model[0])[at:], model[1:]).map(params)  # its own

    def measure(run: dict) -> dict:
        set_seed(run['seed'])
        dls = ImageDataLoaders.from_df(pd.DataFrame(labels(run)), '/', valid_col='is_valid', bs=32, num_workers=0,
                                       item_tfms=Resize(run['size']), batch_tfms=Normalize.from_stats(*imagenet_stats))
        if run['arch'] == 'resnet10': learn = vision_learner(dls, arch_of(resnet10), cut=-2, metrics=error_rate,
                                                             splitter=halves(lambda body: body, 6))
        else:
            model = getattr(models, run['arch'])(weights=None)
            model.load_state_dict(torch.load(run['weights']))
            learn = vision_learner(dls, arch_of(lambda: model), cut=-1, metrics=error_rate,
                                   splitter=halves(lambda body: body[0], 5))
        with learn.no_bar(), learn.no_logging(): learn.fine_tune(run['epochs'])
        found = {'errors': [error for *_, error in learn.recorder.values]}  # of the second phase: the first are gone
        if not run['test']: return found
        table = pd.DataFrame({'file': run['test'], 'label': [Path(file).parent.name for file in run['test']]})
        test = dls.test_dl(table, with_labels=True)
        return found | {'test': learn.validate(dl=test)[1]}
    return rows_of(job, measure)
