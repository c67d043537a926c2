"The explorers of the course: what they compute in the browser, moved by mouse and by keyboard, with no network"
import re

import pytest
import torch
from browsing import drawn, watched_page
from fastlearn.core.interactive import bundle
from fastlearn.course.altered_pets import ALTERATIONS
from fastlearn.course.dissimilarity import Dial, DissimilarityDial
from fastlearn.course.explorers import (
    architecture_explorer, convolution_explorer, fine_tune_plan, gradient_descent_explorer, loss_and_accuracy_explorer,
    overfitting_explorer,
    timeline_explorer, tiny_models,
)
from fastlearn.course.recipe_duel import RecipeDuel

RECIPES = ('head only', 'all at once, one rate', 'head first, then all')
RUNS = [{'recipe': recipe, 'data': data, 'seed': seed, 'lr': 2e-3, 'loss': [.7, .1],
         'home': [.3, .2, .01*(i + 1)], 'dark': [.4, .4, .3 - .1*i + .02*seed], 'exchanged': [.4, .3, .2]}
        for data in ('near', 'far') for i, recipe in enumerate(RECIPES) for seed in (0, 1) if (data, i) != ('far', 2)]


def duel(): return RecipeDuel(RUNS)


def dial():
    "Seven positions; gray lies further than outlines"
    distances = dict(zip(ALTERATIONS, (.2, .5, .4, .3, .6, .7, .8)))
    return DissimilarityDial(Dial(tuple({
        'alteration': name, 'seed': 0, 'distance': far, 'probes pretrained': [.9, .8, .7, .6],
        'probes random': [.6, .6, .5, .5], 'adam': {'frozen loss': .2, 'frozen error': far/2, 'free loss': .1,
                                                    'free error': far/3, 'moved': [.01, .02, .03]},
        'sgd': {'moved': [far/100, far/200, .01]}} for name, far in distances.items())))


EXPLORERS = {'duel': duel, 'dial': dial,
             'architecture': architecture_explorer, 'loss_and_accuracy': loss_and_accuracy_explorer,
             'gradient_descent': gradient_descent_explorer, 'overfitting': overfitting_explorer,
             'timeline': timeline_explorer}


@pytest.fixture
def shown(chromium, tmp_path):
    "Opens an explorer from a file, without a network; everything is closed after the test"
    opened = []

    def show(explorer, **options):
        holder = watched_page(chromium, offline=True, **({'viewport': {'width': 1000, 'height': 900}} | options))
        page = holder.__enter__()
        opened.append(holder)
        page.goto(explorer.to_html(tmp_path/'explorer.html').as_uri())
        page.locator('.fl-explorer-frame').wait_for()
        return page
    yield show
    for holder in opened: holder.__exit__(None, None, None)


@pytest.fixture
def script(chromium):
    "A page in which the functions of an explorer can be called"
    with watched_page(chromium) as page:
        def load(name):
            page.add_script_tag(content=bundle(name, exports=False))
            return page.evaluate
        yield load


def said(page) -> str: return page.get_by_role('status').inner_text()


def slide(page, name: str, value: float) -> None:
    page.get_by_role('slider', name=name, exact=True).fill(str(value))


def drag(page, name: str, across: float, down: float = 0) -> None:
    "Pull a point by so many pixels"
    box = page.get_by_role('slider', name=name, exact=True).locator('.fl-handle-knob').bounding_box()
    x, y = box['x'] + box['width']/2, box['y'] + box['height']/2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=3)
    page.mouse.up()


# --- all of them ---

every = pytest.mark.parametrize('make', EXPLORERS.values(), ids=EXPLORERS)


@every
def test_narrow_and_wide_light_and_dark(shown, make):
    page = shown(make(), viewport={'width': 400, 'height': 900}, color_scheme='dark')
    for width, scheme, color in (400, 'dark', 'rgb(20, 24, 29)'), (1100, 'light', 'rgb(255, 255, 255)'):
        page.set_viewport_size({'width': width, 'height': 900})
        page.emulate_media(color_scheme=scheme)
        drawn(page)
        assert page.evaluate('innerWidth') == width >= page.evaluate('document.documentElement.scrollWidth')
        ground = page.locator('.fl-explorer-frame').evaluate('root => getComputedStyle(root).backgroundColor')
        assert ground == color
        outside = page.locator('.fl-explorer-frame').evaluate('''root => [
            ...root.querySelectorAll('input, button, p, .fl-svg-chart, canvas')].filter(one =>
                one.getClientRects().length && one.getBoundingClientRect().right > root.getBoundingClientRect().right)
            .map(one => one.ariaLabel || one.textContent)''')
        assert not outside
    check_controls(page)


