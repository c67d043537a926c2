"""The strongest patches of some maps and their projections, by fastlearn or with captum: job file in, result file out.

    python benchmarks/run_looking.py job.json result.json

Both sides read the photos with the same loader and look at the same network. captum has projections, but no search
for the strongest places: its side does that as a person would, with a forward hook, batch by batch, and then calls
captum for each picture.
"""
import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # captum's environment has no fastlearn


def prepare(job: dict):
    "The loader over all photos, and the network"
    from fastlearn.batches import Loader
    from fastlearn.data import ImageDataset
    from fastlearn.head import create_body
    from fastlearn.images import Resize
    dataset = ImageDataset(job['files'], item_tfms=Resize(job['size']))
    return Loader(dataset, job['batch_size']), create_body(job['arch'], job['weights']).eval()


def ours(job: dict, loader, model) -> dict:
    "With `view_layer`: seconds of the whole, and what was found"
    from fastlearn.show_layer import view_layer
    started = time.perf_counter()
    view = view_layer(model, job['layer'], job['maps'], dl=loader, method=job['method'])
    return {'seconds': time.perf_counter() - started, 'answers': view.answers.tolist(), 'images': view.images.tolist(),
            'sizes': [[p.abs().sum().item() for p in row] for row in view.projections]}


def captums(job: dict, loader, model) -> dict:
    "With captum, picture by picture: seconds of the whole, and what was found"
    import torch
    from captum.attr import NeuronDeconvolution, NeuronGuidedBackprop
    from fastlearn.layers import layer_with_places
    layer, field = model.get_submodule(job['layer']), layer_with_places(model, job['layer'], job['size']).field
    started, maps, kept = time.perf_counter(), job['maps'], []
    hook = layer.register_forward_hook(lambda module, inputs, output: kept.append(output[:, maps].clone()))
    with torch.no_grad():
        for images, _ in loader.batches(0): model(images)
    hook.remove()
    answers = torch.cat(kept)                                                        # (photos, maps, h, w)
    values, places = answers.flatten(2).max(2)
    best, photos = values.topk(9, 0)                                                 # (9, maps)
    method = {'deconvnet': NeuronDeconvolution, 'guided': NeuronGuidedBackprop}[job['method']](model, layer)
    sizes = [[0.]*9 for _ in maps]
    for at, number in enumerate(maps):
        for rank in range(9):
            photo = photos[rank, at].item()
            image = next(loader.batches(0, [photo]))[0].requires_grad_()
            row, column = divmod(places[photo, at].item(), answers.shape[3])
            pixels = method.attribute(image, neuron_selector=(number, row, column))[0].detach()
            if job['method'] == 'deconvnet': pixels = pixels*best[rank, at]          # captum starts from 1
            top, left, bottom, right = field.box((row, column), tuple(pixels.shape[1:]))
            sizes[at][rank] = pixels[:, top:bottom, left:right].abs().sum().item()
    return {'seconds': time.perf_counter() - started, 'answers': best.T.tolist(), 'images': photos.T.tolist(),
            'sizes': sizes}


def main(job: dict) -> dict:
    import warnings
    warnings.simplefilter('ignore')                    # captum warns about every hook that it sets
    import torch
    if job.get('threads'): torch.set_num_threads(job['threads'])
    started = time.perf_counter()
    loader, model = prepare(job)
    setup = time.perf_counter() - started
    worked = time.process_time()                       # of the processor: also right on a busy machine
    found = {'ours': ours, 'captum': captums}[job['side']](job, loader, model)
    worked = time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss                       # KiB on Linux
    versions = {'torch': torch.__version__}
    if job['side'] == 'captum': versions['captum'] = __import__('captum').__version__
    return found | {'setup_seconds': setup, 'cpu_seconds': worked, 'peak_gib': peak/2**20, 'photos': len(job['files']),
                    'threads': torch.get_num_threads(), 'versions': versions}


if __name__ == '__main__':
    job, result = map(Path, sys.argv[1:])
    result.write_text(json.dumps(main(json.loads(job.read_text()))))
