"The drawn page in Chromium, without JupyterLab: pure functions, replay, keyboard, narrow windows, nothing left behind"
import io
import json
import re

import numpy as np
import pytest
from browsing import axe_findings, drawn, PHONE, pixels, small_targets, watched_page
from fastlearn.core.interactive import bundle, page_html
from fastlearn.dashboard.compare import compare, errors_by_class, run_facts
from fastlearn.dashboard.dashboard import Dashboard
from fastlearn.dashboard.replay import replay_html, state
from fastlearn.observers import Observer
from PIL import Image
from test_replay import made_up

SHAPES = '''
linearTicks(0, 1, 5)                 [0, 0.2, 0.4, 0.6, 0.8, 1]
linearTicks(0, 36, 8)                [0, 5, 10, 15, 20, 25, 30, 35]
linearTicks(1, 1, 5)                 []
logTicks(1e-6, 1e-1, 3)              [0.00001, 0.001, 0.1]
linearScale(0, 10, 0, 100)(5)        50
logScale(1, 100, 0, 10)(10)          5
firstFrom([1, 3, 5], 4)              2
firstFrom([1, 3, 5], 9)              3
lastUpTo([1, 3, 5], 4)               1
lastUpTo([], 4)                      -1
spreadLabels([10, 11, 50], 15, 0, 100)   [10, 25, 50]
spreadLabels([99, 98], 15, 0, 100)   [100, 85]
groupedText(1951.2)                  "1,951"
powerText(0.000512)                  "5.1e-4"
powerText(0)                         "0"
countText(313664)                    "314k"
countText(999999)                    "1.0M"
lossTick(0.25, 2)                    "0.25"
lossTick(50000, 0)                   "50000"
lossTick(400000, 0)                  "4e5"
lossTick(-1.5e6, 0)                  "-1.5e6"
percentText(0.9981)                  ">99%"
percentText(1)                       "100%"
durationText(125)                    "2 min 5 s"
columnsFor(64)                       8
columnsFor(96)                       12
normText({norms: 1}, true)           "1 BatchNorm layer: updating"
normText({norms: 9}, false)          "9 BatchNorm layers: fixed"
lossLimits([1, 1, 1, 1, 30, 1], [1, 1, 1, 1, 30, 1], [0.5], false).high < 2    true
lossLimits([], [], [], false).high   1
lossLimits([0, 0], [0, 0], [], true).low > 0   true
lossLimits([-3, -2], [-3, -2], [], false).low <= -3    true
[...normalizedPixels(new Float32Array([0, 1]), [1, 1, 1, 2], 0)]   [0, 0, 0, 255, 255, 255, 255, 255]
[...normalizedPixels(new Float32Array([3]), [1, 1, 1, 1], 0)][0]   128
[...changePixels(new Float32Array([0]), [1, 1, 1, 1], 0, 5)][0]    128
gainOf(new Float32Array([0, -0.25]))   4
'''
CASES = [re.split(r'\s{2,}', line.strip()) for line in SHAPES.strip().splitlines()]


@pytest.fixture(scope='module')
def scripted(chromium):
    "A page that holds all functions"
    with watched_page(chromium) as page:
        page.add_script_tag(content=bundle('dashboard/standalone.js', exports=False))
        yield page


@pytest.mark.parametrize(('code', 'expected'), CASES, ids=[code for code, _ in CASES])
def test_pure_functions(scripted, code, expected):
    found, expected = scripted.evaluate(code), json.loads(expected)
    assert found == pytest.approx(expected) if isinstance(expected, (list, float)) else found == expected


@pytest.fixture(scope='module')
def learn(few_learner):
    learn = few_learner()
    learn.fine_tune(2, freeze_epochs=1)
    return learn


@pytest.fixture(scope='module')
def replay(chromium, learn, tmp_path_factory):
    "The page of that run, opened as a file with no network"
    file = learn.dashboard().to_html(tmp_path_factory.mktemp('page')/'run.html')
    with watched_page(chromium, offline=True) as page:
        page.goto(file.as_uri())
        page.locator('.fl-run').wait_for()
        drawn(page)
        yield page


def go(page, step: int) -> None:
    page.get_by_role('slider', name='Step of the run').fill(str(step))
    drawn(page)