def check_controls(page) -> None:
    "Every control has a name of its own and can be reached"
    controls = page.locator('.fl-explorer-frame').evaluate('''root => {
        const all = [...root.querySelectorAll('input, button, [role=slider], canvas')];
        return all.filter(one => one.getClientRects().length).map(one => [
            one.getAttribute('aria-label') || one.textContent, one.tabIndex, one.getAttribute('role') ?? one.tagName]);
    }''')
    assert len(controls) >= 5 and all(name.strip() and tab == 0 for name, tab, _ in controls)
    names = [name for name, *_ in controls]
    assert len(names) == len(set(names)) and len(said(page)) > 30


@every
def test_nothing_stays_behind(script, make):
    explorer = make()
    evaluate = script(explorer.entry)
    assert evaluate('''async ([mount, state]) => {
        const open = new Set();
        const { addEventListener: add } = EventTarget.prototype;
        EventTarget.prototype.addEventListener = function (type, call, options) {
            if (!(this instanceof AbortSignal)) {
                const one = {};
                open.add(one);
                if (options?.signal) add.call(options.signal, 'abort', () => open.delete(one));
            }
            return add.call(this, type, call, options);
        };
        for (const name of ['ResizeObserver', 'MutationObserver']) {
            window[name] = class extends window[name] {
                constructor(call) { super(call); open.add(this); }
                disconnect() { open.delete(this); super.disconnect(); }
            };
        }
        const place = document.body.appendChild(document.createElement('div'));
        const end = eval(mount)(place, state);
        await new Promise(requestAnimationFrame);
        const [listening, shown] = [open.size, place.childElementCount];
        end();
        return [listening > 5, shown, open.size, place.childElementCount];
    }''', [explorer.mount, explorer.state]) == [True, 1, 0, 0]


@every
def test_every_viewer_gets_something_small(make):
    page = make().bundle()
    assert len(page['text/plain'].splitlines()) >= 3 and len(page['text/html']) < 100_000


# --- one architecture, many models ---

@pytest.mark.parametrize('name', tiny_models())
def test_the_browser_runs_the_network_as_torch_does(script, name):
    evaluate, model = script('explorers/architecture.js'), tiny_models()[name]
    state = {one['name']: one['parameters'] for one in architecture_explorer().state['models']}
    for bend, between in (('ReLU', torch.nn.ReLU()), ('tanh', torch.nn.Tanh())):
        for x in (-3., -.4, 0., 2.2):
            hidden = between(model[0](torch.tensor([x])))
            found = evaluate('([all, bend, x]) => runNetwork(all, bend, x)', [state[name], bend, x])
            assert found['activations'] == pytest.approx(hidden.tolist(), abs=1e-6)
            assert found['output'] == pytest.approx(model[2](hidden).item(), abs=1e-6)


def test_parameters_are_set_and_activations_follow_from_the_input(shown):
    page = shown(architecture_explorer())
    assert page.get_by_role('heading', name='10 parameters').is_visible()
    assert 'parameters of hill. At x = 0.50 its units compute the activations 2.00, 0.50, 0.00' in said(page)
    values = 'root => [...root.querySelectorAll("input")].map(input => input.ariaValueText)'
    before = page.locator('.fl-explorer-frame').evaluate(values)
    drag(page, 'Input x', -200)
    assert page.locator('.fl-explorer-frame').evaluate(values) == before  # no parameter, but
    assert 'At x = 0.50' not in said(page) and ', 0.00, 0.00, and' in said(page)
    page.get_by_role('button', name='Fill in the parameters of zigzag').click()
    assert 'parameters of zigzag' in said(page) and page.locator('.fl-explorer-frame').evaluate(values) != before
    slide(page, 'output bias', 1)
    assert 'your own parameters (1 of 10 differ from zigzag)' in said(page)
    page.get_by_role('button', name='tanh', exact=True).click()
    assert said(page).startswith('The tanh architecture')


