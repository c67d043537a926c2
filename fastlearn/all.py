"The names for a notebook or the REPL: `from fastlearn.all import *`; a program imports what it needs from its module"
import itertools
import json
import math
import os
import random
import re
import shutil
import string
import sys
import time
from collections import Counter, defaultdict
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from fastcore.basics import AttrDict, fastuple, first, ifnone, listify, store_attr, using_attr
from fastcore.imports import noop
from fastcore.meta import delegates
from matplotlib.pyplot import subplots
from numpy import array
from torch import nn, Tensor
from torch.nn import Flatten
from torch.optim import SGD
from torch.utils.data import DataLoader

from fastlearn.architectures import TorchvisionNetwork
from fastlearn.body import create_body, model_meta
from fastlearn.classification_metrics import (
    accuracy_multi, BalancedAccuracy, CohenKappa, F1Score, F1ScoreMulti, MatthewsCorrCoef, Precision, PrecisionMulti,
    Recall, RecallMulti, RocAuc, top_k_accuracy,
)
from fastlearn.core.device import default_device, keeping_memory, set_seed
from fastlearn.core.distributed import rank, world_size
from fastlearn.core.launch import launch
from fastlearn.core.ordinary_names import LazyModule, to_cpu, to_np
from fastlearn.core.paths import L, Path
from fastlearn.core.signposts import import_signpost, ways
from fastlearn.core.tensor_files import UnreadableFile
from fastlearn.course.exercises import ask, check
from fastlearn.course.experiments import learning_curve, renormalize_filters, renormalizing_train_step, try_unfreezing
from fastlearn.course.explorers import (
    architecture_explorer, gradient_descent_explorer, loss_and_accuracy_explorer, overfitting_explorer,
    timeline_explorer,
)
from fastlearn.course.glossary import explain
from fastlearn.dashboard.compare import compare
from fastlearn.dashboard.dashboard import Dashboard
from fastlearn.dashboard.filters import show_filters
from fastlearn.data import pillow as Image
from fastlearn.data.augment import aug_transforms
from fastlearn.data.blocks import (
    CategoryBlock, DataBlock, ImageBlock, MultiCategoryBlock, PointBlock, RegressionBlock,
)
from fastlearn.data.checks import DataCheck
from fastlearn.data.crops import PadMode, ResizeMethod
from fastlearn.data.dataloaders import DataLoaders, ImageDataLoaders
from fastlearn.data.dataset import get_image_files, random_split
from fastlearn.data.datasets import untar_data, URLs
from fastlearn.data.gray import PILImageBW
from fastlearn.data.image_files import resize_images, verify_images
from fastlearn.data.images import imagenet_stats, Normalize, open_image, PILImage, Resize
from fastlearn.data.labels import LabelSpec, parent_label, RegexLabeller
from fastlearn.data.random_crop import RandomResizedCrop
from fastlearn.data.show_image import image2tensor, show_image, tensor
from fastlearn.data.splits import split_by_folder
from fastlearn.data.splitters import (
    ColReader, ColSplitter, FuncSplitter, GrandparentSplitter, IndexSplitter, RandomSplitter, TrainTestSplitter,
)
from fastlearn.early_stopping import EarlyStop, SaveBest
from fastlearn.head import ConcatPool, create_head
from fastlearn.history import History
from fastlearn.history_records import Step
from fastlearn.inference.predict_widget import PredictWidget
from fastlearn.interpret.classification import ClassificationInterpretation, show_results
from fastlearn.interpret.cleaner import apply_changes, correct_labels, ImageClassifierCleaner
from fastlearn.interpret.correspondence import correspondence
from fastlearn.interpret.deconvnet import project
from fastlearn.interpret.evolution import load_snapshots, show_evolution
from fastlearn.interpret.explorer import explore
from fastlearn.interpret.invariance import show_invariance
from fastlearn.interpret.layers import activations, list_layers
from fastlearn.interpret.linear_probes import show_probes
from fastlearn.interpret.occlusion import show_occlusion
from fastlearn.interpret.show_layer import show_layer, view_layer
from fastlearn.interpret.top_activations import top_activations
from fastlearn.layers import ConvLayer, Module, NormType, sequential, xresnet18, xresnet34, xresnet50
from fastlearn.learner import Learner, load_learner, vision_learner
from fastlearn.losses import (
    BinaryCrossEntropy, class_weights, cross_entropy, CrossEntropy, LabelSmoothingCrossEntropy, MeanSquaredError,
)
from fastlearn.lr_finder import minimum, slide, steep, valley
from fastlearn.metrics import accuracy, error_rate, mae, mse, r2_score, rmse
from fastlearn.mixup import MixUp
from fastlearn.models import count_parameters, create_model, list_architectures, resnet10, resnet10_classes
from fastlearn.observers import Stop
from fastlearn.optimizer import adam, parameter_groups, sgd
from fastlearn.schedule import Flat, OneCycle
from fastlearn.training import evaluate, train, train_step
from fastlearn.weight_files import load_weights

