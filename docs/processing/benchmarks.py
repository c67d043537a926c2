"""The benchmarks page, docs/benchmarks.md, and its figure, from benchmarks/results/*.json.

`python benchmarks/bench.py --page` writes both; a test compares them with the results.
"""
import html
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from processing.pages import table

SPACE = '\u00a0'                          # between a number and its unit
INTRO = """\
# Benchmarks

> Is fastlearn fast, and is it as accurate? `make bench` compares fine-tuning, data loading, the dashboard,
> interpretation, and prediction with fastai, captum, and plain PyTorch.

Each number is a median; the numbers in parentheses are the smallest and the largest run. Each ratio compares
neighboring runs of the two sides, so that the machine is in the same state for both; a ratio below 1 means that
fastlearn needs less."""
METHOD = """\
## Method: how it was measured

The command `make bench` ran on an otherwise idle machine. `load` is the number of processes that
wanted a CPU core at the end of a run, averaged over a minute; a value above the number of cores means that the
machine was busy. Each run has its own process. The sides take turns, and they also take turns in going first. Seconds
are wall-clock time from the files on disk to the last validation, without imports, which have a separate column. The
files were already in the system's cache, so the speed of the disk plays no part. Peak memory is the maximum of the
main process; the worker processes of fastai and of PyTorch's `DataLoader` are not counted.

All sides use the same files, splits, network, weights, and batch size, and the same versions of torch and
torchvision. Otherwise each side keeps its defaults: fastlearn multiplies in bfloat16 if the CPU supports it and
decodes in threads; fastai and the plain loop compute in float32 and decode in worker processes. The plain loop
follows torchvision's `references/classification`. Pretrained weights were available only for SqueezeNet, so only its
errors are compared. The resnets start from random weights, which does not affect the time. The first optimizer in a
process loads a part of torch, which takes about a second; that second is included for the sides that use torch's
optimizers.

## Which results hold on other machines

The seconds and most of the ratios hold only for these machines. On a CPU without bfloat16 units (`avx512_bf16`,
`amx_bf16`), fastlearn also computes in float32, and a large part of its lead disappears; what remains is faster
loading and the images kept in memory. With more cores, worker processes cost relatively less. On a GPU, the network
takes a smaller part of the time and decoding a larger one, and with photos of many megapixels, decoding matters even
more. These results do carry over to other machines: the errors, which depend on the data and the seeds; the linear
growth; and the milliseconds that fastlearn's loop and observers add to a step. `benchmarks/README.md` explains how to
run the scripts on your machine; `--device cuda` puts the network on a GPU."""


def number(value: float, digits: int, unit: str = '') -> str:
    return f'{value:,.{digits}f}' + (SPACE*(unit != '%') + unit if unit else '')


def between(spread: dict, digits: int, unit: str = '', scale: float = 1.) -> str:
    "Format the median, with the smallest and the largest run if there are several"
    median, least, most = (scale*spread[key] for key in ('median', 'least', 'most'))
    if spread['runs'] == 1: return number(median, digits, unit)
    return f'{number(median, digits, unit)} ({least:,.{digits}f}{SPACE}to{SPACE}{most:,.{digits}f})'


def signed(value: float) -> str:
    "Format with a sign and two decimals; -0 becomes +0"
    return f'{round(value, 2) + 0:+.2f}'.replace('+0.00', '0.00')


def found_in(record, name: str) -> Iterator:
    "Yield every value called `name` at any depth"
    if isinstance(record, dict):
        if record.get(name) is not None: yield record[name]
        for value in record.values(): yield from found_in(value, name)
    elif isinstance(record, list):
        for value in record: yield from found_in(value, name)


# --- one function for each benchmark: title, then Markdown ---

SIDES = {'ours': 'fastlearn', 'fastai': 'fastai', 'plain': 'plain PyTorch', 'captum': 'captum',
         'by_hand': 'a plain loop', 'torch': 'torch and torchvision', 'libraries': 'torch, torchvision, matplotlib'}


