"""Pretrain resnet10 on Tiny-ImageNet without its house cats and dogs: the weights that fastlearn ships.

    python pretraining/pretrain_resnet10.py --data ../shared/data/tiny_imagenet_191   # packed mosaics
    python pretraining/pretrain_resnet10.py --data tiny-imagenet-200.zip              # the public archive, on disk
    python pretraining/pretrain_resnet10.py --data http://cs231n.stanford.edu/tiny-imagenet-200.zip

Every epoch ends with a checkpoint in --work; the same command continues from there. The last epoch writes
`resnet10.safetensors` (float16) and `resnet10.json` (classes, recipe, accuracy of the float16 weights) there.
"""
import argparse
import io
import json
import os
import platform
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from fastlearn.data.images import imagenet_stats
from fastlearn.models import ResNet10
from fastlearn.schedule import OneCycle

TILE = 64  # pixels; the side of every Tiny-ImageNet image
PETS = ['n02085620', 'n02094433', 'n02099601', 'n02099712', 'n02106662', 'n02113799',  # 6 dogs
        'n02123045', 'n02123394', 'n02124075']                                         # 3 house cats


def read_mosaics(data: Path, parts: tuple[str, ...] = ('train', 'valid')) -> dict:
    "Read classes (wnid -> names), `train` and `valid`: uint8 (n, 64, 64, 3), int64 labels; one mosaic per class"
    classes, out = json.loads((data/'classes.json').read_text()), {}
    for part in parts:
        tiles, labels = [], []
        for label, wnid in enumerate(sorted(classes)):
            mosaic = np.asarray(Image.open(data/part/f'{wnid}.webp').convert('RGB'))
            rows, columns = mosaic.shape[0]//TILE, mosaic.shape[1]//TILE
            tiles.append(mosaic.reshape(rows, TILE, columns, TILE, 3).swapaxes(1, 2).reshape(-1, TILE, TILE, 3))
            labels.append(np.full(len(tiles[-1]), label))
        out[part] = np.concatenate(tiles), np.concatenate(labels)
    return {'classes': {w: classes[w] for w in sorted(classes)}, **out}


def read_archive(path: Path) -> dict:
    "Read the same from the public tiny-imagenet-200.zip, without the classes of `PETS`"
    with zipfile.ZipFile(path) as z:
        read = lambda name: z.read(f'tiny-imagenet-200/{name}')
        names = dict(line.split('\t', 1) for line in read('words.txt').decode().splitlines())
        wnids = sorted(set(read('wnids.txt').decode().split()) - set(PETS))
        valid = [line.split('\t')[:2] for line in read('val/val_annotations.txt').decode().splitlines()]
        files = {'train': [(f'train/{w}/images/{w}_{i}.JPEG', w) for w in wnids for i in range(500)],
                 'valid': [(f'val/images/{f}', w) for f, w in valid if w in set(wnids)]}
        image = lambda name: np.asarray(Image.open(io.BytesIO(read(name))).convert('RGB'))
        out = {part: (np.stack([image(f) for f, _ in fs]), np.array([wnids.index(w) for _, w in fs]))
               for part, fs in files.items()}
    return {'classes': {w: names[w] for w in wnids}, **out}


def load(data: str, work: Path) -> dict:
    if data.startswith('http'):
        target = work/'tiny-imagenet-200.zip'
        if not target.exists():
            print(f'downloading {data} (237 MB)')
            urllib.request.urlretrieve(data, f'{target}.part')
            os.replace(f'{target}.part', target)
        data = str(target)
    return read_archive(Path(data)) if data.endswith('.zip') else read_mosaics(Path(data))


def normalize(images: Tensor) -> Tensor:
    "Convert uint8 (n, 64, 64, 3) to float32 (n, 3, 64, 64), channels last, normalized with ImageNet's statistics"
    x = images.permute(0, 3, 1, 2).float().div_(255)  # a permuted view, so it is already channels last
    mean, std = imagenet_stats            # of pixels in 0-1, per channel
    return x.sub_(torch.tensor(mean).view(3, 1, 1)).div_(torch.tensor(std).view(3, 1, 1))


def augment(images: Tensor, rng: torch.Generator, shift: int = 8) -> Tensor:
    "Flip each image at random, and crop it after padding by `shift` reflected pixels; (n, 3, 64, 64) in and out"
    n, _, h, w = images.shape
    flip = torch.rand(n, generator=rng) < .5
    images = torch.where(flip.view(n, 1, 1, 1), images.flip(3), images)
    padded = F.pad(images, [shift]*4, mode='reflect')
    tops, lefts = torch.randint(0, 2*shift + 1, (2, n), generator=rng).tolist()
    return torch.stack([p[:, t:t+h, l:l+w] for p, t, l in zip(padded, tops, lefts)]).contiguous(
        memory_format=torch.channels_last)