if TYPE_CHECKING:  # for editors; while the program runs, the last lines of this file make these names
    import ipywidgets as widgets
    import pandas as pd
    from torchvision.models import (
        alexnet, convnext_base, convnext_large, convnext_small, convnext_tiny, densenet121, densenet161, densenet169,
        densenet201, efficientnet_b0, efficientnet_b1, efficientnet_b2, efficientnet_b3, efficientnet_b4,
        efficientnet_b5, efficientnet_b6, efficientnet_b7, efficientnet_v2_l, efficientnet_v2_m, efficientnet_v2_s,
        googlenet, inception_v3, maxvit_t, mnasnet0_5, mnasnet0_75, mnasnet1_0, mnasnet1_3, mobilenet_v2,
        mobilenet_v3_large, mobilenet_v3_small, regnet_x_16gf, regnet_x_1_6gf, regnet_x_32gf, regnet_x_3_2gf,
        regnet_x_400mf, regnet_x_800mf, regnet_x_8gf, regnet_y_128gf, regnet_y_16gf, regnet_y_1_6gf, regnet_y_32gf,
        regnet_y_3_2gf, regnet_y_400mf, regnet_y_800mf, regnet_y_8gf, resnet101, resnet152, resnet18, resnet34,
        resnet50, resnext101_32x8d, resnext101_64x4d, resnext50_32x4d, shufflenet_v2_x0_5, shufflenet_v2_x1_0,
        shufflenet_v2_x1_5, shufflenet_v2_x2_0, squeezenet1_0, squeezenet1_1, swin_b, swin_s, swin_t, swin_v2_b,
        swin_v2_s, swin_v2_t, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn, vit_b_16, vit_b_32,
        vit_h_14, vit_l_16, vit_l_32, wide_resnet101_2, wide_resnet50_2,
    )