def fine_tune(record: dict) -> list[str]:
    parts = ['`fine_tune(1)` trains the head for one epoch, then the whole network for one, and validates after each. '
             f"Batch size: {record['batch_size']}."]
    for case in record['cases']:
        found, said = case['summary'], f"{case['photos']:,} photos"
        rows = [(name, found[side]['seconds']['runs'],
                 *([number(found[side]['error'], 2, '%')] if case['real'] else []),
                 *(text for key, form in (('seconds', (1, 's')), ('peak_gib', (2, 'GiB')))
                   for text in (between(found[side][key], *form),
                                '' if side == 'ours' else between(found[side][f'ours_{key}'], 2))),
                 *(number(found[side][key]['median'], 1, 's') for key in ('cpu_seconds', 'import_seconds')))
                for side, name in SIDES.items() if side in found]
        titles = ['side', 'runs', *(['mean error'] if case['real'] else []), 'time', 'fastlearn relative to it',
                  'peak memory', 'fastlearn relative to it', 'CPU time', 'import']
        if case['real'] and 'mean_difference' in found:
            said += (f". The mean error differs from fastai's by {signed(found['mean_difference'])} percentage points, "
                     f"with 95% confidence at most {signed(found['upper_95'])}")
        if not case['real']: said += '; random weights, so the errors are not compared'
        parts += [f"### {case['arch']} at {case['size']} pixels", said + '.', table(titles, rows)]
    return parts


OPTIMIZATIONS = {  # as the results name them -> as the page does
    'freed memory kept': 'freed memory reused', 'pictures kept in memory': 'images kept in memory',
    'features of the frozen body kept': 'features of the frozen body cached',
    'decoding near the size needed': 'decoding near the needed size',
    'taking turns with the network': 'decoding alternates with the network',
    'colours side by side': 'channels-last memory format', 'colors side by side': 'channels-last memory format',
    'one kernel for the optimiser': 'fused optimizer kernel', 'one kernel for the optimizer': 'fused optimizer kernel',
}


def levers(record: dict) -> list[str]:
    rows = [(OPTIMIZATIONS.get(off, off), between(said['seconds'], 1, 's'), between(said['ratio'], 2),
             number(said['error'], 1, '%'))
            for off, said in record['summary'].items()]
    return [f"`fine_tune(1, freeze_epochs=3)` with SqueezeNet 1.0 at 128 pixels, on {record['photos']:,} photos, with "
            'all optimizations and with one switched off at a time. `bfloat16` and the order of additions change the '
            'last digits, and with them the predictions for a few images near the decision boundary.',
            table(('switched off', 'time', 'relative to all on', 'mean error'), rows)]


def loop_overhead(record: dict) -> list[str]:
    rows = [(f"`{row['arch']}` at {row['size']} pixels", row['steps'],
             *(number(1000*row[side]['median'], 2, 'ms') for side in ('ours', 'bare')),
             f"{row['ratio']:.3f}", ' to '.join(f'{one:.3f}' for one in row['quartiles'])) for row in record['rows']]
    return ['A step of `Learner.fit` compared with a step in four lines of PyTorch, with the same batches in memory '
            'and the same optimizer, precision, and memory settings. The two alternate within one call.',
            table(('network', 'pairs of steps', 'fastlearn', 'bare loop', 'median ratio', 'quartiles'), rows)]


def dashboard_cost(record: dict) -> list[str]:
    names = {'nobody': 'no observer', 'redraw': 'a matplotlib figure, drawn after every batch',
             'fastai': "fastai's ShowGraphCallback"}
    rows = [(names.get(way, way), *(number(said[key], 2, 'ms') for key in ('ms_per_batch', 'processor_ms_per_batch')),
             '–' if said['percent_of_epochs'] is None else number(said['percent_of_epochs'], 1, '%'),
             '–' if way == 'fastai' else number(said['whole'], 2, 's')) for way, said in record['summary'].items()]
    ratio = record['dashboard_over_nobody']
    ratio = between(ratio, 3) if isinstance(ratio, dict) else f'{ratio:.3f}'
    return ['`fine_tune(2)` with `resnet10` on drawn images at 64 pixels, in batches of 64, in a real Jupyter kernel. '
            f'Time for a whole run with the dashboard, relative to a run without observers: {ratio}.',
            table(('observer', 'per batch', 'CPU time', 'fraction of epoch time', 'whole run'), rows)]


