"Questions and tasks: what a learner reads, what is remembered, and the page of a question in a browser"
import json
import math

import pytest
import torch
from browsing import watched_page
from fastlearn.core.interactive import page_html
from fastlearn.course import exercises
from fastlearn.course.exercises import ask, check, find_task, judge_number, task, TASKS, Verdict
from fastlearn.course.path import done_tasks, find_course, PROGRESS, RECORD
from judging import takes_its_solution_and_knows_mistakes

exercises.load_tasks()  # before a test puts a registry of its own in the place
ANSWERS = {'up': 'It `falls`.', 'down': 'As it should.', 'nowhere': 'It moves.'}


@pytest.fixture
def doubling(monkeypatch):
    "A task of its own, forgotten afterwards"
    monkeypatch.setattr(exercises, 'TASKS', dict(TASKS))

    @task('double of three', hints=['Add it to itself.', 'It is 3 + 3.'], solution='answer = 3 + 3')
    def judge(answer, times=2):
        return judge_number(answer, 3*times, '{answer} is twice 3.', {'squared': (9, 'What is {answer} divided by 3?')})
    return exercises.TASKS['double of three']


@pytest.fixture
def copy(tmp_path, monkeypatch):
    "A copy of the course, with the learner in one of its folders"
    (tmp_path/'course'/'lessons').mkdir(parents=True)
    (tmp_path/'course'/RECORD).write_text('{}')
    monkeypatch.chdir(tmp_path/'course'/'lessons')
    return tmp_path/'course'


# --- ask ---

def test_a_question_needs_its_right_answer():
    with pytest.raises(ValueError, match="found right='left'.*'up'.*one of them as `right`"):
        ask('Where?', ANSWERS, 'left')
    with pytest.raises(ValueError, match='two answers or more'): ask('Where?', {'up': ''}, 'up')


def test_a_question_is_readable_in_every_viewer():
    shown = ask('Where does the `loss` go?', ANSWERS, right='down')._repr_mimebundle_()
    assert set(shown) == {'text/html', 'text/plain'}
    assert 'a) up\n' in shown['text/plain'] and 'It `falls`.' not in shown['text/plain']
    without_script = shown['text/html'].split('<script>')[0]
    assert '<code>loss</code>' in without_script and '<details>' in without_script and 'Right. As it' in without_script
    assert 'http://' not in shown['text/html'] and 'https://' not in shown['text/html']


def test_text_of_a_question_is_text():
    "Nothing in it becomes HTML, neither with the script nor without"
    html = ask('<b>bold</b> & `<i>`?', {'<u>': '</script><script>', 'b': ''}, right='b').html()
    assert '<b>bold' not in html and '<i>' not in html and '<u>' not in html and html.count('</script>') == 1


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_the_page_of_a_question(chromium, tmp_path, scheme):
    file = ask('Where does the `loss` go?', ANSWERS, right='down').to_html(tmp_path/'ask.html')
    with watched_page(chromium, offline=True, color_scheme=scheme, viewport={'width': 400, 'height': 500}) as page:
        page.goto(file.as_uri())
        reply = page.get_by_role('status')
        assert page.get_by_role('button').all_inner_texts() == list(ANSWERS) and not reply.inner_text()
        page.keyboard.press('Tab')
        page.keyboard.press('Enter')
        assert reply.inner_text() == 'Not quite. It falls.' and reply.locator('code').inner_text() == 'falls'
        page.keyboard.press('Tab')
        page.keyboard.press('Space')
        assert reply.inner_text() == 'Right. As it should.'
        pressed = [one.get_attribute('aria-pressed') for one in page.get_by_role('button').all()]
        assert pressed == ['false', 'true', 'false']
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')


def test_without_scripts_the_replies_are_folded(chromium, tmp_path):
    file = ask('Where?', ANSWERS, right='down').to_html(tmp_path/'ask.html')
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert not page.get_by_text('As it should').is_visible()
    page.get_by_text('Answers', exact=True).click()
    assert page.get_by_text('As it should').is_visible()
    context.close()


# --- check ---

def test_an_answer_that_is_not_there_yet_gets_the_first_hint(doubling):
    for _ in range(2):
        verdict = check('double of three', ...)
        assert str(verdict) == 'Not answered yet. Add it to itself.' and not verdict.right


