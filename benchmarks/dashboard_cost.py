"""What observers cost: seconds spent in the dashboard, and in what other libraries do.

    python benchmarks/dashboard_cost.py

All runs are `fine_tune(2)` of resnet10 on MINI_PETS (64 px, batches of 64) in a real IPython kernel, whose messages
are read as a front end would. Four variants alternate in one kernel: no observer; the dashboard; table and bar; a
matplotlib figure that is redrawn after every batch. fastai's ShowGraphCallback runs in a kernel of its own
environment, on the same images, with a resnet18 and `fine_tune(1)`; the milliseconds per batch inside the callback
count.
"""
import json
import statistics
import sys
import threading

import peers
from common import HERE, arguments, in_turn, judge, load, save, spread
from jupyter_client.manager import KernelManager

WAYS = 'nobody', 'dashboard', 'table', 'redraw'
BAR_PERCENT = 1.                           # of the epochs' time that the dashboard may take
BAR_MS = .3                                # of processor time per batch
OURS = '''
import json, time, torch
from fastlearn.all import *
from fastlearn.dashboard.dashboard import _LiveDashboard
from fastlearn.dashboard.recorder import Recorder
from fastlearn.learner import Learner
from fastlearn.observers import Observer
from fastlearn.progress import NotebookProgress
path = untar_data(URLs.MINI_PETS, progress=False)
dls = ImageDataLoaders.from_name_func(path, get_image_files(path), valid_pct=.2, seed=42,
                                      label_func=lambda name: name[0].isupper(), item_tfms=Resize(64))

class Redraw(Observer):
    def __init__(self):
        from IPython.display import display
        self.handle = None; self.display = display
    def after_step(self, history, step):
        fig, axis = plt.subplots(figsize=(6, 3)); axis.plot(history.losses)
        if self.handle: self.handle.update(fig)
        else: self.handle = self.display(fig, display_id=True)
        plt.close(fig)

class Timed(Observer):
    "Hands on what it is told, and notes how long that took"
    def __init__(self, observer, spent): self.observer, self.spent = observer, spent
def timed(name):
    def method(self, *args):
        began, processor = time.perf_counter(), time.thread_time()
        getattr(self.observer, name)(*args)
        self.spent.append((name, time.perf_counter() - began, time.thread_time() - processor))
    return method
for name in ('begin', 'after_step', 'after_epoch', 'end'): setattr(Timed, name, timed(name))

WAYS = {'nobody': [], 'dashboard': [Recorder, _LiveDashboard],
        'table': [lambda learn: NotebookProgress(['error_rate'])], 'redraw': [lambda learn: Redraw()]}
def one(way):
    learn, spent = vision_learner(dls, resnet10, metrics=error_rate), []
    learn.default_observers = lambda: [Timed(make(learn), spent) for make in WAYS[way]]
    began = time.perf_counter()
    learn.fine_tune(2)
    whole = time.perf_counter() - began
    events = 'begin', 'after_step', 'after_epoch', 'end'
    return {'way': way, 'whole': whole, 'threads': torch.get_num_threads(), 'steps': len(learn.history.losses),
            'spent': {event: sum(wall for e, wall, _ in spent if e == event) for event in events},
            'processor': {event: sum(used for e, _, used in spent if e == event) for event in events},
            'epochs': sum(row.seconds for row in learn.history.epochs)}
one('nobody')  # decodes the images
print('READY')
'''
FASTAI = '''
import json, sys, time
sys.path.insert(0, HERE)
from side import import_torchvision
import_torchvision()
from fastai.vision.all import *
default_device(DEVICE != 'cpu')
from fastai.callback.progress import ShowGraphCallback
def is_cat(name): return name[0].isupper()
dls = ImageDataLoaders.from_name_func(FOLDER, get_image_files(FOLDER), valid_pct=.2, seed=42, label_func=is_cat,
                                      item_tfms=Resize(64), num_workers=0)
spent = []
for name in ('before_fit', 'after_train', 'after_validate', 'after_fit', 'after_batch', 'after_epoch', 'before_epoch'):
    if not hasattr(ShowGraphCallback, name): continue
    def timed(self, plain=getattr(ShowGraphCallback, name)):
        began, processor = time.perf_counter(), time.thread_time()
        plain(self)
        spent.append((time.perf_counter() - began, time.thread_time() - processor))
    setattr(ShowGraphCallback, name, timed)
def one(way):
    spent.clear()
    learn = vision_learner(dls, resnet18, metrics=error_rate, pretrained=False, cbs=ShowGraphCallback())
    began = time.perf_counter()
    learn.fine_tune(1)
    wall, processor = (sum(column) for column in zip(*spent))
    return {'way': way, 'whole': time.perf_counter() - began, 'steps': 2*len(dls.train), 'spent': {'all': wall},
            'processor': {'all': processor}}
print('READY')
'''