def test_arrow_keys_move_the_input(shown):
    page = shown(architecture_explorer())
    point = page.get_by_role('slider', name='Input x', exact=True)
    point.focus()
    for key, text in (('ArrowRight', 'x 0.60, output 0.90'), ('Shift+ArrowLeft', 'x −0.40, output 1.10'),
                      ('Home', 'x −3.00, output 0.00'), ('End', 'x 3.00, output 0.00')):
        page.keyboard.press(key)
        assert point.get_attribute('aria-valuetext') == text
    slider = page.get_by_role('slider', name='weight of unit 1', exact=True)
    slider.focus()
    page.keyboard.press('ArrowRight')
    assert re.search('1 of 10 differ', said(page)) and slider.get_attribute('aria-valuetext') == '1.05'


# --- hills and cliffs ---

def test_loss_slope_and_error_are_those_of_torch(script):
    evaluate, state = script('explorers/loss_and_accuracy.js'), loss_and_accuracy_explorer().state
    features, targets = torch.tensor(state['features'], dtype=torch.float64), torch.tensor(state['targets'])
    for value in (-5.5, -1., 0., .3, 4.):
        weight = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        logits = features[:, 0]*weight + features[:, 1]*state['second'] + state['bias']
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets.double())
        loss.backward()
        found = evaluate('([all, weight]) => [lossOf(all, weight), slopeOf(all, weight), errorRateOf(all, weight)]',
                         [state, value])
        error = ((logits > 0) != targets.bool()).double().mean()
        assert found == pytest.approx([loss.item(), weight.grad.item(), error.item()], abs=1e-12)


def test_the_error_rate_is_a_staircase(script):
    evaluate, state = script('explorers/loss_and_accuracy.js'), loss_and_accuracy_explorer().state
    cliffs, stairs = evaluate('all => [thresholdsOf(all), errorRateSteps(all)]', state)
    assert 8 <= len(cliffs) <= 12 and cliffs == sorted(cliffs) and len(stairs) == 2*len(cliffs) + 2
    for (left, height), (right, same) in zip(stairs[::2], stairs[1::2]):
        assert height == same and height == evaluate('([all, at]) => errorRateOf(all, at)', [state, left*.4 + right*.6])
    assert all(abs(before[1] - after[1]) == pytest.approx(1/12) for before, after in zip(stairs[1::2], stairs[2::2]))


def test_steps_descend_the_loss_and_never_the_error_rate(shown):
    page = shown(loss_and_accuracy_explorer())
    losses, down = [], page.get_by_role('button', name='Step downhill on the loss')
    for _ in range(12):
        losses.append(float(re.search(r'Loss ([\d.]+)', said(page))[1]))
        down.click()
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]/4
    before = re.search(r'Weight (\S+)\.', said(page))[1]
    page.get_by_role('button', name='Step downhill on the error rate').click()
    assert said(page).startswith('The slope of the error rate is 0') and f'Weight {before}.' in said(page)


@pytest.mark.parametrize('name', ['weight, on the loss curve', 'weight, on the error rate curve'])
def test_the_weight_is_dragged_and_pushed_on_both_charts(shown, name):
    page = shown(loss_and_accuracy_explorer())
    before = said(page)
    drag(page, name, 120)
    assert said(page) != before and page.get_by_role('slider', name='weight', exact=True).input_value() != '-4'
    point = page.get_by_role('slider', name=name, exact=True)
    point.focus()
    for key, start in (('Home', '−6.00'), ('ArrowRight', '−5.90'), ('PageUp', '−4.90'), ('End', '+6.00')):
        page.keyboard.press(key)
        assert point.get_attribute('aria-valuetext').startswith(start)
    slide(page, 'weight', 0)
    assert said(page).startswith('Weight 0.')


def test_examples_of_ones_own(shown):
    features, targets = torch.tensor([[1., 0.], [-1., 0.], [2., 1.]]), torch.tensor([1, 0, 1])
    page = shown(loss_and_accuracy_explorer(features, targets, second=0.))
    assert page.get_by_role('heading', name='3 examples').is_visible()