@torch.inference_mode()
def top1(model: nn.Module, images: Tensor, labels: Tensor, precision: torch.dtype = torch.float32) -> float:
    "Compute the share of `images` whose most probable class is the right one"
    model.eval()
    right = 0
    for x, y in zip(images.split(500), labels.split(500)):
        with torch.autocast('cpu', precision, enabled=precision != torch.float32):
            right += (model(normalize(x)).argmax(1) == y).sum().item()
    return right/len(labels)


def weight_groups(model: nn.Module, decay: float) -> list:
    "Use weight decay for convolutions and linear layers, none for biases and BatchNorm"
    return [{'params': [p for p in model.parameters() if p.ndim > 1], 'weight_decay': decay},
            {'params': [p for p in model.parameters() if p.ndim <= 1], 'weight_decay': 0.}]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--data', required=True, help='folder of mosaics, tiny-imagenet-200.zip, or its address')
    ap.add_argument('--work', type=Path, default=Path('pretraining/runs/resnet10'), help='checkpoints and results')
    ap.add_argument('--epochs', type=int, default=28)
    ap.add_argument('--batch-size', type=int, default=128)
    ap.add_argument('--lr', type=float, default=.25, help='peak learning rate')
    ap.add_argument('--decay', type=float, default=5e-4, help='weight decay')
    ap.add_argument('--smoothing', type=float, default=.1, help='label smoothing')
    ap.add_argument('--seed', type=int, default=0)
    args = ap.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    data = load(args.data, args.work)
    (x, y), (vx, vy) = [tuple(map(torch.from_numpy, data[p])) for p in ('train', 'valid')]
    torch.manual_seed(args.seed)
    model = ResNet10(len(data['classes'])).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(weight_groups(model, args.decay), lr=args.lr, momentum=.9, nesterov=True)
    checkpoint, start = args.work/'last.pt', 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved['model']); optimizer.load_state_dict(saved['optimizer']); start = saved['epoch']
    steps, schedule = len(x)//args.batch_size, OneCycle((args.lr,), moms=(.9, .9, .9))
    for epoch in range(start, args.epochs):
        rng = torch.Generator().manual_seed(args.seed*1000 + epoch)
        order, began, total = torch.randperm(len(x), generator=rng), time.time(), 0.
        model.train()
        for i in range(steps):
            chosen = order[i*args.batch_size:(i+1)*args.batch_size]
            for group in optimizer.param_groups:
                (group['lr'],), _ = schedule((epoch*steps + i)/(args.epochs*steps))
            with torch.autocast('cpu', torch.bfloat16):
                logits = model(augment(normalize(x[chosen]), rng))
                loss = F.cross_entropy(logits, y[chosen], label_smoothing=args.smoothing)
            loss.backward()
            optimizer.step(); optimizer.zero_grad()
            total += loss.item()
            speed = (i+1)*args.batch_size/(time.time()-began)
            if i % 100 == 0: print(f'  {epoch} {i}/{steps} {total/(i+1):.4f} {speed:.0f} images/s', flush=True)
        row = {'epoch': epoch, 'train_loss': total/steps, 'top1': top1(model, vx, vy, torch.bfloat16),
               'seconds': time.time()-began}
        print(json.dumps(row), flush=True)
        with open(args.work/'log.jsonl', 'a') as log: log.write(json.dumps(row) + '\n')
        saved = {'model': model.state_dict(), 'optimizer': optimizer.state_dict(), 'epoch': epoch+1}
        torch.save(saved, f'{checkpoint}.part')
        os.replace(f'{checkpoint}.part', checkpoint)
    half = {k: v.half().contiguous() for k, v in model.state_dict().items() if not k.endswith('num_batches_tracked')}
    model.load_state_dict({k: v.float() for k, v in half.items()}, strict=False)
    recipe = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items() if k not in ('work', 'data')}
    log = [json.loads(line) for line in (args.work/'log.jsonl').read_text().splitlines()]
    about = {'arch': 'resnet10', 'classes': data['classes'], 'recipe': recipe, 'valid_images': len(vx),
             'top1': top1(model, vx, vy), 'torch': torch.__version__, 'python': platform.python_version(), 'log': log}
    save_file(half, args.work/'resnet10.safetensors')
    (args.work/'resnet10.json').write_text(json.dumps(about, indent=1, ensure_ascii=False))
    print(f"top-1 of the float16 weights on {len(vx)} images: {about['top1']:.4f}")


if __name__ == '__main__': main()
