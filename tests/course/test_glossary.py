"The glossary: definitions, and what the terms are in a learner"
import re
from pathlib import Path

import pytest
from fastlearn.course.glossary import explain, find_term, SHOWS, terms, TERMS
from fastlearn.course.path import PATH

NBS = Path(__file__).resolve().parents[2]/'nbs'
WANTED = '''label, input, architecture, model, parameters, weights, activations, fit, train, pretrained model,
    transfer learning, fine-tune, head, body, epoch, batch, loss, metric, training set, validation set, test set,
    overfitting, CNN, prediction, hyperparameter, learning rate, gradient, SGD, classification, regression,
    weight decay, momentum, frozen, logits, probability, deconvnet, receptive field, occlusion'''


def test_the_terms_of_the_field_are_there():
    for name in re.split(r',\s+', WANTED): assert find_term(name)


@pytest.mark.parametrize('name', TERMS)
def test_a_definition_is_a_sentence_or_two(name):
    term = TERMS[name]
    assert term.means.endswith('.') and len(term.means.split()) <= 40 and term.means.count('. ') <= 1
    assert term.home in {one for step in PATH for one in step.notebooks} or (NBS/f'{term.home}.ipynb').exists()


def test_a_word_belongs_to_one_term():
    forms = [form.lower() for term in TERMS.values() for form in (term.name, *term.also)]
    assert len(forms) == len(set(forms)) and set(SHOWS) <= set(TERMS)


@pytest.mark.parametrize('name', SHOWS)
def test_a_term_is_shown_before_and_after_the_training(name, small_learner, tuned_learner):
    for learn in small_learner, tuned_learner:
        shown = explain(name, learn)
        assert shown.rows and all(what and value for what, value in shown.rows)
        assert repr(shown).startswith(f'{name}: {TERMS[name].means} (see {TERMS[name].home})\n')


def test_the_head_is_the_learners_own(tuned_learner):
    body, head = (sum(p.numel() for p in part.parameters()) for part in tuned_learner.model)
    rows = dict(explain('head', tuned_learner).rows)
    assert rows['parameters'] == f'{head:,} of {body + head:,}, {head/(body + head):.1%}' and rows['now'] == 'learning'
    assert rows['layers'].startswith('ConcatPool, Flatten, BatchNorm1d')
    assert f'{head:,}' in explain('head', tuned_learner)._repr_html_()


def test_rates_are_those_that_were_used(few_learner):
    learn = few_learner(bs=8)
    assert 'not trained yet; 0.001' in dict(explain('learning rate', learn).rows)['yours']
    learn.fine_tune(1, base_lr=2e-3, freeze_epochs=1)
    rows = explain('learning rate', learn).rows
    assert [what for what, _ in rows] == ['training the head', 'training the whole network']
    assert re.match(r'peaks: head 0.002; the head from 8e-05 to ', rows[0][1])
    assert re.match(r'peaks: early layers (9\S*e-06|1e-05), late layers ', rows[1][1])


def test_frozen_says_what_is_frozen_now(few_learner):
    learn = few_learner()
    assert [value.split(', ')[1] for _, value in explain('frozen', learn).rows] == ['frozen', 'frozen', 'learning']
    assert dict(explain('body', learn).rows)['now'] == 'frozen'
    learn.unfreeze()
    assert dict(explain('body', learn).rows)['now'] == 'learning'
    learn.freeze_to(1)
    assert dict(explain('body', learn).rows)['now'] == 'partly frozen'


def test_sets_are_counted(tuned_learner):
    train, valid = (dict(explain(f'{part} set', tuned_learner).rows) for part in ('training', 'validation'))
    assert valid['images'] == '24 of 96, 25.0%' and train['images'] == '72 of 96, 75.0%'
    assert int(valid['True']) + int(valid['False']) == 24


def test_the_prediction_is_that_of_the_model(tuned_learner):
    rows = dict(explain('logits', tuned_learner).rows)
    label, _, probabilities = tuned_learner.predict(tuned_learner.dls.valid.items[0])
    assert rows['prediction'] == str(label)
    assert [float(p) for p in rows['as probabilities'].split(', ')] == pytest.approx(probabilities.tolist(), abs=6e-3)


def test_quantities_have_no_classes(few_pets):
    from fastlearn.all import get_image_files, ImageDataLoaders, Resize, resnet10, vision_learner
    files = get_image_files(few_pets)
    dls = ImageDataLoaders.from_lists(few_pets, files, [float(i) for i in range(len(files))], bs=16, seed=1,
                                      item_tfms=Resize(32))
    learn = vision_learner(dls, resnet10)
    for name in SHOWS: assert explain(name, learn).rows
    assert dict(explain('class', learn).rows)['asked for'] == 'quantities'


def test_without_a_learner_there_is_the_definition(tuned_learner):
    assert not explain('head').rows and 'last part' in repr(explain('head'))
    assert explain('feedback loop', tuned_learner).rows == []
    with pytest.raises(TypeError, match='found Sequential; expected a Learner'): explain('head', tuned_learner.model)


@pytest.mark.parametrize('asked, found', [('Fine-tune', 'fine-tuning'), ('weights', 'weights'), ('losses', 'loss'),
                                          ('validation  set', 'validation set'), ('unfreeze', 'frozen')])
def test_other_forms_of_a_word_are_found(asked, found): assert explain(asked).term.name == found


def test_an_unknown_term_is_refused_with_the_nearest():
    with pytest.raises(KeyError, match="'hed' is not in the glossary; the most similar terms.*head"): explain('hed')
    with pytest.raises(KeyError, match=rf'terms\(\) lists all {len(TERMS)}'): explain('xyzzyx')


def test_the_table_has_all_terms_under_a_heading():
    shown, text = terms()._repr_html_(), repr(terms())
    assert all(f'>{name}</td>' in shown and name in text for name in TERMS)
    assert shown.count('<tr>') == len(TERMS) + 1 == len(text.splitlines())


def test_an_explanation_has_no_markup_from_outside(tuned_learner, monkeypatch):
    monkeypatch.setitem(SHOWS, 'head', lambda learn: [('<b>', '<i>')])
    shown = explain('head', tuned_learner)
    html = shown._repr_html_()
    assert '<b>' not in html and '<i>' not in html and '\n  <b>  <i>' in repr(shown)
