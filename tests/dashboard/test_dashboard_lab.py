"The live dashboard in a real JupyterLab, clicked and read as a learner does"
import json
import re
from decimal import Decimal
from types import SimpleNamespace

import pytest
from browsing import drawn, Notebook, pixels, wait_for, watched_page

SETUP = '''
import gc, json, os, time
import ipywidgets
from fastlearn.all import *
from fastlearn.dashboard.weight_change import weight_change_of
from fastlearn.dashboard.widget import _REFRESH
from fastlearn.observers import Observer

path = Path({path!r})
def is_cat(name): return name[0].isupper()
dls = ImageDataLoaders.from_name_func(path, get_image_files(path), valid_pct=.2, seed=42, label_func=is_cat,
                                      item_tfms=Resize(64), bs=16)

class Pace(Observer):
    "Each step takes long enough to be sent, as those of a larger network do; at some of them the test has a look"
    def __init__(self, looks): self.looks = looks
    def after_step(self, history, step):
        time.sleep(1.2*_REFRESH)
        number = len(history.losses)
        if number in self.looks: wait_until(Path(f'{name}-{{number}}').exists)

def wait_until(ready):
    limit = time.monotonic() + 600
    while not ready() and time.monotonic() < limit: time.sleep(.01)

def new_learner(*looks):
    learn = vision_learner(dls, resnet10, metrics=error_rate)
    learn.observers = [Pace(looks)]
    return learn
'''
STEPS = 4                                 # in an epoch: 77 pictures, 16 at a time, the last 13 left out


def open_notebook(page, lab, path, name, *cells) -> Notebook:
    "A notebook with `SETUP` already run"
    lab.write(f'{name}.ipynb', SETUP.format(path=str(path), name=name), *cells)
    notebook = Notebook(page, lab, f'{name}.ipynb')
    notebook.run(0)
    return notebook


def go_on(notebook: Notebook, step: int) -> None:
    "The test has looked at this step"
    notebook.path.with_name(f'{notebook.path.stem}-{step}').touch()


def step_shown(run) -> int:
    "The number in the dashboard's first line"
    found = re.search(r'step ([\d,]+) of', run.inner_text())
    return int(found[1].replace(',', '')) if found else 0


def chart(run, name: str): return run.get_by_role('application', name=name)
def filters(run): return run.get_by_role('button', name=re.compile(r'^Filter \d+')).locator('canvas')
def view(run, name: str): return run.get_by_role('button', name=name, exact=True)
def slider(run): return run.get_by_role('slider', name='Step of the run')
def readout(run, part: str) -> str: return run.locator(f'.fl-{part} .fl-values').inner_text()


def agrees(shown: str, value: float) -> bool:
    "Whether `shown` is `value`, rounded to as many digits as are shown"
    unit = 10.**Decimal(shown).as_tuple().exponent
    return abs(float(shown) - value) <= .5*unit + 1e-6*abs(value)  # the second: they travel as 4-byte floats


def number_after(word: str, text: str) -> str:
    return re.search(rf'(?<!\w){word} (\d[\d.]*(?:e[+-]?\d+)?)', text)[1]


# --- a fine-tune ---

@pytest.fixture(scope='module')
def lesson(chromium, lab, few_pets):
    "A fine-tune, looked at in its steps 3, 6 and 10 of 12, and the notebook when it is over"
    with watched_page(chromium) as page:
        cell = 'learn = new_learner(3, 6, 10)\nlearn.fine_tune(2, freeze_epochs=1)'
        notebook = open_notebook(page, lab, few_pets, 'lesson', cell)
        notebook.run(1, wait=False)
        run, seen = notebook.dashboards.first, {}
        for step in 3, 6, 10:
            wait_for(page, lambda: step_shown(run), step)  # noqa: B023
            if step == 6: view(run, 'difference').click()
            if step == 6: view(run, 'log').click()
            drawn(page)
            seen[step] = SimpleNamespace(busy=notebook.is_busy(1), text=run.inner_text(), filters=pixels(filters(run)),
                                         curves=pixels(chart(run, 'Loss'))[0])
            go_on(notebook, step)
        notebook.wait_idle()
        notebook.dashboards.get_by_text('Finished').wait_for()
        code = '''moved = weight_change_of(learn.history)
print(json.dumps(dict(losses=learn.history.losses, lrs=learn.history.lrs, momenta=learn.history.momenta,
                      valid=[(row.step, row.valid_loss) for row in learn.history.epochs],
                      steps=list(moved[0]), moved=moved[1].tolist())))'''
        history = SimpleNamespace(**json.loads(notebook.ask(code)))
        yield SimpleNamespace(page=page, notebook=notebook, run=notebook.dashboards, seen=seen, history=history)