# --- rolling downhill ---

@pytest.mark.parametrize(('lr', 'momentum'), [(.003, 0.), (.03, .9), (.066, 0.), (.1, .5), (.15, .2)])
def test_the_path_is_that_of_torch(script, lr, momentum):
    evaluate, state = script('explorers/gradient_descent.js'), gradient_descent_explorer(lr, momentum).state
    weights = torch.nn.Parameter(torch.tensor(state['start'], dtype=torch.float64))
    optimizer, expected, losses = torch.optim.SGD([weights], lr, momentum), [], []
    for _ in range(26):
        expected.append(weights.tolist())
        optimizer.zero_grad()
        loss = (weights[0]**2 + state['steepness']*weights[1]**2)/2
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    path = evaluate('state => descend(state, 25)', state)
    assert len(path) == 26 or losses[len(path) - 1] > 1e6  # what flies away is not followed for ever
    for found, wanted in zip(path, expected): assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    heights = evaluate('([steepness, path]) => path.map(at => lossAt(steepness, at))', [state['steepness'], path])
    assert heights == pytest.approx(losses[:len(path)], rel=1e-9)


def test_the_largest_rate_is_where_it_begins_to_diverge(script):
    evaluate = script('explorers/gradient_descent.js')
    for momentum in (0., .5, .9):
        limit = evaluate('state => largestStableRate(state)', gradient_descent_explorer(0, momentum).state)
        for factor, grows in ((.99, False), (1.01, True)):
            state = gradient_descent_explorer(factor*limit, momentum).state
            path = evaluate('state => descend(state, 3000)', state)
            assert (abs(path[-1][1]) > abs(state['start'][1])) == grows
            assert (evaluate('([state, path]) => statusOf(state, path)', [state, path]) == 'diverging') == grows


def test_it_says_in_words_what_the_path_does(shown):
    page = shown(gradient_descent_explorer())
    step, back = (page.get_by_role('button', name=name, exact=True)
                  for name in ('One step', 'Reset: back to the start'))
    assert said(page).startswith('No step has been taken yet. Loss 101') and 'below 0.0667' in said(page)
    for _ in range(12): step.click()
    assert said(page).startswith('Slow:') and 'after 12 steps' in said(page)
    page.get_by_role('slider', name='learning rate', exact=True).focus()
    page.keyboard.press('End')
    assert said(page).startswith('Diverging') and 'beyond a million' in said(page)
    page.keyboard.press('Home')
    assert said(page).startswith('Slow:')
    slide(page, 'learning rate', 185)
    assert said(page).startswith('Oscillating')
    slide(page, 'momentum', .6)
    for _ in range(30): step.click()
    assert re.match(r'Converged: .* in \d+ steps', said(page)) and 'below 0.1067' in said(page)
    back.click()
    assert said(page).startswith('No step has been taken yet')


def test_it_plays_until_it_is_paused(shown):
    page = shown(gradient_descent_explorer())
    page.get_by_role('button', name='Play', exact=True).click()
    page.get_by_text('after 4 steps').first.wait_for()
    page.get_by_role('button', name='Pause', exact=True).click()
    before = said(page)
    page.evaluate('''new Promise(done => {  // thirty frames, however long they take
        let left = 30; const tick = () => left-- ? requestAnimationFrame(tick) : done(); tick(); })''')
    assert said(page) == before and page.get_by_role('button', name='Play', exact=True).is_visible()


def test_the_start_is_dragged_and_pushed(shown):
    page = shown(gradient_descent_explorer())
    point = page.get_by_role('slider', name='Start of the path', exact=True)
    assert point.get_attribute('aria-valuetext') == '-9.00, 2.00'
    drag(page, 'Start of the path', 100, 60)
    x, y = map(float, point.get_attribute('aria-valuetext').split(', '))
    assert x > -8 and y < 1.5
    for key, across, up in (('ArrowRight', .25, 0), ('ArrowDown', 0, -.1), ('Shift+ArrowLeft', -2.5, 0)):
        page.keyboard.press(key)
        x, y = x + across, y + up
    assert list(map(float, point.get_attribute('aria-valuetext').split(', '))) == pytest.approx([x, y], abs=.011)
    page.keyboard.press('Home')
    assert point.get_attribute('aria-valuetext').startswith('-10.00')


