"""How fast does the page learn, and as well as the library? The engine in Chromium and in node beside PyTorch.

    python benchmarks/in_browser.py speed      # GFLOP/s of the kernel, a training step, the six lines, in Chromium
    python benchmarks/in_browser.py quality    # error on held-out drawings and photos, 5 seeds, beside the library

Both print their figures as JSON, a line each. Times are the shortest of several, since machines are shared.
"""
import argparse
import functools
import http.server
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ |= {'FASTLEARN_DASHBOARD': 'off', 'FASTLEARN_DEVICE': 'cpu'}
sys.path[:0] = [str(ROOT), str(ROOT/'tools')]

MEASURE = """
const best = (call, times) => Math.min(...Array.from({ length: times }, () => {
  const began = performance.now();
  call();
  return performance.now() - began;
}));
const [count, images] = [16, { size: 64, pixels: new Uint8Array(16 * 3 * 64 * 64).map((_, i) => i * 7 % 256),
                               labels: Array.from({ length: 16 }, (_, i) => i % 2),
                               places: Array.from({ length: 16 }, (_, i) => [3 * 64 * 64 * i, 64, 64]) }];
const state = new State(2).randomize(randomFrom(1));
const lane = new Lane(state, images, count);
const { blocks, conv1 } = lane.network;
const all = images.labels.map((_, i) => i);
const layers = { conv1, layer1: blocks[0].conv1, layer2: blocks[1].conv2, layer3: blocks[2].conv2 };
const speed = Object.fromEntries(Object.entries(layers).map(([name, layer]) => {
  const flops = 2 * layer.fan * layer.outputs * layer.area * count;
  return [name, flops / best(() => layer.forward(count), 7) / 1e6];
}));
const mode = { trains: [true, true, true], norms: [true, true, true] };
const found = { gflops: speed, forward: best(() => lane.logits(all), 7) / count,
                step: best(() => lane.gradients(all, mode), 7) / count };
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass


def torch_times() -> dict:
    "Milliseconds per image of forward and of a training step, PyTorch in float32 on one thread"
    import torch
    from fastlearn.body import create_body
    from fastlearn.head import attach_head
    torch.set_num_threads(1)
    model = attach_head(create_body('resnet10'), 2, size=64).to(memory_format=torch.channels_last)
    images = torch.randn(16, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    def best(call):
        times = []
        for _ in range(12):
            began = time.perf_counter(); call(); times.append(time.perf_counter() - began)
        return min(times)*1000/16
    def forward():
        with torch.no_grad(): model.eval()(images)
    def step():
        torch.nn.functional.cross_entropy(model.train()(images), torch.arange(16) % 2).backward()
        model.zero_grad()
    return {'forward': best(forward), 'step': best(step)}


def six_lines(count: int):
    "Data loaders of MINI_PETS: about `count` images to train on"
    from fastlearn.all import get_image_files, ImageDataLoaders, Resize, untar_data, URLs
    path = untar_data(URLs.MINI_PETS, progress=False)
    files = get_image_files(path)
    return ImageDataLoaders.from_name_func(path, files[::max(1, 1200//count)], valid_pct=.2, seed=42, device='cpu',
                                           item_tfms=Resize(64), label_func=lambda name: name[0].isupper())


def speed(images: list[int]) -> None:
    from browser import find_browser
    from fastlearn.core.interactive import bundle
    from fastlearn.course.in_browser import engine_scripts, images_script
    from playwright.sync_api import sync_playwright
    print(json.dumps({'torch': torch_times(), 'load': os.getloadavg()[0]}), flush=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        for part, script in engine_scripts().items(): (folder/f'{part}.js').write_text(script, encoding='utf-8')
        measure = f'{bundle("engine/worker.js", exports=False)}\n{MEASURE}\npostMessage(found);'
        (folder/'measure.js').write_text(measure, encoding='utf-8')
        (folder/'index.html').write_text('<!doctype html><meta charset="utf-8"><div></div>'  # as on the site
                                         '<script src="page.js"></script>', encoding='utf-8')
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=find_browser(), args=['--no-sandbox', '--disable-gpu'])
        page = browser.new_page()
        page.set_default_timeout(600_000)
        address = f'http://127.0.0.1:{server.server_port}/index.html'
        page.goto(address)
        wait = """new Promise((done, failed) => Object.assign(new Worker('measure.js'), {
            onmessage: ({ data }) => done(data), onerror: ({ message }) => failed(new Error(message)) }))"""
        kernel = page.evaluate(wait)
        print(json.dumps({'chromium': kernel, 'load': os.getloadavg()[0]}), flush=True)
        for count in images:
            (folder/'pets.js').write_text(images_script(six_lines(count)), encoding='utf-8')
            page.goto(address)
            print(json.dumps(run_in_page(page) | {'images': count, 'load': os.getloadavg()[0]}), flush=True)
        browser.close()
        server.shutdown()


def run_in_page(page) -> dict:
    "Seconds until the first point and the end; milliseconds of the longest block of the main thread and of a step"
    return page.evaluate("""async () => {
        let longest = 0;
        const note = list => list.getEntries().forEach(one => { longest = Math.max(longest, one.duration); });
        new PerformanceObserver(note).observe({ type: 'longtask' });
        const place = document.querySelector('div');
        const began = performance.now();
        const seconds = () => (performance.now() - began) / 1000;
        window.fastlearnParts.mountSixLines(place, { isPressed: true });
        const texts = () => [...document.querySelectorAll('.fl-run, div')].map(host => {
          const found = host.shadowRoot?.querySelectorAll('[role=status], .fl-position') ?? [];
          return [...found].map(one => one.textContent).join(' ');
        }).join(' ');
        let first = null;
        const steps = [];  // [step, of how many, seconds], when the dashboard showed it
        for (;;) {
          await new Promise(resolve => setTimeout(resolve, 50));
          const said = texts();
          const [, step, total] = (/step ([1-9]\\d*) of (\\d+)/.exec(said) ?? [0, 0, 0]).map(Number);
          if (step && step !== steps.at(-1)?.[0]) steps.push([step, total, seconds()]);
          if (!first && step) first = seconds();
          if (/Done. Drag the slider/.test(said)) break;
        }
        const all = steps.filter(([step, total]) => step > total / 2);  // of the whole network
        const perImage = 1000 * (all.at(-1)[2] - all[0][2]) / (all.at(-1)[0] - all[0][0]) / 64;
        return { first, seconds: seconds(), longest, step: perImage, cores: navigator.hardwareConcurrency };
    }""")


# --- quality ---

QUALITY = """
import { readFileSync, writeFileSync } from 'node:fs';
const { tensors } = readTensors(new Uint8Array(readFileSync('images')));
const asked = JSON.parse(readFileSync('asked.json', 'utf8'));
const labels = [...tensors.labels.data];
const images = { size: asked.size, pixels: Uint8Array.from(tensors.pixels.data), labels, places: asked.places };
const heard = [];
await serve(message => heard.push(message))({
  kind: 'train', id: 1, images, indices: asked.indices, ports: [], facts: { title: '', vocab: asked.vocab, shown: [] },
  setup: { classes: asked.vocab.length, weights: readFileSync('weights').toString('base64'), seed: asked.seed },
  options: { epochs: 1, rate: 2e-3, batch: asked.batch, isScratch: false, isFrozenFirst: true, trainBn: false },
});
const { answers, status } = heard.at(-1);
const wrong = asked.indices.valid.filter((index, i) => answers[i] !== labels[index]).length;
writeFileSync('answer', JSON.stringify({ status, error: wrong / answers.length }));
"""


def loaders_of(data: str, seed: int, photos: Path):
    "Loaders of 600 drawings, or of 120 photos of each class; half of the images are held out"
    import numpy as np
    from fastlearn.all import get_image_files, ImageDataLoaders, Resize, untar_data, URLs
    order = np.random.default_rng(seed).permutation
    if data == 'drawn':
        path = untar_data(URLs.MINI_PETS, progress=False)
        every = get_image_files(path)
        files = [every[i] for i in order(len(every))[:600]]
        return ImageDataLoaders.from_name_func(path, files, valid_pct=.5, seed=seed, item_tfms=Resize(64), device='cpu',
                                               label_func=lambda name: name[0].isupper())
    files = [sorted((photos/kind).iterdir())[i] for kind in ('cat', 'dog') for i in order(500)[:120]]
    return ImageDataLoaders.from_path_func(photos, files, lambda path: path.parent.name, valid_pct=.5, seed=seed,
                                           item_tfms=Resize(64), bs=BATCHES[data], device='cpu')


BATCHES = {'drawn': 64, 'photos': 30}      # as the page chooses them


def error_in_page(dls, seed: int, batch: int) -> float:
    "Share of the held-out images that the engine gets wrong: what a worker of the page answers, in node"
    import numpy as np
    import torch
    from engine import find_node
    from fastlearn.core.interactive import bundle
    from fastlearn.weight_files import embedded_path
    from safetensors.torch import save_file
    loaders = dls.train, dls.valid
    pixels = [loader.dataset.pixels(i).transpose(2, 0, 1) for loader in loaders for i in range(loader.n_images)]
    starts = np.cumsum([0] + [one.size for one in pixels]).tolist()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flat = torch.from_numpy(np.concatenate([one.ravel() for one in pixels]).astype(np.float32))
        labels = torch.cat([loader.dataset.targets for loader in loaders])
        save_file({'pixels': flat, 'labels': labels.long()}, folder/'images')
        (folder/'weights').write_bytes(embedded_path().read_bytes())
        places = [[start, one.shape[2], one.shape[1]] for start, one in zip(starts, pixels)]
        n = loaders[0].n_images
        indices = {'train': list(range(n)), 'valid': list(range(n, len(pixels)))}
        (folder/'asked.json').write_text(json.dumps({'seed': seed, 'places': places, 'indices': indices, 'size': 64,
                                                     'batch': batch, 'vocab': list(map(str, dls.vocab))}))
        (folder/'run.mjs').write_text(bundle('engine/worker.js', exports=False) + QUALITY, encoding='utf-8')
        subprocess.run([find_node(), 'run.mjs'], cwd=folder, check=True)
        answer = json.loads((folder/'answer').read_text())
    assert answer['status'] == 'done', answer
    return answer['error']


def quality(seeds: int, data: str, photos: Path) -> None:
    "Error on held-out images after `fine_tune(1)` with default arguments, of the library and of the engine"
    import torch
    from fastlearn.all import error_rate, resnet10, vision_learner
    errors = []
    for seed in range(seeds):
        dls = loaders_of(data, seed, photos)
        in_page = error_in_page(dls, seed, BATCHES[data])
        learn = vision_learner(dls, resnet10, metrics=error_rate, precision=torch.float32, quiet=True)
        learn.fine_tune(1)
        errors.append((in_page, learn.history.epochs[-1].metrics['error_rate']))
        print(json.dumps({'data': data, 'seed': seed, 'page': errors[-1][0], 'library': errors[-1][1],
                          'train': dls.train.n_images, 'held out': dls.valid.n_images}), flush=True)
    print(json.dumps({'data': data, 'page': statistics.mean(a for a, _ in errors),
                      'library': statistics.mean(b for _, b in errors)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['speed', 'quality'])
    parser.add_argument('--images', type=int, nargs='+', default=[300, 1200], help='to train on, for speed')
    parser.add_argument('--seeds', type=int, default=5)
    photos = ROOT.parent/'shared'/'data'/'cats_dogs'
    parser.add_argument('--data', type=Path, default=photos, help='photos, for quality')
    args = parser.parse_args()
    sys.path.append(str(ROOT/'tests'/'support'))
    if args.what == 'speed':
        speed(args.images)
        return
    quality(args.seeds, 'drawn', args.data)
    if args.data.is_dir(): quality(args.seeds, 'photos', args.data)
    else: print(f'SKIPPED photos: found no {args.data}', file=sys.stderr)


if __name__ == '__main__': main()
