"""One `fine_tune` with fastlearn, as its users write it: job file in, result file out.

    python benchmarks/run_ours.py job.json result.json
"""
import json
import sys
import time
from pathlib import Path


def main(job: dict) -> dict:
    started = time.perf_counter()
    import torch
    import fastlearn
    from fastlearn.all import ImageDataLoaders, Resize, error_rate, vision_learner
    imports = time.perf_counter() - started

    started = time.perf_counter()
    files = job['train'] + job['valid']
    table = {'file': files, 'label': [Path(f).parent.name for f in files],
             'is_valid': [False]*len(job['train']) + [True]*len(job['valid'])}
    dls = ImageDataLoaders.from_df(table, '/', valid_col='is_valid', seed=job['seed'], item_tfms=Resize(job['size']),
                                   bs=job['batch_size'])
    learn = vision_learner(dls, job['arch'], weights=job['weights'], metrics=error_rate)
    learn.fine_tune(job['epochs'])
    seconds = time.perf_counter() - started
    last = learn.history.epochs[-1]
    return {'error': last.metrics['error_rate'], 'valid_loss': last.valid_loss, 'seconds': seconds,
            'import_seconds': imports, 'n_train': dls.train.n_images, 'n_valid': dls.valid.n_images,
            'threads': torch.get_num_threads(), 'workers': dls.train.workers,
            'precision': str(learn.precision).removeprefix('torch.'), 'device': str(learn.device),
            'versions': {'fastlearn': fastlearn.__version__, 'torch': torch.__version__}}


if __name__ == '__main__':
    job, result = map(Path, sys.argv[1:])
    result.write_text(json.dumps(main(json.loads(job.read_text()))))
