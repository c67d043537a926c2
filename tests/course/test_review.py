"Review and calibration: what the browser remembers of the answers, when a question comes again, what the curve says"
import json
from pathlib import Path

import pytest
from browsing import watched_page
from fastlearn.course.exercises import ask
from fastlearn.course.learners_copy import copy_course
from fastlearn.course.path import PATH
from fastlearn.course.review import Calibration, questions_in, Review, your_review
from scipy.stats import binomtest

NBS = Path(__file__).resolve().parents[2]/'nbs'
QUESTIONS = [ask(f'Question {i}?', {'yes': 'It is.', 'no': 'It is not.'}, right='yes') for i in range(5)]
DAY = 86_400_000
KEY = 'fastlearn answers'


@pytest.fixture(scope='module')
def asked() -> list:
    "All questions of the notebooks that can be read"
    return [one for file in sorted(NBS.rglob('*.ipynb')) for one in questions_in(file)]


def test_no_place_of_an_answer_wins(asked):
    "With three answers, each place is right about as often: a reader who always takes one of them gains little"
    places = [list(one.answers).index(one.right) for one in asked if len(one.answers) == 3]
    assert len(places) > 40
    assert max(places.count(place) for place in range(3))/len(places) < 1/3 + .1


def by_length(question) -> dict[str, float]:
    "How often the right answer is the shortest, the middle and the longest one; equal lengths share"
    lengths = [len(text) for text in question.answers]
    ranks = {'shortest': min(lengths), 'middle': sorted(lengths)[1], 'longest': max(lengths)}
    return {rank: (len(question.right) == length)/lengths.count(length) for rank, length in ranks.items()}


@pytest.mark.parametrize('rank', ['shortest', 'middle', 'longest'])
def test_the_length_of_an_answer_is_no_hint(asked, rank):
    "Always taking the shortest, the one of middle length or the longest gains little"
    scores = [by_length(one)[rank] for one in asked if len(one.answers) == 3]
    assert sum(scores)/len(scores) < 1/3 + .1


def test_a_hint_by_length_would_be_noticed():
    question = ask('Which?', {'a': '', 'bbb': '', 'cc': ''}, 'cc')
    assert by_length(question) == {'shortest': 0, 'middle': 1, 'longest': 0}
    assert by_length(ask('Which?', {'a': '', 'b': '', 'cc': ''}, 'a'))['shortest'] == .5


def test_the_place_does_not_depend_on_how_the_cell_lists_the_answers():
    replies = {'yes': 'It is.', 'no': 'It is not.', 'perhaps': 'Decide.'}
    orders = [['yes', 'no', 'perhaps'], ['no', 'yes', 'perhaps'], ['no', 'perhaps', 'yes']]
    places = {list(ask('Is it?', {one: replies[one] for one in order}, 'yes').answers).index('yes') for order in orders}
    assert len(places) == 1


def test_the_review_holds_every_question_of_the_path(monkeypatch):
    monkeypatch.chdir(NBS)
    text = ''.join((NBS/f'{name}.ipynb').read_text(encoding='utf-8') for step in PATH for name in step.notebooks)
    computed = text.count('"ask(f')
    assert len(your_review().state['questions']) == text.count('"ask(') - computed
    assert computed < 4


def test_a_learners_copy_asks_the_same_questions(monkeypatch, tmp_path):
    "Its notebooks have other names"
    copy_course(tmp_path/'course', NBS)
    asked = {}
    for folder in (NBS, tmp_path/'course'):
        monkeypatch.chdir(folder)
        asked[folder] = your_review().state['questions']
    assert len(asked[NBS]) > 30 and asked[tmp_path/'course'] == asked[NBS]


def answers_on(page, stored: dict) -> None: page.evaluate('([key, value]) => localStorage.setItem(key, value)',
                                                          [KEY, json.dumps(stored)])


@pytest.fixture
def page(chromium, tmp_path):
    "A page with an origin of its own, which may store something"
    with watched_page(chromium, offline=False, viewport={'width': 400, 'height': 800}) as page:
        page.route('**/*', lambda route: route.fulfill(
            path=tmp_path/route.request.url.rsplit('/', 1)[-1], content_type='text/html'))
        yield page


