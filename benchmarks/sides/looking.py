"""The strongest patches of some maps and their projections, by fastlearn or with captum.

Both sides read the photos with the same loader and look at the same network. captum has projections, but no search
for the strongest places: its side does that as a person would, with a forward hook, batch by batch, and then calls
captum for each picture.
"""
import warnings

from side import timed, versions


def prepare(job: dict):
    "The loader over all photos, and the network"
    from fastlearn.body import create_body
    from fastlearn.data.dataloader import DataLoader
    from fastlearn.data.dataset import ImageDataset
    from fastlearn.data.images import Resize
    dataset = ImageDataset(job['files'], item_tfms=Resize(job['size']))
    return DataLoader(dataset, job['batch_size']), create_body(job['arch'], job['weights']).eval()


def ours(job: dict) -> dict:
    "With `view_layer`: the time of the whole, and what was found"
    from fastlearn.interpret.show_layer import view_layer
    with timed(setup := {}): loader, model = prepare(job)
    with timed(times := {}): view = view_layer(model, job['layer'], job['maps'], dl=loader, method=job['method'])
    return times | {'setup_seconds': setup['seconds'], 'answers': view.values.tolist(), 'images': view.images.tolist(),
                    'sizes': [[p.abs().sum().item() for p in row] for row in view.projections],
                    'versions': versions('torch')}


def captum(job: dict) -> dict:
    "With captum, picture by picture: the time of the whole, and what was found"
    warnings.simplefilter('ignore')                    # captum warns about every hook that it sets
    import captum.attr  # noqa: F401, its import is not counted
    with timed(setup := {}): loader, model = prepare(job)
    with timed(times := {}): found = project(job, loader, model)
    return times | found | {'setup_seconds': setup['seconds'], 'versions': versions('torch', 'captum')}


def project(job: dict, loader, model) -> dict:
    "The strongest places by a hook, then captum for each"
    import torch
    from captum.attr import NeuronDeconvolution, NeuronGuidedBackprop
    from fastlearn.interpret.layers import find_spatial_layer
    layer, field = model.get_submodule(job['layer']), find_spatial_layer(model, job['layer'], job['size']).field
    maps, kept = job['maps'], []
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
    return {'answers': best.T.tolist(), 'images': photos.T.tolist(), 'sizes': sizes}