def test_bytes_arrive_as_they_left(scripted, learn):
    scripted.evaluate('said => { window.said = said; }', state(learn.history))
    losses = scripted.evaluate('[...readCurves(said.curves, 3).lowest]')
    moved = scripted.evaluate('[...readWeightChange(said.weight_change, 3).moved[2]]')
    assert losses == pytest.approx(learn.history.losses, rel=1e-6)
    looks = learn.history.series['weight_change'].samples
    assert moved == pytest.approx([look['moved'][2].item() for look in looks], rel=1e-6)
    film = learn.history.series['filters']
    found = scripted.evaluate('''(() => {
        const film = readFilterHistory(said.filter_history, 9408);
        return { steps: film.records.map(record => record.step), last: [...weightsOf(film, film.records.at(-1))] };
    })()''')
    assert found['steps'] == film.steps
    expected = film.fixed['start'] + film.samples[-1]['scale']*film.samples[-1]['change']
    assert found['last'] == pytest.approx(expected.flatten().tolist(), abs=1e-6)


def test_the_slider_moves_everything_together(replay, learn):
    first_of_all = learn.history.phases[1].first_step + 1
    replay.get_by_role('button', name='difference', exact=True).click()
    go(replay, 2)
    earlier = pixels(replay.locator('canvas'))
    assert 'Training the head' in replay.locator('.fl-headline').inner_text()
    assert replay.locator('.fl-network').get_by_text('frozen').count() == 2
    assert 'No change yet: the first layer is frozen in this phase.' in replay.locator('.fl-run').inner_text()
    go(replay, len(learn.history.losses))
    assert not replay.locator('.fl-network').get_by_text('frozen').count()
    assert 'amplified ×' in replay.locator('.fl-run').inner_text()
    later = pixels(replay.locator('canvas'))
    assert len(earlier) == len(later) and sum(a != b for a, b in zip(earlier, later)) > 60  # charts and 64 filters
    go(replay, first_of_all)
    assert 'Training the whole network' in replay.locator('.fl-headline').inner_text()


def test_arrow_keys_read_the_history(replay, learn):
    go(replay, len(learn.history.losses))
    chart = replay.get_by_role('application', name=re.compile('^Loss'))
    chart.focus()
    replay.keyboard.press('Home')
    ends = {row.step: row for row in learn.history.epochs}
    for step, loss in enumerate(learn.history.losses, 1):
        said = replay.locator('.fl-loss .fl-values').filter(has_text=re.compile(rf'step {step}\b'))
        said.wait_for()  # drawn with the next picture of the screen
        assert f'loss {loss:.4f}' in said.inner_text()
        if row := ends.get(step): assert f'smoothed {row.train_loss:.4f}' in said.inner_text()
        if row: assert f'valid {row.valid_loss:.4f}' in said.inner_text()
        replay.keyboard.press('ArrowRight')


def test_quick_keys_add_up(replay):
    replay.get_by_role('application', name=re.compile('^Loss')).focus()
    for key in 'Home', 'ArrowRight', 'ArrowRight', 'ArrowRight': replay.keyboard.press(key)
    replay.locator('.fl-loss .fl-values').filter(has_text=re.compile(r'step 4\b')).wait_for()


def test_the_table_and_the_opinions_follow(replay, learn):
    go(replay, learn.history.epochs[0].step)
    rows = replay.get_by_role('row').filter(visible=True)
    first = learn.history.cells(learn.history.epochs[0])
    shown = [row.inner_text() for row in rows.all() if first['train_loss'] in row.inner_text()]
    assert len(shown) == 1 and first['error_rate'] in shown[0]
    hidden = learn.history.cells(learn.history.epochs[-1])['train_loss']
    assert not replay.get_by_text(hidden).filter(visible=True).count()


def test_a_filter_is_enlarged_and_put_back_by_keyboard(replay):
    filters = replay.get_by_role('button', name=re.compile(r'^Filter \d+'))
    assert filters.count() == 64
    filters.first.focus()
    replay.keyboard.press('ArrowRight')
    replay.keyboard.press('Enter')
    drawn(replay)
    enlarged = replay.locator('.fl-filter-detail')
    assert enlarged.is_visible() and 'Filter 1' in enlarged.inner_text()
    replay.keyboard.press('Escape')
    drawn(replay)
    assert not enlarged.is_visible()


def test_play_runs_to_the_end(replay, learn):
    "The whole run takes eight seconds; its last three steps are enough"
    go(replay, len(learn.history.losses) - 3)
    replay.get_by_role('button', name=re.compile('^Play')).click()
    replay.wait_for_function('n => +document.querySelector("[data-mounted] > *").shadowRoot'
                             '.querySelector("input[type=range]").value === n', arg=len(learn.history.losses))


