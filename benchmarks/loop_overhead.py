"""What does our loop cost over the bare one? `Learner.fit` without observers against four lines of PyTorch.

    python benchmarks/loop_overhead.py

Both train the same network on the same batches in memory, with the same optimizer, in the same autocast and under the
same memory policy: inside one call of `fit`, a step of the bare loop follows each step of ours, so that both see the
same machine. In addition, ours measures the gradient norm and refuses a step that is not finite, keeps a copy of
BatchNorm's averages for that case, seeds the dropout, and writes the history. Its time counts from the end of the bare
step to the moment at which an observer would be called.
"""
import copy
import statistics
import sys
import time

import torch
from common import arguments, judge, load, save, spread

BAR = {'cpu': 1.01, 'cuda': 1.03}          # times the bare step
CASES = ('squeezenet1_0', 128, 80), ('resnet18', 128, 50), ('resnet10', 64, 250)  # network, pixels, pairs of steps
SMALL = 'resnet10'                         # shown, not judged: in a step of few milliseconds the checks weigh more
QUICK = ('squeezenet1_0', 64, 20), ('resnet10', 64, 60)
WARM = 5                                   # first steps, which find memory and plans for the first time


def bare_loop(model, batches, loss_func, optimizer, device, precision):
    "The loop that anyone would write; a generator so that it can be done step by step"
    from fastlearn.core.device import autocast
    for images, targets in batches:
        with autocast(device, precision): logits = model(images)
        loss = loss_func(logits.float(), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        yield loss.item()


def pairs(arch: str, size: int, steps: int, device: str) -> list[tuple[float, float]]:
    "Seconds of our step and of the bare step after it, again and again"
    from fastlearn.data.dataloaders import DataLoaders
    from fastlearn.learner import vision_learner
    from fastlearn.observers import Observer
    from fastlearn.optimizer import parameter_groups
    torch.manual_seed(0)
    layout = {'memory_format': torch.channels_last}
    few = [(torch.randn(64, 3, size, size).to(device, **layout), torch.randint(2, (64,), device=device))
           for _ in range(8)]
    batches = (few*(steps//len(few) + 2))[:steps + WARM]
    learn = vision_learner(DataLoaders(batches, few[:1], vocab=['a', 'b'], device=device), arch, weights=None)
    learn.quiet = True
    learn.unfreeze()
    model = copy.deepcopy(learn.model).train()
    groups = parameter_groups(list(model), wd=learn.wd)
    for group in groups: group['lr'] = learn.lr
    others = batches[len(few)//2:] + batches[:len(few)//2]  # a batch that ours did not bring into the cache
    bare = bare_loop(model, others, learn.loss_func, learn.opt_func(groups), device, learn.precision)

    class Between(Observer):
        def __init__(self): self.found, self.began = [], time.perf_counter()
        def after_step(self, history, step):
            ours = time.perf_counter()
            next(bare)
            now = time.perf_counter()
            self.found.append((ours - self.began, now - ours))
            self.began = time.perf_counter()
    learn.observers = [between := Between()]
    learn.fit(1)
    assert len(between.found) == len(batches)
    return between.found[WARM:]


def main() -> int:
    args = arguments(__doc__)
    rows, targets = [], []
    for arch, size, steps in QUICK if args.quick else CASES:
        ours, bare = zip(*pairs(arch, size, steps, args.device))
        ratios = [a/b for a, b in zip(ours, bare)]
        quarters = statistics.quantiles(ratios)
        rows.append({'arch': arch, 'size': size, 'steps': steps, 'batch_size': 64, 'ours': spread(ours), 'load': load(),
                     'bare': spread(bare), 'ratio': statistics.median(ratios), 'quartiles': [quarters[0], quarters[2]],
                     'threads': torch.get_num_threads()})
        print(f"{arch} at {size} px: ours {1000*rows[-1]['ours']['median']:.2f} ms, bare "
              f"{1000*rows[-1]['bare']['median']:.2f} ms per step", flush=True)
        if arch == SMALL: continue
        targets.append(judge(f'our loop, {arch} at {size} px: time of a step, of the bare one', rows[-1]['ratio'],
                             BAR.get(args.device, BAR['cpu'])))
    print(save('loop_overhead', args, {'targets': targets, 'rows': rows}))
    return 0


if __name__ == '__main__': sys.exit(main())
