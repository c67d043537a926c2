"""Fine-tuning in plain PyTorch, as torchvision's references/classification/train.py does it: `DataLoader` with worker
processes, torchvision's transforms, float32, a loss read after every step. Two passes as in `fine_tune`: the new last
layer alone, then everything. Neither fastlearn nor fastai is imported.
"""
import os

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from side import import_torchvision

torchvision = import_torchvision()
from torchvision import transforms  # noqa: E402, once it is sure to load

MEAN, STD = (.485, .456, .406), (.229, .224, .225)
WORKERS = min(16, os.cpu_count())         # 16 are the reference's; more than processors only slow each other


class Photos(Dataset):
    def __init__(self, files: list[str], size: int):
        self.files, names = files, [os.path.basename(os.path.dirname(file)) for file in files]
        self.classes = sorted(set(names))
        self.targets = [self.classes.index(name) for name in names]
        self.transform = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size),
                                             transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

    def __len__(self): return len(self.files)

    def __getitem__(self, i):
        with Image.open(self.files[i]) as image: return self.transform(image.convert('RGB')), self.targets[i]


def loader(files: list[str], size: int, batch_size: int, train: bool, device: str = 'cpu') -> DataLoader:
    return DataLoader(Photos(files, size), batch_size, shuffle=train, drop_last=train, num_workers=WORKERS,
                      pin_memory=device == 'cuda')


def new_last_layer(model: nn.Module, classes: int) -> nn.Module:
    "Replace the layer that names ImageNet's classes"
    if hasattr(model, 'fc'):
        model.fc = nn.Linear(model.fc.in_features, classes)
        return model.fc
    model.classifier[1] = nn.Conv2d(model.classifier[1].in_channels, classes, 1)  # squeezenet's
    return model.classifier[1]


def train_one_epoch(model, criterion, optimizer, schedule, batches, device) -> None:
    model.train()
    for image, target in batches:
        image, target = image.to(device), target.to(device)
        loss = criterion(model(image), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        loss.item()                       # the reference's log


def evaluate(model, criterion, batches, device) -> tuple[float, float]:
    "Mean loss and error"
    model.eval()
    loss, wrong, n = 0., 0, 0
    with torch.inference_mode():
        for image, target in batches:
            image, target = image.to(device), target.to(device)
            output = model(image)
            loss += criterion(output, target).item()*len(target)
            wrong += (output.argmax(1) != target).sum().item()
            n += len(target)
    return loss/n, wrong/n


def fine_tune(job: dict) -> dict:
    torch.manual_seed(job['seed'])
    device = torch.device(job['device'])
    train, valid = (loader(job[part], job['size'], job['batch_size'], part == 'train', job['device'])
                    for part in ('train', 'valid'))
    model = getattr(torchvision.models, job['arch'])(weights=None)
    model.load_state_dict(torch.load(job['weights'], weights_only=True))
    head = new_last_layer(model, len(train.dataset.classes))
    model, criterion = model.to(device), nn.CrossEntropyLoss()
    of_head = {id(p) for p in head.parameters()}
    body = [p for p in model.parameters() if id(p) not in of_head]
    for trains_body, epochs, peaks in (False, 1, [2e-3]), (True, job['epochs'], [1e-3, 1e-4]):
        for p in body: p.requires_grad_(trains_body)
        groups = [{'params': list(head.parameters())}] + [{'params': body}]*trains_body
        optimizer = torch.optim.AdamW(groups, lr=peaks[0], weight_decay=.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=epochs*len(train))
        for _ in range(epochs):
            train_one_epoch(model, criterion, optimizer, schedule, train, device)
            valid_loss, error = evaluate(model, criterion, valid, device)
    return {'error': error, 'valid_loss': valid_loss}