@pytest.mark.parametrize(('scheme', 'widths'), [('dark', (400, 700, 1120, 1600)), ('light', (1600, 1120, 700, 400))])
def test_nothing_is_wider_than_the_window(chromium, learn, tmp_path, scheme, widths):
    "Opened in the first width, and when the window gets another one"
    file = learn.dashboard().to_html(tmp_path/'run.html')
    with watched_page(chromium, viewport={'width': widths[0], 'height': 900}, color_scheme=scheme) as page:
        page.goto(file.as_uri())
        page.locator('.fl-run').wait_for()
        drawn(page)
        for width in widths:
            page.set_viewport_size({'width': width, 'height': 900})
            drawn(page)
            assert page.evaluate('innerWidth') == width >= page.evaluate('document.documentElement.scrollWidth')
        background = page.locator('.fl-run').evaluate('run => getComputedStyle(run).backgroundColor')
        assert (background == 'rgb(255, 255, 255)') == (scheme == 'light')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_axe_finds_nothing_serious_in_a_replay(chromium, trained_twice, tmp_path, scheme):
    file = Dashboard(trained_twice.history, view={}).to_html(tmp_path/'run.html')
    with watched_page(chromium, color_scheme=scheme, bypass_csp=True) as page:
        page.goto(file.as_uri())
        page.locator('.fl-run').wait_for()
        drawn(page)
        assert not axe_findings(page)
        page.get_by_role('button', name=re.compile(r'^Filter 3,')).click()
        assert not axe_findings(page)


def test_a_finger_hits_every_control(chromium, trained_twice, tmp_path):
    "The 64 filters are a picture of one layer; each is as large as the screen allows, and arrow keys reach it too"
    file = Dashboard(trained_twice.history, view={}).to_html(tmp_path/'run.html')
    with watched_page(chromium, **PHONE) as page:
        page.goto(file.as_uri())
        page.locator('.fl-run').wait_for()
        drawn(page)
        assert not small_targets(page, '.fl-filter')
        page.get_by_role('group', name='Runs to show').get_by_role('button', name='all runs').tap()
        drawn(page)
        assert numbers_of(page)[2] == len(trained_twice.history.losses)
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')


def test_reduced_motion_jumps_instead_of_moving(chromium, tmp_path):
    "The play button still leads from the middle to the end of a thousand steps, in a few jumps"
    with watched_page(chromium, reduced_motion='reduce') as page:
        (file := tmp_path/'run.html').write_text(page_html('run', replay_html(made_up(1000))), encoding='utf-8')
        page.goto(file.as_uri())
        go(page, 500)
        page.evaluate("""() => {
            const slider = document.querySelector('[data-mounted] > *').shadowRoot.querySelector('.fl-slider');
            const { set, get } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
            window.shown = new Set();
            Object.defineProperty(slider, 'value', { set(to) { window.shown.add(+to); set.call(this, to); }, get });
        }""")
        page.get_by_role('button', name=re.compile('^Play')).click()
        page.wait_for_function('end => window.shown.has(end)', arg=1000)
        assert page.evaluate('window.shown.size') <= 10  # 4 seconds, half a second apart


def test_labels_are_text(chromium, learn, tmp_path):
    said = state(learn.history)
    evil = '</script><img src=x onerror="document.title=1">'
    said['about']['title'] = said['about']['groups'][0]['name'] = said['about']['images'][0]['truth'] = evil
    said['run_state']['predictions'][-1]['top'][0][0] = evil
    with watched_page(chromium) as page:
        page.add_script_tag(content=bundle('dashboard/standalone.js', exports=False))
        page.evaluate('said => mount(document.body, said)', said)
        drawn(page)
        assert page.get_by_text(evil).count() and not page.locator('img[src="x"]').count() and page.title() == ''


def test_what_stays_where_no_script_runs(chromium, learn):
    with watched_page(chromium, java_script_enabled=False) as page:
        page.set_content(page_html('run', replay_html(learn.history)))
        picture = page.get_by_role('img')
        assert picture.is_visible()
        assert page.get_by_role('cell', name=learn.history.cells(learn.history.epochs[-1])['train_loss']).is_visible()


