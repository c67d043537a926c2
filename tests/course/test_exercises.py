"Questions and exercises: what a learner reads, what is remembered, and the page of a question in a browser"
import json
import subprocess
import sys

import pytest
import torch
from browsing import watched_page
from fastlearn.core.interactive import page_html
from fastlearn.course.exercises import ask, check, exercise, Exercise, Feedback, find_exercise, grade_number
from fastlearn.course.graders import EXERCISES
from fastlearn.course.path import done_exercises, find_course, PROGRESS, RECORD

ANSWERS = {'up': 'It `falls`.', 'down': 'As it should.', 'nowhere': 'It moves.'}


@pytest.fixture
def doubling() -> Exercise:
    @exercise('double of three', hints=['Add it to itself.', 'It is 3 + 3.'], solution='answer = 3 + 3')
    def doubling(answer, times=2):
        return grade_number(answer, 3*times, '{answer} is twice 3.', {'squared': (9, 'What is {answer} divided by 3?')})
    return doubling


@pytest.fixture
def copy(tmp_path, monkeypatch):
    "A copy of the course, with the learner in one of its folders"
    (tmp_path/'course'/'lessons').mkdir(parents=True)
    (tmp_path/'course'/RECORD).write_text('{}')
    monkeypatch.chdir(tmp_path/'course'/'lessons')
    return tmp_path/'course'


# --- ask ---

def test_a_question_needs_its_right_answer():
    with pytest.raises(ValueError, match="found right='left'.*'up'.*`right` to be one of them"):
        ask('Where?', ANSWERS, 'left')
    with pytest.raises(ValueError, match='two answers or more'): ask('Where?', {'up': ''}, 'up')


def test_a_question_is_readable_in_every_viewer():
    shown = ask('Where does the `loss` go?', ANSWERS, right='down')._repr_mimebundle_()
    assert set(shown) == {'text/html', 'text/plain'}
    assert ') up\n' in shown['text/plain'] and 'It `falls`.' not in shown['text/plain']
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
        buttons = page.get_by_role('button')
        assert sorted(buttons.all_inner_texts()) == sorted(ANSWERS) and not reply.inner_text()
        page.get_by_role('button', name='up').focus()
        page.keyboard.press('Enter')
        assert not reply.inner_text()                                  # how sure are you?
        page.get_by_role('button', name='50%').focus()
        page.keyboard.press('Enter')
        assert reply.inner_text() == 'Not quite. It falls.' and reply.locator('code').inner_text() == 'falls'
        page.get_by_role('button', name='down').focus()
        page.keyboard.press('Space')
        assert reply.inner_text() == 'Right. As it should.'
        pressed = {one.inner_text(): one.get_attribute('aria-pressed') for one in buttons.all()}
        assert pressed == {'up': 'false', 'down': 'true', 'nowhere': 'false'}
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
        said = check(doubling, ...)
        assert str(said) == 'Not answered yet. Add it to itself.' and not said.right


def test_a_wrong_answer_gets_the_next_hint_and_at_last_the_solution(doubling):
    check(doubling, ...)
    assert str(check(doubling, 5)) == 'Not yet. 5 is not the answer. Hint 2 of 2: It is 3 + 3.'
    last = check(doubling, 7)
    assert last.solution == 'answer = 3 + 3' and '<details>' in last._repr_html_()


def test_a_misconception_is_named_and_asked_back(doubling):
    said = check(doubling, 9)
    assert said.mistake == 'squared' and str(said) == 'Not yet: squared. What is 9 divided by 3?'
    assert doubling.shown == 0


def test_the_right_answer_is_said_with_the_learners_own_number(doubling):
    for answer in (6, 6.0, '6', torch.tensor(6.), torch.tensor([6])):
        assert str(check(doubling, answer)) == 'Right. 6 is twice 3.'
    assert check(doubling, 12, times=4).right


def test_what_is_no_number_is_said_so(doubling):
    assert "'six' is not a single number" in check(doubling, 'six').says
    assert 'is not a single number' in check(doubling, [6, 6]).says
    assert 'without quotes' in check(doubling, '6%').says and 'without quotes' not in check(doubling, None).says
    for many in torch.zeros(64, 37, requires_grad=True), torch.zeros(64, 37).numpy():
        said = check(doubling, many).says
        assert 'its shape is (64, 37)' in said and len(said) < 150


@pytest.mark.filterwarnings('error')
def test_a_number_with_a_gradient_is_a_number(doubling):
    assert check(doubling, torch.tensor(6., requires_grad=True)).right