# --- overfitting ---

def random_numbers(seed: int):
    "mulberry32 in numbers without a limit: the oracle of the browser's generator"
    mask = 2**32 - 1
    while True:
        seed = seed + 0x6D2B79F5 & mask
        mixed = (seed ^ seed >> 15)*(1 | seed) & mask
        mixed = mixed + ((mixed ^ mixed >> 7)*(61 | mixed) & mask) & mask ^ mixed
        yield (mixed ^ mixed >> 14)/2**32


def drawn_points(seed: int, points: int, noise: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    "Inputs and targets, to train with and to validate with"
    random, sets = random_numbers(seed), []
    for _ in range(2):
        xs, noises = [], []
        for i in range(points):
            xs.append((i + next(random))/points)
            noises.append(noise*(sum(next(random) for _ in range(12)) - 6))
        x = torch.tensor(xs, dtype=torch.float64)
        sets.append((x, .9*torch.sin(1.8*torch.pi*x) + .3*x + torch.tensor(noises, dtype=torch.float64)))
    return sets


@pytest.mark.parametrize(('waves', 'seed', 'points'), [(1, 2, 14), (4, 7, 14), (12, 2, 14), (20, 3, 42)])
def test_losses_are_those_of_gradient_descent_in_torch(script, waves, seed, points):
    state = overfitting_explorer(waves, seed=seed, points=points).state | {'longest': 60}
    found = script('explorers/overfitting.js')('''state => {
        const { train, valid } = lossCurves(drawPoints(state), state.waves, state);
        return [Array.from(train), Array.from(valid)];
    }''', state)
    numbers = torch.arange(waves, dtype=torch.float64)
    sets = [((torch.pi*numbers*x[:, None]).cos()/numbers.clamp(min=1), y)
            for x, y in drawn_points(seed, points, state['noise'])]
    weights, expected = torch.zeros(waves, dtype=torch.float64, requires_grad=True), [[], []]
    for _ in range(61):
        losses = [torch.nn.functional.mse_loss(rows @ weights, targets) for rows, targets in sets]
        for kept, loss in zip(expected, losses): kept.append(loss.item())
        losses[0].backward()
        with torch.no_grad(): weights -= state['rate']*weights.grad
        weights.grad = None
    for ours, theirs in zip(found, expected): assert ours == pytest.approx(theirs, rel=1e-8)


def test_the_rate_bears_every_capacity(script):
    evaluate = script('explorers/overfitting.js')
    falls = evaluate('''state => [14, 42].map(points => trainAll({ ...state, points }).runs.every(
        ({ train }) => train.every((loss, i) => !i || loss <= train[i - 1] + 1e-12)))''', overfitting_explorer().state)
    assert falls == [True, True]


def test_what_the_notebook_says_of_it(script):
    "The validation loss turns, unless there are three times the points"
    few, many = script('explorers/overfitting.js')('''state => [14, 42].map(points => {
        const { valid } = trainAll({ ...state, points }).runs[state.waves - 1];
        return valid.at(-1) / valid[argmin(valid)];
    })''', overfitting_explorer().state)
    assert few > 2 and many < 1.25


def test_it_says_in_words_whether_it_overfits(shown):
    page = shown(overfitting_explorer())
    assert re.match(r'Overfitting: since epoch (\d+) the training loss has .* 12 waves, 400 epochs.* capacity: \1\.$',
                    said(page))
    slide(page, 'epochs', 20)
    assert said(page).startswith('Underfitting')
    best = re.search(r'capacity: (\d+)', said(page))[1]
    slide(page, 'waves', 1)
    slide(page, 'epochs', 240)
    assert said(page).startswith('Too few waves') and '1 wave, 2000 epochs' in said(page)
    slide(page, 'waves', 12)
    page.get_by_role('button', name='42', exact=True).click()
    assert re.search(r'capacity: (\d+)', said(page))[1] != best


def test_new_noise_is_other_noise(shown):
    page = shown(overfitting_explorer())
    before = said(page)
    page.get_by_role('button', name='Draw new points').click()
    assert said(page) != before
    assert said(shown(overfitting_explorer(seed=3))) == said(page)  # the same seed, the same points


def test_epochs_and_waves_are_dragged_and_pushed_in_their_charts(shown):
    page = shown(overfitting_explorer())
    for name, keys in (('Number of epochs', (('Home', '1'), ('ArrowRight', '2'), ('ArrowLeft', '1'), ('End', '2000'))),
                       ('Number of waves', (('Home', '1'), ('ArrowRight', '2'), ('PageUp', '12'), ('End', '20')))):
        point = page.get_by_role('slider', name=name, exact=True)
        before = point.get_attribute('aria-valuetext')
        drag(page, name, -60)
        assert int(point.get_attribute('aria-valuetext')) < int(before)
        point.focus()
        for key, expected in keys:
            page.keyboard.press(key)
            assert point.get_attribute('aria-valuetext') == expected
    assert '20 waves, 2000 epochs' in said(page)


# --- who trains when ---

@pytest.mark.parametrize('given', [
    {}, {'epochs': 2, 'base_lr': 1e-2, 'lr_mult': 10, 'pct_start': .5, 'div': 25},
    {'epochs': 3, 'freeze_epochs': 0, 'pct_start': 1., 'div': 1}, {'freeze_epochs': 2, 'lr_mult': 1, 'pct_start': 0.},
], ids=str)
def test_the_browser_has_the_schedule_of_a_real_run(script, few_learner, given):
    learn = few_learner(bs=24)
    given = {'epochs': 1} | given
    learn.fine_tune(**given)
    state = timeline_explorer(**given, steps_per_epoch=learn.steps_per_epoch()).state
    evaluate = script('explorers/fine_tune_timeline.js')
    steps = evaluate('state => stepsOf(phasesOf(state.given, state.groups.length))', state)
    history = learn.history
    assert len(steps) == len(history.lrs)
    for i, step in enumerate(steps):
        phase = [phase for phase in history.phases if phase.first_step <= i][-1]
        assert step['trainable'] == list(phase.trainable) and step['begins'] == (phase.first_step == i)
        assert step['rates'] == pytest.approx(list(history.lrs[i]), rel=1e-6, abs=0)
        assert step['momentum'] == pytest.approx(history.momenta[i], rel=1e-6, abs=0)


@pytest.mark.parametrize('groups', [1, 2, 3, 5])
def test_the_plan_is_the_same_in_python_and_in_the_browser(script, groups):
    given = {'epochs': 2, 'base_lr': 3e-4, 'freeze_epochs': 1, 'lr_mult': 50, 'pct_start': .2, 'div': 8,
             'steps_per_epoch': 7}
    evaluate = script('explorers/fine_tune_timeline.js')
    steps = evaluate('([given, groups]) => stepsOf(phasesOf(given, groups))', [given, groups])
    for step, (trainable, rates, momentum) in zip(steps, fine_tune_plan(**given, groups=groups), strict=True):
        assert step['trainable'] == list(trainable)
        assert [*step['rates'], step['momentum']] == pytest.approx([*rates, momentum], rel=1e-12, abs=0)


def test_the_timeline_begins_with_the_defaults_and_refuses_what_fine_tune_does():
    assert timeline_explorer(2).state['given'] == {
        'epochs': 2, 'base_lr': 2e-3, 'freeze_epochs': 1, 'lr_mult': 100, 'pct_start': .3, 'div': 5.,
        'steps_per_epoch': 20}
    with pytest.raises(TypeError, match=r"found \['lr'\]; expected arguments of fine_tune: epochs, base_lr, freeze"):
        timeline_explorer(1, lr=.1)


def test_the_step_is_dragged_and_pushed_and_said(shown):
    page = shown(timeline_explorer(1))
    assert said(page).startswith('Step 1 of 40, epoch 0: only the head trains. Learning rates: early layers frozen')
    drag(page, 'Step', 700)
    assert 'epoch 1: everything trains' in said(page)
    for key, start in (('End', 'Step 40 of 40, epoch 1'), ('ArrowLeft', 'Step 39'), ('PageDown', 'Step 29'),
                       ('Home', 'Step 1 of 40')):
        page.keyboard.press(key)
        assert said(page).startswith(start)


def test_arguments_are_sliders(shown):
    page = shown(timeline_explorer(1))
    bars = page.locator('.fl-phase-bars span')
    assert bars.count() == 6 and page.locator('.fl-phase-bars .fl-frozen-bar').count() == 2
    assert page.get_by_title('early layers: frozen, 20 steps').is_visible()
    slide(page, 'freeze_epochs', 0)
    assert bars.count() == 3 and said(page).startswith('Step 1 of 20, epoch 0: everything trains')
    slide(page, 'lr_mult', 0)  # at its left end: 1
    rates = re.search(r'early layers (\S+), late layers (\S+), head (\S+)\.', said(page)).groups()
    assert len(set(rates)) == 1
    slide(page, 'epochs', 3)
    page.get_by_role('button', name='linear', exact=True).click()
    assert 'of 60' in said(page) and page.get_by_role('button', name='linear').get_attribute('aria-pressed') == 'true'


# --- the convolution bench ---

@pytest.fixture(scope='module')
def photo(tmp_path_factory):
    from PIL import Image
    pixels = torch.randint(0, 256, (64, 64, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    path = tmp_path_factory.mktemp('photo')/'noise.png'
    Image.fromarray(pixels.numpy()).save(path)
    return path


def normalized(explorer) -> torch.Tensor:
    "What the page convolves: (1, 3, 64, 64)"
    import base64
    state = explorer.state
    pixels = torch.frombuffer(bytearray(base64.b64decode(state['image'])), dtype=torch.uint8).view(64, 64, 3)
    mean, std = torch.tensor(state['mean']), torch.tensor(state['std'])
    return ((pixels/255 - mean)/std).permute(2, 0, 1)[None]


@pytest.mark.parametrize('stride', [1, 2])
def test_convolution_relu_and_pooling_are_pytorchs(script, stride):
    generator = torch.Generator().manual_seed(1)
    image, weights = torch.randn(1, 3, 15, 15, generator=generator), torch.randn(2, 3, 7, 7, generator=generator)
    found = script('explorers/convolve.js')("""([values, weights, stride]) => {
        const picture = { size: 15, values: Float32Array.from(values) };
        const filters = { width: 7, weights: Float32Array.from(weights) };
        const map = featureMap(picture, filters, 1, stride);
        return [map, relu(map), maxPool(relu(map))].map(one => [...one.values]);
    }""", [image.flatten().tolist(), weights.flatten().tolist(), stride])
    expected = torch.conv2d(image, weights, stride=stride, padding=3)[0, 1]
    pooled = torch.nn.functional.max_pool2d(expected.relu()[None], 3, 2, 1)[0]
    for one, by_torch in zip(found, (expected, expected.relu(), pooled)):
        assert torch.allclose(torch.tensor(one), by_torch.flatten(), atol=1e-4)


def test_the_bench_shows_what_the_network_computes(shown, photo):
    "By keyboard and by pointer: the sum at the window is that of resnet10's first layer, to a byte per weight"
    from fastlearn.models import create_model, resnet10
    explorer = convolution_explorer(photo)
    page = shown(explorer)
    conv = create_model(resnet10).conv1
    with torch.no_grad(): map_ = conv(normalized(explorer))[0]
    def stated(): return float(re.search(r'add up to (.*?)[.,] ', said_of(page))[1].replace('−', '-'))
    def said_of(page): return page.get_by_role('status').first.inner_text()
    assert stated() == pytest.approx(map_[0, 12, 12].item(), abs=.1)
    page.get_by_role('group', name='Image').focus()
    for key in 'ArrowRight', 'ArrowRight', 'ArrowDown': page.keyboard.press(key)
    assert 'row 26, column 28' in said_of(page) and stated() == pytest.approx(map_[0, 13, 14].item(), abs=.1)
    slide(page, 'filter', 10)
    assert stated() == pytest.approx(map_[9, 13, 14].item(), abs=.1)
    box = page.get_by_role('group', name='Image').bounding_box()
    page.mouse.click(box['x'] + box['width']*.99, box['y'] + box['height']*.01)
    assert 'row 0, column 62' in said_of(page) and stated() == pytest.approx(map_[9, 0, 31].item(), abs=.1)
    page.get_by_role('button', name='The five largest sums at this window').click()
    strongest = map_[:, 0, 31].argmax().item() + 1
    assert f'Largest sums here: filter {strongest}: ' in page.get_by_role('status').last.inner_text()


def test_a_painted_filter_is_applied(shown, photo):
    explorer = convolution_explorer(photo)
    page = shown(explorer)
    page.get_by_role('button', name='yours', exact=True).click()
    cells = page.get_by_role('group', name='Your filter').get_by_role('button')
    weights = torch.tensor([-1., -1, -1, 0, 1, 1, 1]).repeat(7, 1)
    assert cells.all_inner_texts() == [f'{value:.0f}'.replace('-', '−') for value in weights.flatten()]
    cells.nth(24).click()                                              # the middle: 0 becomes 1
    weights[3, 3] = 1
    expected = torch.conv2d(normalized(explorer), (weights/3).expand(1, 3, 7, 7), padding=3)[0, 0, 24, 24].item()
    stated = re.search(r'add up to (.*?)[.,] ', page.get_by_role('status').first.inner_text())[1]
    assert float(stated.replace('−', '-')) == pytest.approx(expected, abs=6e-3)


def test_the_map_fills_as_the_window_moves(shown, photo):
    page = shown(convolution_explorer(photo))
    def filled(): return page.evaluate("""() => {
        const root = document.querySelector('[data-fastlearn] > div').shadowRoot;
        const canvas = root.querySelectorAll('.fl-bench-canvas')[1];
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels.filter((value, i) => i % 4 === 3 && value).length; }""")
    assert filled() == 1
    page.get_by_role('group', name='Image').focus()
    page.keyboard.press('ArrowLeft')
    assert filled() == 2
    page.get_by_role('button', name='Move the window everywhere').click()
    assert filled() == 32*32
    page.get_by_role('button', name='Keep the largest of each 3x3 window').click()
    assert filled() == 16*16 and '16 x 16 positions' in page.get_by_role('status').first.inner_text()


# --- the recipe duel and the dissimilarity dial ---

def test_the_duel_shows_the_means_of_the_runs(shown):
    page = shown(duel())
    row = page.get_by_role('button', name='head first, then all')
    assert row.get_attribute('aria-label') == ('head first, then all: error rates 3.0% as in training, '
                                               '11.0% in the dark, 20.0% with exchanged scenes')
    row.press('Enter')
    assert row.get_attribute('aria-pressed') == 'true'
    assert 'in the dark “head first, then all”' in said(page) and 'mean of 2 runs' in said(page)


def test_the_duel_leaves_out_a_recipe_without_runs(shown):
    page = shown(duel())
    page.get_by_role('button', name='head first, then all').click()
    page.get_by_role('button', name='far').click()
    assert not page.get_by_role('button', name='head first, then all').is_visible()
    assert said(page).startswith('Far images (row spectrogram), head only.')


def test_the_dial_turns_by_keyboard_by_pointer_and_by_touch(shown):
    page = shown(dial(), has_touch=True)
    assert said(page).startswith('As drawn, position 1 of 7: BatchNorm distance 0.20')
    page.get_by_role('slider', name='position').press('ArrowRight')
    assert said(page).startswith('Inverted, position 2 of 7')       # by distance, not in the order of the list
    page.get_by_role('slider', name='Distance').press('ArrowRight')
    assert said(page).startswith('Outlines, position 3 of 7')
    drag(page, 'Distance', 600)
    assert said(page).startswith('Shuffled pixels, position 7 of 7')
    box = page.get_by_role('group', name='The chosen measure, plotted against BatchNorm distance').bounding_box()
    page.touchscreen.tap(box['x'] + 46, box['y'] + 100)
    assert said(page).startswith('As drawn')


def test_the_dial_names_the_best_layer_and_the_gain(shown):
    page = shown(dial())
    page.get_by_role('button', name='weight change').click()
    assert 'divided by 2.00' in said(page) and 'best layer for a linear classifier is conv1' in said(page)
    assert 'early layers move by 0.20%, the late ones by 0.10%' in said(page)