def test_a_hundred_thousand_steps_are_drawn_from_a_thousand_points(chromium):
    with watched_page(chromium) as page:
        page.add_script_tag(content=bundle('dashboard/standalone.js', exports=False))
        page.evaluate('said => { window.said = said; mount(document.body, said); }', state(made_up(100_000)))
        assert page.evaluate('readCurves(said.curves, 3).last.length') <= 1000
        page.get_by_role('application', name=re.compile('^Loss')).focus()
        page.keyboard.press('End')
        drawn(page)
        assert 'steps 9' in page.locator('.fl-loss .fl-values').inner_text()  # one point stands for 128 steps


def test_nothing_stays_behind(chromium, learn):
    with watched_page(chromium) as page:
        page.add_script_tag(content='''
            const counts = { observers: 0 }, listeners = [];
            const forget = (target, type, call) => {
              const at = listeners.findIndex(l => l[0] === target && l[1] === type && l[2] === call);
              if (at >= 0) listeners.splice(at, 1);
            };
            const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
            EventTarget.prototype.addEventListener = function (type, call, options) {
              if (!(this instanceof AbortSignal)) {
                listeners.push([this, type, call]);
                if (options?.signal) add.call(options.signal, 'abort', () => forget(this, type, call));
              }
              return add.call(this, type, call, options);
            };
            EventTarget.prototype.removeEventListener = function (type, call, options) {
              forget(this, type, call);
              return remove.call(this, type, call, options);
            };
            for (const name of ['ResizeObserver', 'MutationObserver']) {
              window[name] = class extends window[name] {
                constructor(call) { super(call); counts.observers++; }
                disconnect() { counts.observers--; super.disconnect(); }
              };
            }''' + bundle('dashboard/standalone.js', exports=False) + '''
            async function rounds(n, said) {
              const place = document.body.appendChild(document.createElement('div'));
              for (let i = 0; i < n; i++) {
                const end = mount(place, said);
                await new Promise(requestAnimationFrame);
                end();
              }
              return { ...counts, listeners: listeners.map(l => l[1]), children: place.childElementCount };
            }''')
        none, many = page.evaluate('async said => [await rounds(1, said), await rounds(9, said)]', state(learn.history))
        assert none == many and not many['children']  # what is left is the test's own


def test_two_on_one_page_do_not_disturb_each_other(chromium, learn, few_learner):
    other = few_learner()
    other.fit(1, 1e-4)
    with watched_page(chromium) as page:
        page.set_content(page_html('two', replay_html(learn.history) + replay_html(other.history)))
        sliders = page.get_by_role('slider', name='Step of the run')
        assert sliders.count() == 2
        drawn(page)
        before = sliders.nth(1).input_value()
        sliders.nth(0).fill('1')
        assert sliders.nth(1).input_value() == before and sliders.nth(0).input_value() == '1'


def test_compare_has_one_slider_for_both(chromium, learn, few_learner, tmp_path):
    scratch = few_learner(weights=None)
    scratch.unfreeze()
    scratch.fit(2, 1e-3)
    file = compare(learn, scratch, names=('pretrained', 'from scratch')).to_html(tmp_path/'two.html')
    with watched_page(chromium, offline=True) as page:
        page.goto(file.as_uri())
        page.locator('.fl-compared').wait_for()
        drawn(page)
        slider = page.get_by_role('slider')
        assert slider.count() == 1
        text = page.locator('.fl-compared').inner_text()
        assert 'pretrained' in text and 'from scratch' in text
        before = pixels(page.locator('canvas'))
        slider.fill('1')
        drawn(page)
        after = pixels(page.locator('canvas'))
        assert sum(a != b for a, b in zip(before, after)) > 60


# --- a second run of the same learner ---

class StopAt(Observer):
    "Presses Stop after some step of the history"
    def __init__(self, learn, step): self.learn, self.step = learn, step
    def after_step(self, history, step):
        if len(history.losses) == self.step: self.learn.stop()


@pytest.fixture(scope='module')
def trained_twice(few_learner):
    "A learner whose second fine-tune was stopped in its third step"
    learn = few_learner()
    learn.fine_tune(1, freeze_epochs=1)
    learn.observers.append(StopAt(learn, len(learn.history.losses) + 3))
    learn.fine_tune(2, freeze_epochs=1)
    return learn


def numbers_of(page) -> tuple[str, str, int]:
    "Header, foot of the table, end of the slider"
    drawn(page)
    text = [re.search(rf'{word} [\d,]+( of [\d,]+)?', page.locator(place).inner_text())[0]
            for word, place in (('step', '.fl-position'), ('step', '.fl-events'))]
    return *text, int(page.get_by_role('slider', name='Step of the run').get_attribute('max'))