def import_time(record: dict) -> list[str]:
    code = {'ours': '`from fastlearn.all import *`', 'fastai': '`from fastai.vision.all import *`'}
    rows = [(code.get(side, SIDES[side]), between(said['seconds'], 2, 's'),
             '' if side == 'ours' else between(said['ours_seconds'], 2)) for side, said in record['summary'].items()]
    return [table(('import', 'time', 'fastlearn relative to it'), rows)]


def data_loading(record: dict) -> list[str]:
    rows = [(SIDES[side], between(said['first'], 0), between(said['second'], 0),
             *(between(said[f'ours_{key}'], 1) if side != 'ours' else '' for key in ('first', 'second')))
            for side, said in record['summary'].items()]
    return [f"Images per second of {record['photos']:,} photos at {record['size']} pixels, without a network. In "
            'the first epoch, all sides decode the images; in the second, fastlearn uses the decoded images that it '
            'kept in memory, and the others decode again. The time includes the start of the worker processes. '
            'Higher is better.',
            table(('side', 'first epoch', 'second', 'fastlearn relative to it, first', 'second'), rows)]


def deconvnet(record: dict) -> list[str]:
    job, rows = record['job'], []
    for method, said in record['summary'].items():
        both = [said[side] for side in ('ours', 'captum') if side in said]
        rows.append((method, *(between(side['seconds'], 1, 's') for side in both),
                     *(between(side['peak_gib'], 2, 'GiB') for side in both),
                     *([between(said['ours_to_captum'], 2), f"{said['difference']:.0e}"] if len(both) == 2 else [])))
    both = ('fastlearn', 'captum')[:len(both)]
    titles = ('method', *(f'time, {side}' for side in both), *(f'memory, {side}' for side in both),
              *(('CPU time, fastlearn relative to captum', 'largest difference') if len(both) == 2 else ()))
    return [f"The nine strongest patches of {len(job['maps'])} maps of a middle layer over {job['photos']:,} photos at "
            f"{job['size']} pixels, and their projections. captum has no search for the strongest patches, so its side "
            'covers only the 16 maps, while fastlearn makes a table of all maps. The last column compares the '
            'projections themselves.',
            table(titles, rows)]


def predict_cost(record: dict) -> list[str]:
    rows = [(SIDES[side], between(said['seconds'], 2, 's'), between(said['cpu_seconds'], 2, 's'),
             *(between(said[f'ours_{key}'], 2) if side != 'ours' else '' for key in ('seconds', 'cpu_seconds')))
            for side, said in record['summary'].items()]
    return [f"`get_preds` for {record['files']:,} files with `{record['arch']}` at {record['size']} pixels. The plain "
            'loop uses the same transform and precision, and does only what the predictions need.',
            table(('side', 'time', 'CPU time', 'fastlearn relative to it, time', 'CPU time'), rows)]


UNITS = {'images': (100, '100 images'), 'pixels': (1000, '1,000 pixels'), 'parameters': (1e6, 'million parameters'),
         'epochs': (1, 'epoch')}


def linear(line: dict, per: float, unit: str) -> str:
    "Format a line as '0.40 s + 0.198 s', the second number per `per`"
    start, slope = line['start'], per*line['slope']
    return f"{start:.2f}{SPACE}{unit} {'+' if slope >= 0 else '−'} {abs(slope):.3f}{SPACE}{unit}"


def cost_model(record: dict) -> list[str]:
    rows, middle = [], record['middle']
    for by, one in record['series'].items():
        (per, unit), time, memory = UNITS[by], *(one['lines'][key] for key in ('seconds', 'peak_gib'))
        values = [row[by] for row in one['rows']]
        rows.append((by, f'{min(values):,} to {max(values):,}',
                     f"{linear(time, per, 's')} per {unit}", f"{time['r2']:.3f}",
                     number(100*time['worst'], 0, '%'),
                     f"{linear(memory, per, 'GiB')} per {unit}", f"{memory['r2']:.3f}"))
    return ["A residual network of six layers, from files on disk to the last validation: "
            f"{middle['images']:,} images of {middle['size']} x {middle['size']} pixels, {middle['width']} channels "
            f"in the first block, {middle['epochs']} epochs. From there, one quantity at a time is varied. A line is "
            'fitted to each series; `farthest` is the largest distance of a run from the line, as a percentage of '
            'its time.',
            '![Eight small charts: seconds and peak memory against images, pixels, parameters, and epochs, with fitted '
            'lines]'
            '(benchmarks.svg)',
            table(('grows with', 'from, to', 'time', 'r²', 'farthest', 'memory', 'r²'), rows)]


