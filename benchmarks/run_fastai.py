"""One `fine_tune` with fastai, as its users write it: job file in, result file out. Runs in fastai's own environment.

    benchmarks/.venv/bin/python benchmarks/run_fastai.py job.json result.json
"""
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path


def import_torchvision():
    "torchvision beside a torch without its operators: two schemas that nothing here calls are declared first"
    import torch
    for name in 'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor', \
                'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor':
        with contextlib.suppress(RuntimeError):
            torch.library.define('torchvision::' + name.split('(')[0], name[name.index('('):])
    import torchvision
    return torchvision


def offer_weights(arch: str, weights: str, home: str) -> None:
    "Put the file `weights` where torchvision looks before it downloads those of `arch`"
    from torchvision.models import get_model_weights
    target = Path(home)/'hub'/'checkpoints'/Path(get_model_weights(arch).DEFAULT.url).name
    target.parent.mkdir(parents=True)
    target.write_bytes(Path(weights).read_bytes())
    os.environ['TORCH_HOME'] = home


def main(job: dict) -> dict:
    started = time.perf_counter()
    import_torchvision()
    import fastai
    import fastcore
    import pandas as pd
    import torch
    from fastai.vision.all import ImageDataLoaders, Resize, error_rate, set_seed, vision_learner
    from torchvision import models
    imports = time.perf_counter() - started

    with tempfile.TemporaryDirectory() as home:
        offer_weights(job['arch'], job['weights'], home)
        started = time.perf_counter()
        set_seed(job['seed'])
        files = job['train'] + job['valid']
        table = pd.DataFrame({'file': files, 'label': [Path(f).parent.name for f in files],
                              'is_valid': [False]*len(job['train']) + [True]*len(job['valid'])})
        dls = ImageDataLoaders.from_df(table, '/', valid_col='is_valid', item_tfms=Resize(job['size']),
                                       bs=job['batch_size'])
        learn = vision_learner(dls, getattr(models, job['arch']), metrics=error_rate)
        learn.fine_tune(job['epochs'])
        seconds = time.perf_counter() - started
    _, valid_loss, error = learn.recorder.values[-1]
    return {'error': error, 'valid_loss': valid_loss, 'seconds': seconds, 'import_seconds': imports,
            'n_train': len(dls.train_ds), 'n_valid': len(dls.valid_ds), 'threads': torch.get_num_threads(),
            'workers': dls.train.fake_l.num_workers, 'precision': 'float32', 'device': str(dls.device),
            'versions': {'fastai': fastai.__version__, 'fastcore': fastcore.__version__, 'torch': torch.__version__}}


if __name__ == '__main__':
    job, result = map(Path, sys.argv[1:])
    result.write_text(json.dumps(main(json.loads(job.read_text()))))