@pytest.mark.parametrize('width', [1120, 390])
def test_a_second_run_is_counted_alone_or_with_the_first(chromium, trained_twice, tmp_path, width):
    history = trained_twice.history
    first, steps = history.phases[2].first_step, len(history.losses)
    assert [phase.run for phase in history.phases] == [0, 0, 1] and steps == first + 3
    file = Dashboard(history, view={}).to_html(tmp_path/'second.html')
    with watched_page(chromium, offline=True, viewport={'width': width, 'height': 900}) as page:
        page.goto(file.as_uri())
        runs = page.get_by_role('group', name='Runs to show')
        this, every = (runs.get_by_role('button', name=name, exact=True) for name in ('this run', 'all runs'))
        assert this.get_attribute('aria-pressed') == 'true'
        assert numbers_of(page) == ('step 3 of 3', 'step 3', 3)
        assert [row.split()[0] for row in page.get_by_role('row').all_inner_texts()] == ['epoch', '2']
        go(page, 2)
        assert f'loss {history.losses[first + 1]:.4f}' in page.locator('.fl-loss .fl-values').inner_text()
        assert 'Training the head' in page.locator('.fl-headline').inner_text()
        this.focus()
        page.keyboard.press('Tab')
        page.keyboard.press('Enter')
        drawn(page)
        assert every.get_attribute('aria-pressed') == 'true'
        assert f'step {first + 2} of {steps}' in page.locator('.fl-position').inner_text()  # the same moment
        assert f'loss {history.losses[first + 1]:.4f}' in page.locator('.fl-loss .fl-values').inner_text()
        go(page, steps)
        assert numbers_of(page) == (f'step {steps} of {steps}', f'step {steps}', steps)
        assert page.get_by_role('row').count() == 1 + len(history.epochs)
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')


def test_all_that_was_sampled_is_counted_from_the_same_step(scripted, trained_twice):
    "The newest run alone: predictions, filters and weight change before it stand at its step 0"
    history = trained_twice.history
    first = history.phases[2].first_step
    scripted.evaluate('said => { window.twice = newestAlone(readRun({}, name => said[name])); }', state(history))
    def expected(name):
        steps = history.series[name].steps
        return [max(0, step - first) for step in steps[max(i for i, step in enumerate(steps) if step <= first):]]
    assert scripted.evaluate('[...twice.weightChange.step]') == expected('weight_change')
    assert scripted.evaluate('twice.filterHistory.records.map(record => record.step)') == expected('filters')
    assert scripted.evaluate('twice.runState.predictions.map(one => one.step)') == expected('predictions')
    assert scripted.evaluate('[...twice.curves.last]') == [1, 2, 3]
    assert scripted.evaluate('[...twice.curves.lowest]') == pytest.approx(history.losses[first:], rel=1e-6)


def test_the_dashboard_of_a_learner_opens_on_all_runs(chromium, learn, trained_twice, tmp_path):
    "And one run needs no choice"
    for one, pressed in (learn, None), (trained_twice, 'true'):
        with watched_page(chromium, offline=True) as page:
            page.goto(one.dashboard().to_html(tmp_path/'run.html').as_uri())
            page.locator('.fl-run').wait_for()
            drawn(page)
            steps, every = len(one.history.losses), page.get_by_role('button', name='all runs', exact=True)
            assert f'step {steps} of {steps}' in page.locator('.fl-position').inner_text()
            assert (every.get_attribute('aria-pressed') if every.is_visible() else None) == pressed


@pytest.fixture(scope='module')
def six_runs(few_learner):
    "Runs that differ in rate, weight decay and weights"
    runs = [few_learner(), few_learner(wd=.1), few_learner(weights=None), *(few_learner() for _ in range(3))]
    for i, run in enumerate(runs): run.fit(1 + i % 2, 1e-4*(i + 1))
    return runs


def test_what_differs_and_what_is_the_same(six_runs):
    facts = run_facts(six_runs)
    assert {'weights', 'weight decay', 'epochs', 'highest rate, head'} <= set(facts['parameters'])
    column = len(facts['results']) + facts['parameters'].index('weight decay')
    assert [row[column] for row in facts['rows']] == ['0.01', '0.1', '0.01', '0.01', '0.01', '0.01']
    assert ['network', 'resnet10'] in facts['same'] and 'network' not in facts['parameters']
    assert facts['rows'][0][1] == f"{six_runs[0].history.epochs[-1].metrics['error_rate']:.4f}"