def many_images(record: dict) -> list[str]:
    rows = [('loaders ready', number(record['ready_seconds'], 2, 's'), number(record['gib_ready'], 3, 'GiB'))]
    rows += [(f'epoch {n}', number(epoch['seconds'], 1, 's'), number(epoch['gib'], 3, 'GiB'))
             for n, epoch in enumerate(record['epochs'], 1)]
    return [f"{record['images']:,} small JPEG files in ten folders, `ImageDataLoaders.from_folder(valid_pct=0.2)`, "
            f"then training a one-layer network at {record['size']} pixels. Before that, the process used "
            f"{number(record['gib_before'], 3, 'GiB')}.", table(('after', 'seconds', 'memory'), rows)]


def transfer(record: dict) -> list[str]:
    parts = []
    for total in record['totals']:
        scratch = total['rows'][0]['scratch']
        rows = [(run['seed'], number(run['pretrained']['error'], 1, '%'),
                 *(number(one['error'], 1, '%') for one in run['scratch'].values())) for run in total['rows']]
        rows.append(('**mean**', number(total['pretrained'], 1, '%'), *('' for _ in scratch)))
        parts += [f"**{total['data']}**: from scratch {number(total['scratch'], 1, '%')} at the best rate, "
                  f"{total['scratch_rate']}.",
                  table(('seed', 'with the embedded weights', *(f'from scratch, rate {rate}' for rate in scratch)),
                        rows)]
    return parts


def interval(against: dict) -> str:
    "Format a mean difference in percentage points and its bounds; '' if there are too few pairs"
    if against.get('pairs', 0) < 2: return ''
    return f"{signed(against['mean'])} ({signed(against['lower'])} to {signed(against['upper'])})"


ARMS = {'frozen': 'averages fixed', 'learning': 'averages updated', 'anew': 'averages measured', 'default': 'default',
        'fastai': 'fastai'}


def errors_table(totals: list[dict], arms: Sequence[str], against: str, last: str) -> str:
    "Make a row for each dataset: the mean error of each arm with its seeds, and the difference to `against`"
    def cell(one): return f"{number(one['mean'], 1, '%')} ({one['seeds']})" if one else ''
    rows = [(one['set'], one['n_train'], *(cell(one['errors'].get(arm)) for arm in arms),
             interval(one['against'].get(against, {}))) for one in totals]
    return table(('set', 'images', *(ARMS.get(arm, arm) for arm in arms), last), rows)


PROTOTYPE = ('Rows marked `prototype` are older than `update_bn`: the same passes, but over all training images '
             'instead of the first 512, in separate code.')


def batchnorm(record: dict) -> list[str]:
    parts = []
    if 'sets' in record: parts += [
        'Mean error of `fine_tune(3)`, resnet10 with its embedded weights, 64 pixels, and batches of 32, with the '
        'number of seeds in parentheses. While the head is trained on the frozen body, the averages that BatchNorm '
        'stored for other images can stay fixed (`update_bn=False`), be updated in every step (`train_bn=True`, as '
        "in fastai), or be measured once beforehand, as `fine_tune` does by default. The column *default* also uses the"
        ' number of head epochs that `fine_tune` chooses if an epoch has fewer than 9 steps. Means over different '
        'seeds cannot be compared, because the splits differ. The last column is the error with measured averages '
        "minus fastai's error, in percentage points, over the seeds that both have. Its bounds below and above are "
        'one-sided 95% bounds; the column is empty for fewer than two seeds.',
        *([PROTOTYPE] if any(row.get('prototype') for row in record['sets']['rows']) else []),
        errors_table(record['sets']['totals'], [arm for arm in ARMS if any(
            arm in one['errors'] for one in record['sets']['totals'])], 'anew', 'measured minus fastai')]
    if 'few' in record:
        arms = list(dict.fromkeys(arm for one in record['few']['totals'] for arm in one['errors']))
        parts += [
            'Mean error of `fine_tune(1)` with few training images, on 300 other images that played no part in any '
            'decision. In all columns, the BatchNorm averages are first measured on the training images. '
            'The columns are: one epoch for the head; the better weights of the two phases, chosen on a validation '
            'set; a quarter of the learning rate; 30 steps for all layers; and 10 to 60 steps for the head. '
            'By default, the head gets 25 steps if an epoch has fewer than 9. The last column is the difference '
            'between the columns *30 steps* and *one epoch*, in percentage points.',
            errors_table(record['few']['totals'], arms, '30 steps', '30 steps minus one epoch')]
    return parts