def test_a_wrong_answer_gets_the_next_hint_and_at_last_the_solution(doubling):
    check('double of three', ...)
    assert str(check('double of three', 5)) == 'Not yet. 5 is not it. Hint 2 of 2: It is 3 + 3.'
    last = check('double of three', 7)
    assert last.solution == 'answer = 3 + 3' and '<details>' in last._repr_mimebundle_()['text/html']


def test_a_misconception_is_named_and_asked_back(doubling):
    verdict = check('double of three', 9)
    assert verdict.mistake == 'squared' and str(verdict) == 'Not yet: squared. What is 9 divided by 3?'
    assert doubling.shown == 0


def test_the_right_answer_is_said_with_the_learners_own_number(doubling):
    for answer in (6, 6.0, '6', torch.tensor(6.), torch.tensor([6])):
        assert str(check('double of three', answer)) == 'Right. 6 is twice 3.'
    assert check('double of three', 12, times=4).right


def test_what_is_no_number_is_said_so(doubling):
    assert "'six' is no single number" in check('double of three', 'six').says
    assert 'is no single number' in check('double of three', [6, 6]).says


def test_rounding_is_no_mistake():
    assert judge_number(.333, 1/3, '', {}, tolerance=2e-3).right
    assert not isinstance(judge_number(.34, 1/3, '', {}), Verdict)
    assert judge_number(0, 0, '', {}).right and not isinstance(judge_number(1e-3, 0, '', {}), Verdict)


def test_an_unknown_task_is_refused_with_the_nearest_names(doubling):
    with pytest.raises(KeyError, match="there is no task 'double of the'.*'double of three'"): check('double of the', 1)


def test_missing_facts_are_named(doubling):
    @task('needs', hints=['-'], solution='')
    def judge(answer, learn, of=2): return ''
    with pytest.raises(TypeError, match=r"needs learn of your notebook; write check\('needs', answer, learn=learn\)"):
        check('needs', 1)


def test_a_task_needs_a_hint():
    with pytest.raises(ValueError, match="task 'bare' has no hints"): task('bare', hints=[], solution='')


def test_a_task_of_ones_own_goes_before_that_of_the_course(monkeypatch):
    monkeypatch.setattr(exercises, 'TASKS', {})
    task('mine', hints=['mine'], solution='')(lambda answer: '')
    with pytest.raises(KeyError): find_task('nothing at all')
    assert exercises.TASKS['mine'].hints == ['mine']


# --- what is remembered ---

def test_solved_tasks_are_remembered_beside_the_course(doubling, copy):
    for answer in (..., 5, 9): check('double of three', answer)
    assert not (copy/PROGRESS).exists()
    check('double of three', 6)
    assert json.loads((copy/PROGRESS).read_text()) == {'done': ['double of three']} and done_tasks(find_course()) == {
        'double of three'}
    assert sorted(p.name for p in copy.iterdir()) == [PROGRESS, RECORD, 'lessons']