def test_errors_by_class_are_counted(six_runs):
    "Against predictions and labels, image by image"
    found = errors_by_class(six_runs[:2])
    for i, learn in enumerate(six_runs[:2]):
        outputs, targets = learn.get_preds()
        for name, label, rates in zip(found['classes'], range(2), found['rates']):
            here = targets == label
            assert rates[i] == pytest.approx((outputs.argmax(1)[here] != label).float().mean().item()), name
    assert sum(found['images']) == six_runs[0].dls.valid.n_images
    assert errors_by_class([six_runs[0].history, six_runs[1]])['rates'][0][0] is None


def test_six_runs_on_one_page(chromium, six_runs, tmp_path):
    names = [f'run with a longer name {i}' for i in range(6)]
    file = compare(*six_runs, names=names).to_html(tmp_path/'six.html')
    with watched_page(chromium, offline=True, viewport={'width': 1366, 'height': 800}, bypass_csp=True) as page:
        page.goto(file.as_uri())
        page.locator('.fl-compared').wait_for()
        drawn(page)
        for width, scheme in (1366, 'light'), (1366, 'dark'), (600, 'light'), (400, 'dark'):
            page.set_viewport_size({'width': width, 'height': 800})
            page.emulate_media(color_scheme=scheme)
            drawn(page)
            assert page.evaluate('document.documentElement.scrollWidth') <= width
            for region in 'Results and parameters', 'Error rates by class':
                page.get_by_role('region', name=region).focus()
            assert page.get_by_role('region', name='Error rates by class').get_by_role('columnheader').count() == 7
            columns = [page.get_by_role('group', name=name, exact=True).bounding_box() for name in names]
            beside = sum(box['y'] == columns[0]['y'] for box in columns)
            assert (beside >= 3) if width > 1000 else (beside == 1) if width == 400 else (beside >= 1)
            page.get_by_role('slider').focus()
            page.keyboard.press('End')
            page.keyboard.press('Home')
            page.get_by_text('step 0 of').first.wait_for()
            assert not axe_findings(page)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_a_table_that_goes_on_has_a_shadow_at_its_edge(chromium, six_runs, tmp_path, scheme):
    "In the row's own gap above its text, at the right edge: the panel's color only once the end is reached"
    def edge(): return np.asarray(Image.open(io.BytesIO(table.screenshot())).convert('RGB'))[2, -3:].mean()
    file = compare(*six_runs).to_html(tmp_path/'six.html')
    with watched_page(chromium, offline=True, viewport={'width': 400, 'height': 800}, color_scheme=scheme) as page:
        page.goto(file.as_uri())
        table = page.get_by_role('region', name='Results and parameters')
        assert table.evaluate('one => one.scrollWidth > one.clientWidth + 20')
        before = edge()
        table.evaluate('one => one.scrollTo(one.scrollWidth, 0)')
        page.wait_for_function('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')
        after = edge()
        assert (before < after - 15) if scheme == 'light' else (before > after + 15)


def test_seven_runs_are_too_many(six_runs):
    with pytest.raises(ValueError, match='7 runs and 7 names; expected 2 to 6 runs'): compare(*six_runs, six_runs[0])


def test_the_page_decides_between_light_and_dark(chromium, learn, tmp_path):
    "JupyterLab, VS Code, the docs site: each has a mark of its own"
    file = learn.dashboard().to_html(tmp_path/'run.html')
    with watched_page(chromium, color_scheme='light') as page:
        page.goto(file.as_uri())
        run = page.locator('.fl-run')
        marks = (("document.body.dataset.jpThemeLight = 'false'", 'delete document.body.dataset.jpThemeLight'),
                 ("document.body.classList.add('vscode-dark')", "document.body.className = ''"),
                 ("document.documentElement.dataset.theme = 'dark'", 'delete document.documentElement.dataset.theme'))
        for dark, light in marks:
            assert run.evaluate('run => run.style.colorScheme') == 'light'
            for theme, code in ('dark', dark), ('light', light):
                page.evaluate(code)
                page.wait_for_function('theme => document.querySelector("[data-mounted] > *").shadowRoot'
                                       '.querySelector(".fl-run").style.colorScheme === theme', arg=theme)