SECTIONS: dict[str, tuple[str, Callable[[dict], list[str]]]] = {
    'fine_tune': ('Fine-tuning: how long does it take, and is it as accurate?', fine_tune),
    'batchnorm': ('BatchNorm in a frozen body, and training with few images', batchnorm),
    'levers': ('Optimizations: what does each one save?', levers),
    'loop_overhead': ('Training loop: what does it add to a step?', loop_overhead),
    'dashboard_cost': ('Dashboard: what does it cost?', dashboard_cost),
    'import_time': ('Import time', import_time),
    'data_loading': ('Data loading: images per second', data_loading),
    'deconvnet': ('Interpretation: how long do strongest patches and projections take?', deconvnet),
    'predict_cost': ('Prediction: what does it cost?', predict_cost),
    'cost_model': ('Scaling: how do time and memory grow?', cost_model),
    'many_images': ('100,000 images', many_images),
    'transfer_photos': ('Pretrained weights: what are they worth on photos?', transfer),
    'transfer_mini_pets': ('Pretrained weights: what are they worth on drawn images?', transfer)}


# --- the page ---

def read_results(folder: Path) -> dict[str, tuple[Path, dict]]:
    "Read the newest file of each benchmark, in the order of the page"
    newest = {path.stem[:-11]: path for path in sorted(folder.glob('*-????-??-??.json'))}
    if unknown := newest.keys() - SECTIONS: raise ValueError(
        f'{folder} has results of {sorted(unknown)}, which have no table; there are {list(SECTIONS)}')
    return {name: (newest[name], json.loads(newest[name].read_text(encoding='utf-8')))
            for name in SECTIONS if name in newest}


def machine_text(machine: dict) -> str:
    bf16 = f", {' and '.join(machine['bf16'])}" if machine['bf16'] else ''
    return (f"{machine['processor']}, {machine['cores']} cores{bf16}, {number(machine['memory_gib'] or 0, 1, 'GiB')}; "
            f"{machine['system']}; Python {machine['python']}")


def conditions(path: Path, record: dict, within: str = '') -> str:
    "Describe date, load, versions, and the file of the rows"
    loads, threads = list(found_in(record, 'load')), sorted(set(found_in(record, 'threads')))
    versions = {f'{name} {version}' for one in found_in(record, 'versions') for name, version in one.items()}
    said = [record['machine']['date'][:10], record.get('device', 'cpu')]
    if threads: said.append(f"{' or '.join(map(str, threads))} thread{'s' if threads != [1] else ''}")
    if loads: said.append(f'load {min(loads)} to {max(loads)}')
    if versions: said.append(', '.join(sorted(versions)))
    return '; '.join([*said, f'rows in `benchmarks/results/{within}{path.name}`'])


TARGETS = {  # as the results name them -> as the page does
    'processor time': 'CPU time', ", of fastai's": " relative to fastai's",
    ', of the bare one': ' relative to the bare loop',
    "dashboard: of the epochs' time": "dashboard: fraction of the epochs' time",
    ', of torch and matplotlib alone': ' relative to torch and matplotlib alone',
    ', of the plain loop': ' relative to the plain loop', 'in folders: ready': 'in folders: time until ready',
    'looking inside: seconds of': 'interpretation: time of', 'looking inside: peak': 'interpretation: peak'}


def target_text(what: str) -> str:
    for old, new in TARGETS.items(): what = what.replace(old, new)
    return what


def targets_table(results: dict[str, tuple[Path, dict]]) -> str:
    "Make the table of all targets; '' if there are none"
    rows = [(target_text(one['what']),
             f"{one['found']:.4g}{SPACE*(one['unit'] != '%')}{one['unit']}".strip(),
             f"at {'least' if one['at_least'] else 'most'} {one['bar']:g}", 'met' if one['met'] else '**MISSED**')
            for _, record in results.values() for one in record.get('targets', ())]
    return table(('what', 'found', 'target', ''), rows) if rows else ''