def test_three_digits_are_enough_and_fewer_are_told_so():
    right = 71/150                                                     # .47333
    assert all(grade_number(one, right, '', {}).right for one in (right, .473, .4733, '.473'))
    assert all('rounded too much' in grade_number(one, right, '', {}) for one in (.47, .5))
    assert 'is not the answer' in grade_number(.474, right, '', {})
    assert grade_number(.0135, 1/74, '', {}).right
    assert grade_number(13.5, 100/74, '', {}) == '13.5 is not the answer.'
    assert grade_number(10, 14.3, '', {}) == '10 is not the answer.'
    assert 'rounded too much' in grade_number(14, 14.3, '', {})
    assert grade_number(1.28e6, 1281791, '', {}, tolerance=0) == '1.28e+06 is not the answer.'  # a count is exact


def test_a_grader_that_cannot_use_an_answer_says_so():
    @exercise('fragile', hints=['-'], solution='')
    def fragile(answer): return str(len(answer)) + answer['key'].upper()
    for answer in 3, {'key': 1}, {}: assert 'not what the question asks for' in check(fragile, answer).says


def test_rounding_is_no_mistake():
    assert grade_number(.333, 1/3, '', {}, tolerance=2e-3).right
    assert not isinstance(grade_number(.34, 1/3, '', {}), Feedback)
    assert grade_number(0, 0, '', {}).right and not isinstance(grade_number(1e-3, 0, '', {}), Feedback)


def test_an_unknown_exercise_is_refused_with_the_nearest_names():
    with pytest.raises(KeyError, match="there is no exercise 'wrong picture'.*'wrong pictures'"):
        check('wrong picture', 1)
    assert find_exercise('wrong pictures') is EXERCISES['wrong pictures']


def test_missing_facts_are_named():
    @exercise('needs', hints=['-'], solution='')
    def needs(answer, learn, of=2): return ''
    with pytest.raises(TypeError, match=r"needs learn from your notebook; write check\('needs', answer, learn=learn\)"):
        check(needs, 1)


def test_a_fact_may_have_any_name():
    @exercise('named', hints=['-'], solution='')
    def named(value, exercise, answer): return Feedback('', right=value == exercise + answer)
    assert check(named, 3, exercise=1, answer=2).right


def test_an_exercise_needs_a_hint():
    with pytest.raises(ValueError, match="exercise 'bare' has no hints"): exercise('bare', hints=[], solution='')


def test_the_graders_are_not_loaded_before_a_name_is_asked_for():
    code = 'import sys, fastlearn.course.exercises; print("fastlearn.course.graders" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout == 'False\n'


# --- what is remembered ---

def test_solved_exercises_are_remembered_beside_the_course(doubling, copy):
    for answer in (..., 5, 9): check(doubling, answer)
    assert not (copy/PROGRESS).exists()
    check(doubling, 6)
    assert json.loads((copy/PROGRESS).read_text()) == {'done': ['double of three']}
    assert done_exercises(find_course()) == {'double of three'}
    assert sorted(p.name for p in copy.iterdir()) == [PROGRESS, RECORD, 'lessons']


def test_outside_of_a_course_nothing_is_written(doubling, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check(doubling, 6).right and not list(tmp_path.iterdir())


@pytest.mark.parametrize('damaged', ['', '[]', '{"done": 3}', '{"undone": []}'])
def test_a_damaged_record_of_progress_is_begun_anew(doubling, copy, damaged):
    (copy/PROGRESS).write_text(damaged)
    assert done_exercises(copy) == set()
    assert check(doubling, 6).right and done_exercises(copy) == {'double of three'}


def test_progress_that_cannot_be_written_is_no_error(doubling, copy):
    (copy/PROGRESS).mkdir()
    with pytest.warns(UserWarning, match='solved, but .* could not be written'):
        assert check(doubling, 6).right


def test_saids_are_text_and_html(doubling, chromium, tmp_path):
    (tmp_path/'v.html').write_text(page_html('v', check(doubling, 9)._repr_html_()))
    with watched_page(chromium) as page:
        page.goto((tmp_path/'v.html').as_uri())
        assert page.get_by_role('status').inner_text() == 'Not yet: squared. What is 9 divided by 3?'


def test_the_course_is_found_from_any_of_its_folders(copy, tmp_path):
    assert find_course() == find_course(copy) == copy and find_course(tmp_path) is None
    assert done_exercises(None) == set()
