"""resnet10 with an eighth of its channels: what every network goes through is tested with it in a tenth of the time.

It has the parts of resnet10 under the same names, so body, groups and head are made as usual, and weights of its own.
"""
from pathlib import Path

import torch
from fastlearn.architectures import Architecture
from fastlearn.models import BasicBlock
from safetensors.torch import save_file
from torch import nn


class Narrow(nn.Module):
    def __init__(self, num_classes: int = 5):
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2, self.layer3 = BasicBlock(8, 8), BasicBlock(8, 16, 2), BasicBlock(16, 32, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(32, num_classes)

    def forward(self, images):
        x = self.layer3(self.layer2(self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))))))
        return self.fc(self.avgpool(x).flatten(1))


def narrow(weights=None, num_classes: int = 5) -> Narrow: return Narrow(num_classes)


def narrow_resnet10(folder: Path) -> Architecture:
    "Its record; the weights are drawn once and written to `folder`, so all learners begin with the same ones"
    file = folder/'narrow.safetensors'
    if not file.exists():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            save_file(Narrow().state_dict(), file)
    return Architecture('resnet10', narrow, 'resnet10', str(file))