def machines_text(results: dict[str, tuple[Path, dict]]) -> str:
    "List the machines that were measured"
    machines = dict.fromkeys(machine_text(record['machine']) for _, record in results.values())
    return '. And on: '.join(machines) + '.'


def elsewhere(folder: Path) -> list[str]:
    "Write what was found on other machines, each with its folder of results in `folder`"
    places = sorted(place for place in folder.iterdir() if place.is_dir())
    parts = ['## Targets on other machines'] if places else []
    for place in places:
        results = read_results(place)
        parts += [f'Measured on: {machines_text(results)}', targets_table(results),
                  *(f"*{SECTIONS[name][0]}* {conditions(path, record, f'{place.name}/')}."
                    for name, (path, record) in results.items())]
    return parts


def page(folder: Path) -> str:
    "Write docs/benchmarks.md from the results in `folder`"
    results = read_results(folder)
    targets = targets_table(results)
    parts = [INTRO, f'Measured on: {machines_text(results)}', *(['## Targets', targets] if targets else [])]
    for name, (path, record) in results.items():
        title, tables = SECTIONS[name]
        parts += [f'## {title}', *tables(record), conditions(path, record) + '.']
    return '\n\n'.join([*parts, *elsewhere(folder), METHOD]) + '\n'


# --- the picture ---

WIDE, HIGH = 190, 136                     # of one chart, in pixels
LEFT, RIGHT, TOP, FOOT = 44, 12, 16, 34   # around its points
GRAY, BLUE = '#7d7d7d', '#3d85c6'         # visible on white and on black


def word(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def chart(values: Sequence[tuple[float, float]], line: dict, x_name: str, y_name: str) -> str:
    "Draw the runs and the fitted line, both axes starting at zero"
    most_x, most_y = (1.05*max(column) for column in zip(*values))
    left, right, top, foot = LEFT, WIDE - RIGHT, TOP, HIGH - FOOT
    def at(x, y): return left + x/most_x*(right - left), foot - y/most_y*(foot - top)
    points = ''.join('<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"/>'.format(*at(x, y), BLUE) for x, y in values)
    last_x, last_y = most_x/1.05, most_y/1.05
    ends = *at(0, line['start']), *at(last_x, line['start'] + line['slope']*last_x)
    words = ''.join([word(left, foot + 13, '0', 'middle'),
                     word(at(last_x, 0)[0], foot + 13, f'{last_x:,.0f}', 'middle'),
                     word(left - 4, at(0, last_y)[1] + 4, f'{last_y:.3g}', 'end'),
                     word((left + right)/2, foot + 28, x_name, 'middle'), word(left - 4, top - 6, y_name, 'middle')])
    return (f'<path d="M{left} {top}V{foot}H{right}" stroke="{GRAY}" fill="none"/>' +
            '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" '.format(*ends) +
            f'stroke="{BLUE}" stroke-width="1.5"/>{points}{words}')


def picture(record: dict) -> str:
    "Draw docs/benchmarks.svg: seconds above, memory below, a chart for each quantity that was varied"
    charts = [f'<g transform="translate({WIDE*column} {HIGH*place})">'
              f"{chart([(row[by], row[key]) for row in one['rows']], one['lines'][key], by, name)}</g>"
              for place, (key, name) in enumerate((('seconds', 'seconds'), ('peak_gib', 'GiB')))
              for column, (by, one) in enumerate(record['series'].items())]
    wide, high = WIDE*len(record['series']), 2*HIGH
    opening = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
               f'font-family="sans-serif" font-size="11" fill="{GRAY}">')
    return '\n'.join([opening, *charts, '</svg>\n'])


def write(results: Path, out: Path) -> list[Path]:
    "Write the page and, if scaling was measured, its figure to the folder `out`; returns the files"
    written = {out/'benchmarks.md': page(results)}
    if 'cost_model' in (found := read_results(results)): written[out/'benchmarks.svg'] = picture(found['cost_model'][1])
    for path, text in written.items(): path.write_text(text, encoding='utf-8')
    return list(written)