def test_points_arrive_while_the_cell_runs(lesson):
    for step, seen in lesson.seen.items():
        assert seen.busy, step
        assert f'step {step} of 12' in seen.text
        assert 'Stop' in seen.text
    assert 'Training the head' in lesson.seen[3].text and 'Training the whole network' in lesson.seen[6].text
    assert len({seen.curves for seen in lesson.seen.values()}) == 3


def test_the_filters_change_while_it_runs(lesson):
    "Their amplified difference, at two moments of the second phase"
    before, after = lesson.seen[6].filters, lesson.seen[10].filters
    assert len(before) == len(after) == 64
    assert sum(a != b for a, b in zip(before, after)) > 32
    assert 'amplified' in lesson.seen[10].text


def test_the_replay_takes_the_place_of_the_live_view(lesson):
    assert lesson.run.count() == 1
    assert lesson.notebook.panel.locator('[data-fastlearn] .fl-run').count() == 1
    assert step_shown(lesson.run) == 12 == len(lesson.history.losses)
    assert not view(lesson.run, 'Stop').is_visible()


def test_what_was_chosen_during_the_run_is_still_chosen(lesson):
    for name in 'difference', 'log': assert view(lesson.run, name).get_attribute('aria-pressed') == 'true'
    for name in 'now', 'linear': assert view(lesson.run, name).get_attribute('aria-pressed') == 'false'


def test_the_keyboard_reads_what_the_history_says(lesson):
    run, history = lesson.run, lesson.history
    chart(run, 'Loss').focus()
    valid = dict(history.valid)
    lesson.page.keyboard.press('Home')
    for step in range(1, 13):
        wait_for(lesson.page, lambda: f'step {step} ' in readout(run, 'loss'))  # noqa: B023
        text = readout(run, 'loss')
        assert agrees(number_after('loss', text), history.losses[step-1]), text
        if step in valid: assert agrees(number_after('valid', text), valid[step]), text
        else: assert 'valid' not in text
        rates = readout(run, 'rates')
        assert agrees(number_after('head', rates), history.lrs[step-1][-1]), rates
        assert agrees(number_after('momentum', rates), history.momenta[step-1]), rates
        assert ('early layers frozen' in rates) == (step <= STEPS)
        if step in history.steps:
            moved = history.moved[history.steps.index(step)][-1]
            assert agrees(number_after('head', readout(run, 'moved')), moved)
        lesson.page.keyboard.press('ArrowRight')
    lesson.page.keyboard.press('Escape')


def test_the_mouse_reads_what_the_history_says(lesson):
    box, read = chart(lesson.run, 'Loss').bounding_box(), set()
    for share in .2, .35, .5, .65, .8:
        lesson.page.mouse.move(box['x'] + share*box['width'], box['y'] + box['height']/2)
        wait_for(lesson.page, lambda: re.search(r'step \d+', readout(lesson.run, 'loss'))[0] in read, False)
        text = readout(lesson.run, 'loss')
        read.add(re.search(r'step \d+', text)[0])
        assert agrees(number_after('loss', text), lesson.history.losses[int(number_after('step', text)) - 1])
    lesson.page.mouse.move(0, 0)


def test_keys_do_not_reach_the_cells_around(lesson):
    "In JupyterLab x cuts a cell, b adds one, and Enter edits"
    before, one = lesson.notebook.panel.locator('.jp-Cell').count(), lesson.run.get_by_role('button', name='Filter 0,')
    one.focus()
    for key in 'x', 'b', 'ArrowRight': lesson.page.keyboard.press(key)
    wait_for(lesson.page, lambda: lesson.run.locator('[aria-label^="Filter 1,"]:focus').count(), 1)
    lesson.page.keyboard.press('Enter')
    enlarged = lesson.run.get_by_role('group', name='One filter, enlarged')
    enlarged.get_by_text('Filter 1 of 64').wait_for()
    lesson.page.keyboard.press('Escape')
    enlarged.wait_for(state='hidden')
    assert lesson.notebook.panel.locator('.jp-Cell').count() == before


def check_replay(page, run, filter_view: str = 'difference') -> None:
    "The slider takes step, curves, filters and words back, and forth again"
    view(run, filter_view).click()
    seen = {}
    for step in 12, 7, 3:
        slider(run).fill(str(step))
        wait_for(page, lambda: step_shown(run), step)  # noqa: B023
        drawn(page)
        seen[step] = pixels(filters(run)), pixels(chart(run, 'Loss')), run.inner_text()
    for part in 0, 1: assert seen[12][part] != seen[7][part] != seen[3][part] != seen[12][part]
    assert 'Training the head' in seen[3][2] and 'Training the whole network' in seen[7][2]
    assert 'No change yet: the first layer is frozen' in seen[3][2]
    slider(run).focus()
    page.keyboard.press('ArrowRight')
    wait_for(page, lambda: step_shown(run), 4)
    page.keyboard.press('End')
    wait_for(page, lambda: step_shown(run), 12)


