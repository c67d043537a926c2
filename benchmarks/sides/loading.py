"""Two epochs of training batches and nothing else: the first reads the files, the second what was kept.

A job has 'files', 'size', 'batch_size', 'device'. Every side shuffles, cuts the middle and normalizes for ImageNet.
"""
import time

from side import import_torchvision, processor_seconds


def epochs(batches) -> dict:
    "Images, seconds and processor seconds of each of two epochs"
    found = []
    for _ in range(2):
        began, worked, images = time.perf_counter(), processor_seconds(), 0
        for inputs, _ in batches: images += len(inputs)
        found.append({'images': images, 'seconds': time.perf_counter() - began,
                      'cpu_seconds': processor_seconds() - worked})
    return {'epochs': found, 'shape': list(inputs.shape[1:])}


def ours(job: dict) -> dict:
    from fastlearn.data.dataloader import DataLoader
    from fastlearn.data.dataset import ImageDataset
    from fastlearn.data.images import Resize
    from fastlearn.data.labels import parent_label
    dataset = ImageDataset(job['files'], [parent_label(file) for file in job['files']], item_tfms=Resize(job['size']))
    loader = DataLoader(dataset, job['batch_size'], training=True, device=job['device'])
    return epochs(loader) | {'workers': loader.workers}


def fastai(job: dict) -> dict:
    import_torchvision()
    from fastai.torch_core import default_device
    from fastai.vision.all import ImageDataLoaders, Normalize, Resize, imagenet_stats, parent_label
    default_device(job['device'] != 'cpu')
    dls = ImageDataLoaders.from_path_func('/', job['files'], parent_label, valid_pct=1e-9,
                                          item_tfms=Resize(job['size']),
                                          batch_tfms=Normalize.from_stats(*imagenet_stats), bs=job['batch_size'])
    return epochs(dls.train) | {'workers': dls.train.fake_l.num_workers}


def torch(job: dict) -> dict:
    from sides import plain
    loader = plain.loader(job['files'], job['size'], job['batch_size'], True, job['device'])
    return epochs(loader) | {'workers': plain.WORKERS}