class Kernel:
    "An IPython kernel of some environment, its messages read all the time"
    def __init__(self, python: str, prelude: str):
        self.manager = KernelManager()
        self.manager._launch_args = {}
        command = [python, '-m', 'ipykernel_launcher', '-f', '{connection_file}']
        self.manager.kernel_spec.argv = command
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.printed, self.idle, self.messages = [], threading.Event(), 0
        threading.Thread(target=self.listen, daemon=True).start()
        if 'READY' not in (said := self.run(prelude)): raise RuntimeError(said[-3000:])

    def listen(self) -> None:
        while True:
            try: message = self.client.get_iopub_msg(timeout=1)
            except Exception: continue
            self.messages += 1
            if message['msg_type'] == 'stream': self.printed.append(message['content']['text'])
            if message['msg_type'] == 'error': self.printed.append('\n'.join(message['content']['traceback']))
            if message['msg_type'] == 'status' and message['content']['execution_state'] == 'idle': self.idle.set()

    def run(self, code: str) -> str:
        "What `code` printed"
        self.printed.clear()
        self.idle.clear()
        self.client.execute(code, store_history=False)
        if not self.idle.wait(600): raise RuntimeError('the kernel did not answer within 10 minutes')
        return ''.join(self.printed)

    def one(self, way: str) -> dict:
        said = self.run(f'print("RESULT:" + json.dumps(one({way!r})))')
        if 'RESULT:{' not in said: raise RuntimeError(said[-3000:])
        return json.loads(said.split('RESULT:')[1].splitlines()[0]) | {'load': load()}

    def close(self) -> None: self.manager.shutdown_kernel(now=True)


def summary(rows: list[dict]) -> dict:
    "Medians for one way: milliseconds per batch inside observers (during epochs, and all), share of the epochs' time"
    def during(r, clock): return sum(r[clock].get(event, 0) for event in ('after_step', 'after_epoch', 'all'))
    def each(numbers): return statistics.median(1000*seconds/r['steps'] for seconds, r in zip(numbers, rows))
    return {'ms_per_batch': each(during(r, 'spent') for r in rows),
            'processor_ms_per_batch': each(during(r, 'processor') for r in rows),
            'processor_ms_per_batch_with_begin_and_end': each(sum(r['processor'].values()) for r in rows),
            'percent_of_epochs': statistics.median(100*during(r, 'spent')/r['epochs'] for r in rows)
            if 'epochs' in rows[0] else None, 'whole': statistics.median(r['whole'] for r in rows)}


def main() -> int:
    args = arguments(__doc__, repeats=(5, 1))
    fastai, ours, rows = peers.find('fastai', args), Kernel(sys.executable, OURS), []
    for i in range(args.repeats): rows += [ours.one(way) for way in in_turn(WAYS, i)]
    folder = ours.run('print(path/"images")').strip()
    ours.close()
    if fastai:
        prelude = FASTAI.replace('DEVICE', repr(args.device)).replace('FOLDER', f'Path({folder!r})')
        peer = Kernel(str(fastai), prelude.replace('HERE', repr(str(HERE))))
        rows += [peer.one('fastai') for _ in range(args.repeats)]
        peer.close()
    found = {way: summary([row for row in rows if row['way'] == way]) for way in dict.fromkeys(r['way'] for r in rows)}
    whole = {way: [row['whole'] for row in rows if row['way'] == way] for way in ('dashboard', 'nobody')}
    for way, s in found.items():
        share = '' if s['percent_of_epochs'] is None else f"  {s['percent_of_epochs']:5.2f}% of the epochs"
        print(f"{way:10} {s['ms_per_batch']:7.3f} ms per batch, CPU {s['processor_ms_per_batch']:.3f} "
              f"({s['processor_ms_per_batch_with_begin_and_end']:.3f} with begin and end){share}  "
              f"whole {s['whole']:.2f} s")
    ratio = spread([a/b for a, b in zip(whole['dashboard'], whole['nobody'])])
    targets = [judge("dashboard: of the epochs' time", found['dashboard']['percent_of_epochs'], BAR_PERCENT, '%'),
               judge('dashboard: processor time per batch', found['dashboard']['processor_ms_per_batch'], BAR_MS, 'ms')]
    print(save('dashboard_cost', args, {'summary': found, 'dashboard_over_nobody': ratio, 'targets': targets,
                                        'rows': rows}))
    return 0


if __name__ == '__main__': sys.exit(main())