def test_the_slider_takes_everything_back(lesson): check_replay(lesson.page, lesson.run)


def test_the_run_plays(lesson):
    slider(lesson.run).fill('0')
    wait_for(lesson.page, lambda: step_shown(lesson.run), 0)
    view(lesson.run, 'Play the run').click()
    wait_for(lesson.page, lambda: step_shown(lesson.run) > 1)
    view(lesson.run, 'Pause').click()
    assert step_shown(lesson.run) < 12
    slider(lesson.run).fill('12')


# --- in the window of a laptop ---

@pytest.fixture(scope='module')
def laptop(chromium, lab, few_pets):
    """Boxes of the parts at step 6 of 12, at the last, and after the run; the file bar is folded as in a new course.
    The text of a lesson is above the cell, and the page is not scrolled by hand."""
    def boxes():
        drawn(page)
        parts = {'run': run, 'loss': chart(run, 'Loss'), 'filters': run.locator('.fl-grid'),
                 'window': page.locator('.jp-NotebookPanel-notebook')}
        return {name: part.bounding_box() for name, part in parts.items()}
    with watched_page(chromium, viewport={'width': 1366, 'height': 768}) as page:
        cell = '# as long as in a lesson' + '\n'*8 + 'learn = new_learner(6, 12)\nlearn.fine_tune(2, freeze_epochs=1)'
        notebook = open_notebook(page, lab, few_pets, 'laptop', cell)
        page.evaluate('window.jupyterapp.shell.collapseLeft()')
        run, seen = notebook.dashboards.first, {}
        notebook.run(1, wait=False)
        for step in 6, 12:
            wait_for(page, lambda: step_shown(run), step)  # noqa: B023
            seen[step] = boxes()
            go_on(notebook, step)
        notebook.wait_idle()
        run.get_by_text('Finished').wait_for()
        yield seen | {'after': boxes()}


@pytest.mark.parametrize('moment', [6, 12, 'after'])
def test_loss_and_filters_are_seen_together(laptop, moment):
    boxes = laptop[moment]
    top, bottom = boxes['window']['y'] - 1, boxes['window']['y'] + boxes['window']['height'] + 1
    for part in 'loss', 'filters':
        assert top <= boxes[part]['y'] and boxes[part]['y'] + boxes[part]['height'] <= bottom, (part, boxes)


def test_nothing_jumps_when_the_run_is_over(laptop):
    "Below the curve, in the same part, the table gets the row of the last epoch"
    for part, sides in (('run', 'x y width'), ('loss', 'x y width'), ('filters', 'x y width height')):
        for side in sides.split():
            assert laptop['after'][part][side] == pytest.approx(laptop[12][part][side], abs=1.5), (part, side, laptop)


# --- saved ---

@pytest.fixture(scope='module')
def saved(lesson, lab):
    "The notebook as JupyterLab saves it, under another name"
    copy = lab.root/'saved.ipynb'
    copy.write_bytes(lesson.notebook.save().read_bytes())
    return copy


def test_a_saved_run_is_not_large(saved):
    assert saved.stat().st_size < 2**20
    kinds = [set(output['data']) for output in json.loads(saved.read_text())['cells'][1]['outputs']]
    assert kinds == [{'text/html', 'image/png', 'text/plain'}]


def test_a_saved_notebook_replays_without_being_run(saved, lab, page):
    notebook = Notebook(page, lab, saved.name)
    assert notebook.ask("print('learn' in globals())").strip() == 'False'
    assert view(notebook.dashboards, 'difference').get_attribute('aria-pressed') == 'true'
    check_replay(page, notebook.dashboards)


def test_a_notebook_of_somebody_else_shows_picture_and_table(saved, lab, chromium):
    "JupyterLab runs no scripts of a notebook that was not run here: it has no signature for this text"
    other = saved.with_name('other.ipynb')
    other.write_text(saved.read_text(encoding='utf-8').replace('new_learner(3, 6, 10)', 'new_learner(3, 6, 11)'),
                     encoding='utf-8')
    assert other.read_bytes() != saved.read_bytes()
    with watched_page(chromium) as page:
        notebook = Notebook(page, lab, other.name)
        picture = notebook.cell(1).get_by_role('img', name=re.compile('Loss and first-layer filters'))
        picture.wait_for()
        assert picture.evaluate('image => image.complete && image.naturalWidth > 300')
        assert notebook.cell(1).get_by_role('columnheader', name='valid_loss').is_visible()
        assert notebook.cell(1).get_by_role('row').count() == 4
        assert notebook.dashboards.count() == 0
        assert 'const state' not in notebook.cell(1).inner_text()  # nor their text