def test_outside_of_a_course_nothing_is_written(doubling, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check('double of three', 6).right and not list(tmp_path.iterdir())


@pytest.mark.parametrize('damaged', ['', '[]', '{"done": 3}', '{"undone": []}'])
def test_a_damaged_record_of_progress_is_begun_anew(doubling, copy, damaged):
    (copy/PROGRESS).write_text(damaged)
    assert done_tasks(copy) == set()
    assert check('double of three', 6).right and done_tasks(copy) == {'double of three'}


def test_progress_that_cannot_be_written_is_no_error(doubling, copy):
    (copy/PROGRESS).mkdir()
    with pytest.warns(UserWarning, match='solved, but .* could not be written'):
        assert check('double of three', 6).right


def test_verdicts_are_text_and_html(doubling, chromium, tmp_path):
    (tmp_path/'v.html').write_text(page_html('v', check('double of three', 9)._repr_mimebundle_()['text/html']))
    with watched_page(chromium) as page:
        page.goto((tmp_path/'v.html').as_uri())
        assert page.get_by_role('status').inner_text() == 'Not yet: squared. What is 9 divided by 3?'


def test_the_course_is_found_from_any_of_its_folders(copy, tmp_path):
    assert find_course() == find_course(copy) == copy and find_course(tmp_path) is None
    assert done_tasks(None) == set()


# --- the tasks of the course: facts, two typical mistakes with the numbers they lead to, and a number of no meaning ---

LOGITS, X, Y = torch.tensor([2., 0., -1.]), torch.tensor([-2., -1., .5, 1., 3.]), torch.tensor([0., 0., 1., 0., 1.])
SUM = math.exp(2) + 1 + math.exp(-1)
EXAMPLES = {
    'a slope by trying': ({'a': 2., 'b': 1., 'x': 3., 'target': 10.}, {
        'the sign turned round': 18, 'the change, not the slope': -.018, 'the slope of the prediction': 3}, 77),
    'parameters of a layer': ({'inputs': 512, 'outputs': 2}, {
        'the bias forgotten': 1024, 'added in place of multiplied': 514}, 77),
    'activations of a layer': ({'batch': 64, 'inputs': 512, 'outputs': 2}, {
        'parameters in place of activations': 1026, 'one picture only': 2}, 77),
    'a normalised pixel': ({'byte': 128, 'mean': .485, 'std': .229}, {
        'bytes taken for shares': 556.8, 'not divided by the spread': .01696}, 77),
    'cross-entropy by hand': ({'logits': LOGITS, 'target': 0}, {
        'the probability, not the loss': math.exp(2)/SUM, 'the sign forgotten': 2 - math.log(SUM),
        'the logarithm to base 10': -math.log10(math.exp(2)/SUM), 'logits taken for probabilities': -math.log(2)}, 77),
    'the slope of accuracy': ({'w': 1., 'x': X, 'y': Y}, {
        'the accuracy, not its slope': .8, 'the slope of the loss': ((X.sigmoid() - Y)*X).mean()}, 77),
    'one step of SGD': ({'w': 3., 'best': 1., 'lr': .1}, {'uphill': 3.4, 'the step, not the weight': .4}, 77),
    'a rate on its way up': ({'peak': .01, 'div': 25.}, {'a start at zero': .005, 'equal factors': .002}, 77),
    'updates of a training': ({'pictures': 1200, 'batch': 64, 'epochs': 3}, {
        'the incomplete batch counted': 57, 'one long epoch': 56, 'pictures counted': 3600}, 77),
    'a mean over unequal batches': ({'sizes': [64, 64, 22], 'losses': [.4, .5, .9]}, {
        'the mean of the means': .6, 'the last batch left out': .45}, 77),
    'the epoch to stop after': ({'train': [.7, .52, .41, .3, .22, .15], 'valid': [.66, .5, .44, .42, .45, .52]}, {
        'the training loss decides': 5, 'where the curves cross': 2, 'counted from one': 4}, 77),
    'rates of three groups': ({'first': 1e-5, 'last': 1e-3}, {
        'equal distances': [1e-5, 5.05e-4, 1e-3], 'the wrong way round': [1e-3, 1e-4, 1e-5],
        'one rate for all': [1e-3]*3}, [1, 2, 3]),
    'peak of the first group': ({'base_lr': 2e-3, 'lr_mult': 100}, {
        'not halved': 2e-5, "the head's": 1e-3, 'the rate of the first step': 2e-4}, 77),
}
LIVE = 'wrong pictures', 'steps of an epoch', 'trainable while frozen'  # of the learner's own objects, see `example`


@pytest.fixture(scope='module')
def example(tuned_learner):
    "The example of a task"
    error = tuned_learner.validate().metrics['error_rate']
    norms = sum(p.numel() for name, p in tuned_learner.model[0].named_parameters() if p.ndim == 1)
    head = sum(p.numel() for p in tuned_learner.model[1].parameters())
    live = {'wrong pictures': ({'learn': tuned_learner}, {
                'the share itself': error, 'all pictures counted': 96*error,
                'the training pictures counted': 72*error}, 77),
            'steps of an epoch': ({'dls': tuned_learner.dls}, {
                'the incomplete batch counted': 5, 'the pictures put aside counted': 6, 'pictures counted': 72}, 77),
            'trainable while frozen': ({'model': tuned_learner.model}, {
                'the body in place of the head': sum(p.numel() for p in tuned_learner.model[0].parameters()),
                'BatchNorm of the body too': head + norms, 'the last layer only': 1024}, 77)}
    return lambda name: EXAMPLES.get(name) or live[name]


def test_every_task_has_an_example():
    ours = {name for name, one in TASKS.items() if one.judge.__module__ == 'fastlearn.course.graders'}
    assert ours == {*EXAMPLES, *LIVE}


@pytest.mark.parametrize('name', [*EXAMPLES, *LIVE])
def test_a_task_takes_its_solution_and_knows_the_mistakes(name, example):
    takes_its_solution_and_knows_mistakes(name, *example(name))
