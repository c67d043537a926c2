"""The engine in the page against PyTorch in float32, run by node: the same weights, the same batches.

Members of the kind: logits in evaluation mode and with the statistics of the batch; gradients and BatchNorm's buffers
with the body frozen, with its BatchNorm layers learning (`train_bn`), and with everything learning; sizes whose maps
are no multiples of the kernel's eight columns (32, 48, 64 pixels); 2, 3 and 10 classes; batches of 1, 5, 8 and 12.
The images are ones where no activation lies within rounding of zero: there the gradient jumps, in PyTorch, too.
"""
import pytest
import torch
from engine import Engine
from fastlearn.body import create_body, split_groups
from fastlearn.head import attach_head, freeze_to, train_mode
from fastlearn.optimizer import adam, parameter_groups, set_rates
from fastlearn.schedule import OneCycle
from torch.nn import functional as F

MEAN, STD = torch.tensor([.485, .456, .406]), torch.tensor([.229, .224, .225])
LANE = """
const state = new State(asked.classes).fill(read('weights'));
const { pixels, labels } = read('images');
const images = { size: asked.size, pixels: Uint8Array.from(pixels.data), labels: [...labels.data] };
const lane = new Lane(state, images, asked.batch);
const save = (name, tensors) => writeFileSync(new URL(name, folder), writeModel({}, tensors));
"""


def network(classes: int = 2, seed: int = 0) -> torch.nn.Sequential:
    "resnet10 and a head without dropout, BatchNorm away from where it starts"
    torch.manual_seed(seed)
    model = attach_head(create_body('resnet10'), classes, size=64, dropout=0.)
    for layer in model.modules():
        if not isinstance(layer, torch.nn.modules.batchnorm._BatchNorm): continue
        torch.nn.init.uniform_(layer.weight, .5, 1.5)
        torch.nn.init.normal_(layer.bias, std=.2)
    return model.float()


def images(n: int, size: int, classes: int, seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    "Bytes (n, 3, size, size) with some structure, and labels of all classes"
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 5, 5, generator=generator)*255
    noise = 20*torch.randn(n, 3, size, size, generator=generator)
    pixels = F.interpolate(coarse, (size, size), mode='bilinear') + noise
    return pixels.clamp(0, 255).byte(), torch.arange(n) % classes


def normalized(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels.float()/255 - MEAN[:, None, None])/STD[:, None, None]


def give(engine: Engine, model: torch.nn.Module, pixels: torch.Tensor, labels: torch.Tensor) -> dict:
    engine.give(weights=dict(model.state_dict()), images={'pixels': pixels.float(), 'labels': labels.long()})
    return {'classes': model[1][-1].out_features, 'size': pixels.shape[-1], 'batch': len(pixels)}


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float, name: str) -> None:
    "Relative to the largest number of the tensor"
    error = (found - expected).abs().max()/expected.abs().max().clamp(min=1e-12)
    assert error <= tolerance, f'{name}: off by {error:.2e} of its largest number'


@pytest.mark.parametrize(('size', 'classes', 'n'), [(64, 2, 8), (48, 3, 5), (32, 10, 12), (64, 2, 1)])
def test_logits(engine, size, classes, n):
    model, (pixels, labels) = network(classes).eval(), images(n, size, classes)
    with torch.no_grad(): expected = model(normalized(pixels))
    asked = give(engine, model, pixels, labels)
    found = torch.tensor(engine.run(LANE + 'answer = lane.logits(images.labels.map((_, i) => i));', asked))
    close(found, expected, 1e-4, 'logits')


MODES = {'head': ([False, False, True], False), 'norms': ([False, False, True], True), 'all': ([True]*3, False)}


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize(('size', 'classes', 'n'), [(64, 2, 8), (48, 3, 5)])
def test_gradients_and_statistics(engine, mode, size, classes, n):
    trains, train_bn = MODES[mode]
    model, (pixels, labels) = network(classes), images(n, size, classes)
    asked = give(engine, model, pixels, labels) | {'trains': trains, 'norms': [train_bn or t for t in trains]}
    groups = split_groups(model, 'resnet10')
    freeze_to(groups, 2 if mode != 'all' else 0)
    train_mode(groups, train_bn=train_bn)
    loss = F.cross_entropy(model(normalized(pixels)), labels)
    loss.backward()
    found = engine.run(LANE + """
        state.grads.fill(NaN);
        answer = lane.gradients(images.labels.map((_, i) => i), { trains: asked.trains, norms: asked.norms });
        const grads = state.parameters.map(({ name, shape, grad }) => [name, { shape, data: grad }]);
        save('grads', Object.fromEntries(grads));
        save('state', state.tensors());
    """, asked)
    grads, state = engine.tensors('grads'), engine.tensors('state')
    assert abs(found - loss.item()) < 1e-5
    for name, parameter in model.named_parameters():
        if parameter.grad is not None: close(grads[name], parameter.grad, 1e-4, name)
    learned = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert {name for name, grad in grads.items() if grad.isfinite().all()} == learned
    for name, buffer in model.named_buffers(): close(state[name].double(), buffer.double(), 1e-4, name)


@pytest.mark.parametrize('mode', MODES)
def test_weights_after_20_steps(engine, mode):
    "Each phase by itself, by the schedule, Adam and weight decay of the Python side"
    trains, train_bn = MODES[mode]
    model, (pixels, labels) = network(), images(8, 32, 2)
    asked = give(engine, model, pixels, labels) | {'trains': trains, 'norms': [train_bn or t for t in trains]}
    start = {name: value.clone() for name, value in model.state_dict().items()}
    groups = split_groups(model, 'resnet10')
    freeze_to(groups, 2 if mode != 'all' else 0)
    train_mode(groups, train_bn=train_bn)
    peaks, optimizer = (1e-4, 1e-3, 1e-2), adam(parameter_groups(groups))
    losses, schedule = [], OneCycle(peaks, pct_start=.3, div=5.)
    for step in range(20):
        set_rates(optimizer, *schedule(step/20))
        loss = F.cross_entropy(model(normalized(pixels)), labels)
        loss.backward()
        optimizer.step(); optimizer.zero_grad()
        losses.append(loss.item())
    found = engine.run(LANE + f"""
        const phase = {{ epochs: 20, trains: asked.trains, norms: asked.norms,
                        schedule: oneCycle({list(peaks)}, {{ turn: 0.3, div: 5 }}) }};
        const all = images.labels.map((_, i) => i);
        const run = new Run(new Team(lane), {{ train: all, valid: [] }},
                            {{ phases: [phase], batch: 8, dropout: 0, seed: 0, batches: Array(20).fill([all]) }});
        await run.fit();
        save('state', state.tensors());
        answer = run.losses;
    """, asked)
    state = engine.tensors('state')
    assert found == pytest.approx(losses, abs=1e-3)
    for name, expected in model.state_dict().items():
        moves = trains[2] if name.startswith('1.') else trains[0] or train_bn and ('bn' in name or 'cut.1' in name)
        if moves: close(state[name].double(), expected.double(), 1e-3, name)
        else: assert torch.equal(state[name], start[name]), f'{name} is frozen and moved'