def show(page, tmp_path, what, stored: dict | None = None):
    what.to_html(tmp_path/'page.html')
    page.goto('http://localhost:1/page.html')
    if stored is not None:
        answers_on(page, stored)
        page.reload()


def test_an_answer_is_remembered_with_its_confidence(page, tmp_path):
    show(page, tmp_path, QUESTIONS[0])
    page.get_by_role('button', name='no', exact=True).click()
    assert not page.get_by_role('status').inner_text()                 # the reply waits for the confidence
    page.get_by_role('button', name='70%').click()
    assert page.get_by_role('status').inner_text() == 'Not quite. It is not.'
    page.get_by_role('button', name='yes', exact=True).click()         # another reply is not a second answer
    stored = json.loads(page.evaluate(f'localStorage.getItem({KEY!r})'))
    assert [(one['sure'], one['right']) for one in stored['Question 0?']] == [(.7, False)]


def given(*answers) -> list[dict]:
    "(days ago, right) -> what is stored"
    import time
    return [{'sure': .7, 'right': right, 'time': time.time()*1000 - days*DAY} for days, right in answers]


def test_what_was_wrong_comes_back_at_once_and_what_was_right_later(page, tmp_path):
    stored = {'Question 0?': given((.01, False)),                      # wrong just now: due
              'Question 1?': given((.5, True)),                        # right, half a day ago: waits for a day
              'Question 2?': given((5, True), (2, True)),              # twice right, two days ago: waits for three
              'Question 3?': given((9, True), (4, True))}              # twice right, four days ago: due
    show(page, tmp_path, Review(QUESTIONS), stored)                    # question 4 was never answered
    assert page.locator('.fl-question-text').all_inner_texts() == ['Question 3?', 'Question 0?']
    assert '2 questions from earlier steps' in page.locator('.fl-note').first.inner_text()


def test_at_most_three_at_a_time_and_none_before_any_answer(page, tmp_path):
    show(page, tmp_path, Review(QUESTIONS), {f'Question {i}?': given((9, False)) for i in range(5)})
    assert page.locator('.fl-question-text').count() == 3
    page.evaluate('localStorage.clear()')
    page.reload()
    assert page.locator('.fl-question-text').count() == 0


def test_damaged_storage_is_as_good_as_none(page, tmp_path):
    for stored in ('no json', '[]', '{"Question 0?": 7}', '{"Question 0?": []}', 'null'):
        show(page, tmp_path, Review(QUESTIONS))
        page.evaluate('([key, value]) => localStorage.setItem(key, value)', [KEY, stored])
        page.reload()
        assert page.locator('.fl-question-text').count() == 0


@pytest.mark.parametrize(('right', 'verdict'), [(12, 'overconfident'), (27, 'calibrated'), (30, 'calibrated')])
def test_the_verdict_follows_from_the_interval(page, tmp_path, right, verdict):
    "30 answers that were 90% sure; judged by the interval of another implementation"
    stored = {f'Question {i}?': [{'sure': .9, 'right': i < right, 'time': 0}] for i in range(30)}
    show(page, tmp_path, Calibration([(.95, .8)]), stored)
    low, high = binomtest(right, 30).proportion_ci(method='wilson')
    expected = 'overconfident' if high < .9 else 'underconfident' if low > .9 else 'calibrated'
    said = page.get_by_role('status').inner_text()
    assert f'90% sure: {right} of 30 right' in said and f'You are {expected}' in said
    assert expected == verdict                                         # 30 of 30: the interval reaches down to 89%


def test_answers_can_be_forgotten(page, tmp_path):
    show(page, tmp_path, Calibration([]), {'Question 0?': given((1, True))})
    page.get_by_role('button', name='Delete your answers from this browser').click()
    assert page.get_by_role('status').inner_text() == 'You have not answered any questions here yet.'
    assert page.evaluate('localStorage.length') == 0