def test_the_exported_page_works_without_a_network(lesson, chromium, lab):
    file = lesson.notebook.ask("print(learn.dashboard().to_html('run.html').absolute())").strip()
    with watched_page(chromium, offline=True) as page:
        page.goto(f'file://{file}')
        run = page.locator('.fl-run')
        check_replay(page, run)
        chart(run, 'Loss').focus()
        page.keyboard.press('Home')
        wait_for(page, lambda: 'step 1 ' in readout(run, 'loss'))
        assert agrees(number_after('loss', readout(run, 'loss')), lesson.history.losses[0])
        run.get_by_role('button', name=re.compile('^Filter 5,')).click()
        enlarged = run.get_by_role('group', name='One filter, enlarged')
        enlarged.get_by_text('Filter 5 of 64').wait_for()
        page.keyboard.press('Escape')
        enlarged.wait_for(state='hidden')
        assert filters(run).count() == 64


# --- stopped ---

HEAR = '''
learn, asked = new_learner(), []
def stop():
    asked.append(len(learn.history.losses))
    type(learn).stop(learn)
learn.stop = stop
'''
PREDICTED = re.compile(r'(cat|not cat)\n(cat|not cat)\n[\d.]+%')  # the answer, then all classes with their bars


@pytest.fixture(scope='module')
def stopped(chromium, lab, few_pets):
    "A notebook whose first run was ended with Stop, and the second with the kernel's interrupt"
    cells = [HEAR + 'learn.fine_tune(20, freeze_epochs=20)',
             'learn.predict(dls.valid.items[0])', 'learn.fit(1)',
             'other = new_learner()\nother.fine_tune(20, freeze_epochs=20)', 'other.predict(dls.valid.items[0])',
             'new_learner().fine_tune(1, dashboard=False, freeze_epochs=1)',
             "os.environ['FASTLEARN_DASHBOARD'] = 'off'\nnew_learner().fine_tune(1, freeze_epochs=1)"]
    with watched_page(chromium, viewport={'width': 1280, 'height': 5000}) as page:
        yield open_notebook(page, lab, few_pets, 'stopped', "os.environ['FASTLEARN_DASHBOARD'] = 'auto'", *cells)


def state(notebook: Notebook, learner: str) -> SimpleNamespace:
    code = f'''print(json.dumps(dict(
        stopped={learner}.stopped, steps=len({learner}.history.losses), phases=len({learner}.history.phases),
        events=[text for _, text in {learner}.history.events], rows=len({learner}.history.epochs))))'''
    return SimpleNamespace(**json.loads(notebook.ask(code)))


def test_stop_ends_the_run_after_the_step(stopped):
    page, run = stopped.page, stopped.cell(2).locator('.fl-run')
    stopped.run(1)
    stopped.run(2, wait=False)
    wait_for(page, lambda: step_shown(run) >= 3)
    assert stopped.is_busy(2)
    run.get_by_role('button', name='Stop').click()
    stopped.wait_idle()
    after, asked = state(stopped, 'learn'), json.loads(stopped.ask('print(asked)'))
    assert len(asked) == 1 and after.steps - asked[0] <= 1 and after.steps < 60
    assert after.stopped == 'on request' and after.phases == 1  # the second phase did not even begin
    run.get_by_text('Stopped', exact=True).wait_for()
    assert step_shown(run) == after.steps
    stopped.run(3)
    assert PREDICTED.match(stopped.output(3))
    stopped.run(4)
    more, run = state(stopped, 'learn'), stopped.cell(4).locator('.fl-run')
    assert more.stopped is None and more.steps == after.steps + STEPS and more.phases == 2
    run.get_by_text('Finished').wait_for()
    assert step_shown(run) == STEPS and run.get_by_role('row').count() == 2  # this run alone
    view(run, 'all runs').click()
    wait_for(page, lambda: step_shown(run), more.steps)  # curves and table go on where they were
    assert run.get_by_role('row').count() == 1 + more.rows