__all__ = [
    'array', 'F', 'Image', 'L', 'matplotlib', 'nn', 'np', 'partial', 'Path', 'pd', 'plt', 'subplots',
    'tensor', 'Tensor', 'torch', 'widgets',
    'Counter', 'defaultdict', 'itertools', 'json', 'math', 'os', 'random', 're', 'shutil', 'SimpleNamespace', 'string',
    'sys', 'time',
    'AttrDict', 'delegates', 'fastuple', 'first', 'ifnone', 'listify', 'noop', 'store_attr', 'to_cpu', 'to_np',
    'using_attr',
    'default_device', 'keeping_memory', 'set_seed', 'launch', 'rank', 'world_size',
    'untar_data', 'URLs',
    'image2tensor', 'imagenet_stats', 'Normalize', 'open_image', 'PadMode', 'PILImage', 'PILImageBW',
    'RandomResizedCrop', 'Resize', 'ResizeMethod', 'resize_images', 'show_image', 'verify_images',
    'aug_transforms',
    'parent_label', 'RegexLabeller', 'LabelSpec',
    'get_image_files', 'random_split', 'split_by_folder',
    'DataLoader',
    'DataLoaders', 'ImageDataLoaders',
    'CategoryBlock', 'DataBlock', 'ImageBlock', 'MultiCategoryBlock', 'PointBlock', 'RegressionBlock',
    'ColReader', 'ColSplitter', 'FuncSplitter', 'GrandparentSplitter', 'IndexSplitter', 'RandomSplitter',
    'TrainTestSplitter',
    'count_parameters', 'create_model', 'list_architectures', 'load_weights', 'resnet10', 'resnet10_classes',
    'BinaryCrossEntropy', 'class_weights', 'cross_entropy', 'CrossEntropy', 'MeanSquaredError',
    'BCEWithLogitsLossFlat', 'CrossEntropyLossFlat', 'LabelSmoothingCrossEntropy', 'LabelSmoothingCrossEntropyFlat',
    'MixUp', 'MSELossFlat',
    'accuracy', 'accuracy_multi', 'BalancedAccuracy', 'CohenKappa', 'error_rate', 'F1Score', 'F1ScoreMulti', 'mae',
    'MatthewsCorrCoef', 'mse', 'Precision', 'PrecisionMulti', 'r2_score', 'Recall', 'RecallMulti', 'rmse', 'RocAuc',
    'top_k_accuracy',
    'adam', 'parameter_groups', 'sgd', 'SGD',
    'Flat', 'OneCycle',
    'evaluate', 'Step', 'Stop', 'train', 'train_step',
    'History',
    'EarlyStop', 'SaveBest',
    'ConcatPool', 'ConvLayer', 'create_body', 'create_head', 'Flatten', 'model_meta', 'Module', 'NormType',
    'sequential', 'xresnet18', 'xresnet34', 'xresnet50',
    'minimum', 'slide', 'steep', 'valley',
    'cnn_learner', 'Learner', 'vision_learner', 'learning_curve', 'try_unfreezing',
    'architecture_explorer', 'loss_and_accuracy_explorer', 'gradient_descent_explorer', 'overfitting_explorer',
    'timeline_explorer',
    'show_filters',
    'Dashboard', 'compare',
    'activations', 'list_layers', 'top_activations', 'project', 'show_layer', 'view_layer',
    'load_snapshots', 'show_evolution', 'explore',
    'show_occlusion', 'show_invariance', 'correspondence', 'show_probes',
    'renormalize_filters', 'renormalizing_train_step',
    'ClassificationInterpretation', 'show_results', 'apply_changes', 'correct_labels', 'ImageClassifierCleaner',
    'DataCheck',
    'load_learner', 'PredictWidget', 'UnreadableFile',
    'ask', 'check', 'explain',
    'alexnet', 'convnext_base', 'convnext_large', 'convnext_small', 'convnext_tiny', 'densenet121', 'densenet161',
    'densenet169', 'densenet201', 'efficientnet_b0', 'efficientnet_b1', 'efficientnet_b2', 'efficientnet_b3',
    'efficientnet_b4', 'efficientnet_b5', 'efficientnet_b6', 'efficientnet_b7', 'efficientnet_v2_l',
    'efficientnet_v2_m', 'efficientnet_v2_s', 'googlenet', 'inception_v3', 'maxvit_t', 'mnasnet0_5', 'mnasnet0_75',
    'mnasnet1_0', 'mnasnet1_3', 'mobilenet_v2', 'mobilenet_v3_large', 'mobilenet_v3_small', 'regnet_x_16gf',
    'regnet_x_1_6gf', 'regnet_x_32gf', 'regnet_x_3_2gf', 'regnet_x_400mf', 'regnet_x_800mf', 'regnet_x_8gf',
    'regnet_y_128gf', 'regnet_y_16gf', 'regnet_y_1_6gf', 'regnet_y_32gf', 'regnet_y_3_2gf', 'regnet_y_400mf',
    'regnet_y_800mf', 'regnet_y_8gf', 'resnet101', 'resnet152', 'resnet18', 'resnet34', 'resnet50', 'resnext101_32x8d',
    'resnext101_64x4d', 'resnext50_32x4d', 'shufflenet_v2_x0_5', 'shufflenet_v2_x1_0', 'shufflenet_v2_x1_5',
    'shufflenet_v2_x2_0', 'squeezenet1_0', 'squeezenet1_1', 'swin_b', 'swin_s', 'swin_t', 'swin_v2_b', 'swin_v2_s',
    'swin_v2_t', 'vgg11', 'vgg11_bn', 'vgg13', 'vgg13_bn', 'vgg16', 'vgg16_bn', 'vgg19', 'vgg19_bn', 'vit_b_16',
    'vit_b_32', 'vit_h_14', 'vit_l_16', 'vit_l_32', 'wide_resnet101_2', 'wide_resnet50_2',
]

cnn_learner = vision_learner  # these five are fastai's names for what has another one here
BCEWithLogitsLossFlat, CrossEntropyLossFlat, MSELossFlat = BinaryCrossEntropy, CrossEntropy, MeanSquaredError
LabelSmoothingCrossEntropyFlat = LabelSmoothingCrossEntropy

if not TYPE_CHECKING:
    pd, widgets = LazyModule('pandas'), LazyModule('ipywidgets')  # loaded when one of their names is used
    for network in __all__:  # loading torchvision takes a second; what is missing here is torchvision's
        if network not in globals(): globals()[network] = TorchvisionNetwork(network)
    del network

    def __getattr__(name: str):
        "A name of fastai that is not here: the way here for an import by name, a signpost for the star import"
        if name in ways('names') or name in ways('elsewhere'): return import_signpost(name, sys._getframe(1))
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    __all__ += [name for name in ways('names') if name not in __all__]
