"""`fine_tune` as the users of each library write it, and a plain loop (plain.py): from lists of files to an error.

Seconds count from the files on disk to the last validation; imports are reported apart. A job has 'train', 'valid',
'arch', 'weights' (a file), 'size', 'batch_size', 'epochs', 'seed', 'device'.
"""
import os
import tempfile
import time
from pathlib import Path

from side import import_torchvision, timed, versions


def labels(job: dict) -> dict[str, list]:
    "The table that both libraries read: file, label, whether it is for validation"
    files = job['train'] + job['valid']
    return {'file': files, 'label': [Path(f).parent.name for f in files],
            'is_valid': [False]*len(job['train']) + [True]*len(job['valid'])}


def ours(job: dict) -> dict:
    with timed(imports := {}):
        from fastlearn.all import error_rate, ImageDataLoaders, Resize, vision_learner
    with timed(times := {}):
        dls = ImageDataLoaders.from_df(labels(job), '/', valid_col='is_valid', seed=job['seed'],
                                       item_tfms=Resize(job['size']), bs=job['batch_size'])
        learn = vision_learner(dls, job['arch'], weights=job['weights'], metrics=error_rate)
        if job['float32']: learn.to_fp32()   # as on a processor without bfloat16
        learn.fine_tune(job['epochs'], freeze_epochs=1)  # as the other sides, with few photos too
    last = learn.history.epochs[-1]
    return times | {'error': last.metrics['error_rate'], 'valid_loss': last.valid_loss,
                    'import_seconds': imports['seconds'], 'n_train': dls.train.n_images, 'n_valid': dls.valid.n_images,
                    'workers': dls.train.workers, 'precision': str(learn.precision).removeprefix('torch.'),
                    'versions': versions('fastlearn', 'torch')}


def offer_weights(arch: str, weights: str, home: str) -> None:
    "Put the file `weights` where torchvision looks before it downloads those of `arch`"
    from torchvision.models import get_model_weights
    target = Path(home)/'hub'/'checkpoints'/Path(get_model_weights(arch).DEFAULT.url).name
    target.parent.mkdir(parents=True)
    target.write_bytes(Path(weights).read_bytes())
    os.environ['TORCH_HOME'] = home


def fastai(job: dict) -> dict:
    with timed(imports := {}):
        import_torchvision()
        import pandas as pd
        from fastai.torch_core import default_device
        from fastai.vision.all import ImageDataLoaders, Resize, error_rate, set_seed, vision_learner
        from torchvision import models
    default_device(job['device'] != 'cpu')
    with tempfile.TemporaryDirectory() as home:
        offer_weights(job['arch'], job['weights'], home)
        with timed(times := {}):
            set_seed(job['seed'])
            dls = ImageDataLoaders.from_df(pd.DataFrame(labels(job)), '/', valid_col='is_valid',
                                           item_tfms=Resize(job['size']), bs=job['batch_size'])
            learn = vision_learner(dls, getattr(models, job['arch']), metrics=error_rate)
            learn.fine_tune(job['epochs'])
    _, valid_loss, error = learn.recorder.values[-1]
    return times | {'error': error, 'valid_loss': valid_loss, 'import_seconds': imports['seconds'],
                    'n_train': len(dls.train_ds), 'n_valid': len(dls.valid_ds),
                    'workers': dls.train.fake_l.num_workers, 'precision': 'float32',
                    'versions': versions('fastai', 'fastcore', 'torch')}


def plain(job: dict) -> dict:
    started = time.perf_counter()
    from sides import plain
    imports = time.perf_counter() - started
    with timed(times := {}): found = plain.fine_tune(job)
    return times | found | {'import_seconds': imports, 'n_train': len(job['train']), 'n_valid': len(job['valid']),
                            'workers': plain.WORKERS, 'precision': 'float32', 'versions': versions('torch')}


def random_weights(job: dict) -> dict:
    "Weights of 'arch' that nobody trained, written to the file 'weights': time does not depend on what they know"
    import torch
    models = import_torchvision().models
    torch.manual_seed(0)
    torch.save(getattr(models, job['arch'])(weights=None).state_dict(), job['weights'])
    return {}