def test_the_kernels_interrupt_ends_the_run_too(stopped):
    run = stopped.cell(5).locator('.fl-run')
    stopped.run(1)
    stopped.run(5, wait=False)
    wait_for(stopped.page, lambda: step_shown(run) >= 3)
    stopped.page.locator('[data-command="notebook:interrupt-kernel"]').first.click()
    stopped.wait_idle()
    after = state(stopped, 'other')
    assert after.stopped == 'interrupted' and after.phases == 1 and after.steps < 60
    run.get_by_text('Stopped', exact=True).wait_for()
    assert 'Error' not in stopped.output(5) and 'Interrupt' not in stopped.output(5)
    stopped.run(6)
    assert PREDICTED.match(stopped.output(6))


@pytest.mark.parametrize('cell', [7, 8])
def test_table_and_bar_instead(stopped, cell):
    "`dashboard=False` for one training, FASTLEARN_DASHBOARD=off for all"
    stopped.run(1)
    stopped.run(cell)
    assert not stopped.cell(cell).locator('.fl-run').count()
    assert stopped.cell(cell).get_by_role('row').count() == 3
    stopped.run(1)


# --- again and again ---

COUNT = 'gc.collect(); print(len(ipywidgets.widgets.widget._instances))'
TWICE = 'a = new_learner()\na.fine_tune(1, freeze_epochs=1)', 'b = new_learner(6)\nb.fine_tune(1, freeze_epochs=1)'


@pytest.fixture(scope='module')
def opened_twice(chromium, lab, few_pets):
    with watched_page(chromium) as page: yield open_notebook(page, lab, few_pets, 'twice', *TWICE)


@pytest.fixture
def twice(opened_twice):
    "A notebook with two dashboards, the second of which waits for the test at its step 6"
    opened_twice.path.with_name('twice-6').unlink(missing_ok=True)
    return opened_twice


def test_two_dashboards_and_a_cell_that_is_run_again(twice):
    go_on(twice, 6)
    twice.run(1)
    twice.run(2)
    first, second = twice.cell(1).locator('.fl-run'), twice.cell(2).locator('.fl-run')
    second.get_by_text('Finished').wait_for()
    slider(first).fill('3')
    wait_for(twice.page, lambda: step_shown(first), 3)
    wait_for(twice.page, lambda: step_shown(second), 8)  # it may be drawn again after the cell above it has grown
    widgets, comms = twice.ask(COUNT), twice.comms()
    listeners = []
    for _ in range(3):
        twice.run(1)
        first.get_by_text('Finished').wait_for()
        listeners.append(count_listeners(twice.page))
    assert twice.dashboards.count() == 2
    assert (twice.ask(COUNT), twice.comms()) == (widgets, comms)
    grown = [after - before for before, after in zip(listeners, listeners[1:])]
    assert min(grown) < 10, listeners  # a replay has 50; JupyterLab itself may add some of its own once


def count_listeners(page) -> int:
    "Of the page, without those of elements that are no longer referenced"
    tools = page.context.new_cdp_session(page)
    tools.send('HeapProfiler.collectGarbage')
    tools.send('Performance.enable')
    metrics = {one['name']: one['value'] for one in tools.send('Performance.getMetrics')['metrics']}
    tools.detach()
    return int(metrics['JSEventListeners'])


def test_a_tab_closed_during_the_run_finds_it_again(page, chromium, lab, few_pets):
    notebook = open_notebook(page, lab, few_pets, 'closed', TWICE[1])
    notebook.run(1, wait=False)
    wait_for(page, lambda: step_shown(notebook.dashboards), 6)
    notebook.save()
    page.close()
    with watched_page(chromium) as page:
        page.goto(f'{lab.url}/lab/tree/{notebook.path.name}?token=test&reset')
        page.locator('.jp-NotebookPanel .jp-Cell').first.wait_for()
        go_on(notebook, 6)
        run = page.locator('.jp-NotebookPanel .fl-run')
        run.get_by_text('Finished').wait_for()
        assert step_shown(run) == 8 and not view(run, 'Stop').is_visible()
        slider(run).fill('3')
        wait_for(page, lambda: step_shown(run), 3)


def test_a_kernel_that_is_restarted_during_the_run(twice):
    "What stands there says that nothing runs any more, and the cell can be run again"
    twice.run(1)
    twice.run(2, wait=False)
    live = twice.cell(2).locator('.fl-run')
    wait_for(twice.page, lambda: step_shown(live), 6)
    twice.page.evaluate('window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()')
    twice.ready()
    assert step_shown(twice.cell(1).locator('.fl-run')) == 8
    assert not live.get_by_role('button', name='Stop').count()
    go_on(twice, 6)
    twice.run(0)
    twice.run(2)
    live.get_by_text('Finished').wait_for()
    assert twice.dashboards.count() == 2
