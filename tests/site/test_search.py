"""The site's search: what newcomers type, and whether the first hit helps. The ranking is run by node, on the index of
the present texts, so that no site has to be built.

Kinds of questions that were tried: the field's terms, tasks in plain words, whole questions, other words for the same
(photos, pictures), fastai's and Keras' names, error messages (of Python, PyTorch, Jupyter and ours), misspelled words,
parts of words, words that stand nowhere.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT/'docs'
sys.path[:0] = [str(DOCS), str(ROOT/'tools'), str(ROOT/'tests'/'support')]
pytest.importorskip('sphinx', reason='the docs site needs the extra [dev]')

from engine import find_node  # noqa: E402
from processing import pages  # noqa: E402
from processing.build import Site, facts, write_others  # noqa: E402
from processing.search import (  # noqa: E402
    page_items, plain_text, search_items, search_script, search_words, sections, without_dead_anchors)

TERMS = {  # a term, and the page that explains it; its definition stands above it
    'loss function': 'training/02_losses', 'cross-entropy': 'training/02_losses', 'metric': 'training/03_metrics',
    'confusion matrix': 'interpret/12_classification', 'ROC': 'training/03_metrics',
    'calibration': 'lessons/04_a_model_in_use', 'gradient descent': 'training/04_optimizer',
    'momentum': 'training/04_optimizer', 'Adam': 'training/04_optimizer',
    'learning-rate schedule': 'training/05_schedule', 'one-cycle': 'training/05_schedule',
    'callback': 'training/06b_observers', 'validation set': 'data/04_dataset', 'data augmentation': 'data/03_augment',
    'batch normalization': 'training/10_head', 'freezing layers': 'training/10_head',
    'transfer learning': 'training/10_head', 'fine-tuning': 'training/12_trainer', 'convolution': 'training/01_models',
    'receptive field': 'interpret/01_layers', 'deconvnet': 'interpret/03_deconvnet',
    'occlusion': 'interpret/07_occlusion', 'linear probe': 'interpret/10_linear_probes',
    'perceptual hash': 'data/07a_image_hash', 'early stopping': 'training/09_early_stopping',
    'checkpoint': 'inference/04_checkpoints', 'export': 'how-to/export', 'ONNX': 'inference/05_onnx',
    'distributed training': 'how-to/several-gpus', 'model card': 'lessons/06_your_own_pictures'}

QUESTIONS = {  # what a newcomer types, and the pages of which the first should be one
    'own pictures': 'how-to/own-pictures', 'how do I use my own photos': 'how-to/own-pictures',
    'train on a folder of images': 'how-to/own-pictures', 'my accuracy is low': 'how-to/own-pictures',
    'install': 'index', 'where do I start': 'START', 'google colab': 'how-to/elsewhere',
    'how do I make predictions on a new image': 'inference/01_predict',
    'which images does my model get wrong': 'interpret/12_classification', 'top losses': 'interpret/12_classification',
    'wrong labels': 'interpret/13_cleaner', 'find duplicate images': 'data/07f_duplicates data/07_checks',
    'labels in a csv file': 'data/02b_tables', 'resume training after a crash': 'inference/04_checkpoints',
    'how many epochs should I train': 'training/06_training', 'choose a learning rate': 'training/16_lr_finder',
    'overfitting': 'training/06_training', 'training is slow': 'lessons/08_what_makes_it_fast',
    'use the GPU': 'core/01_device how-to/errors', 'make a web app': 'how-to/export inference/06_predict_widget',
    'predict a number instead of a class': 'lessons/05_many_tasks', 'what does the network look at':
    'interpret/07_occlusion', 'grad-cam': 'interpret/07_occlusion', 'imbalanced classes': 'training/03_metrics',
    'why freeze the body first': 'training/10_head', 'first layer filters': 'dashboard/01_filters '
    'lessons/01a_first_layer_filters', 'turn off the progress bar': 'training/08_progress',
    # fastai's words
    'lr_find': 'training/16_lr_finder', 'learn.export': 'inference/02_export how-to/export',
    'DataBlock': 'data/09_blocks', 'unfreeze': 'training/10_head training/12_trainer',
    'discriminative learning rates': 'training/12_trainer', 'mixed precision': 'core/01_device',
    # Keras' words
    'flow_from_directory': 'how-to/own-pictures how-to/fastai', 'model.fit': 'training/12_trainer',
    'EarlyStopping': 'training/09_early_stopping', 'trainable = False': 'training/10_head',
    # error messages
    'CUDA out of memory': 'how-to/errors', 'loss is nan': 'how-to/errors training/06a_step_safety',
    'stack expects each tensor to be equal size': 'how-to/errors', 'No module named fastlearn': 'how-to/errors',
    'size mismatch for fc.weight': 'how-to/errors', 'cannot identify image file': 'how-to/errors'}

SCRIPT = """
import { readFileSync } from 'node:fs';
const [code, index, asked] = process.argv.slice(2).map(name => readFileSync(name, 'utf8'));
const search = new Function(`${code}\\n${index}\\nreturn fastlearnSearch;`)();
const answers = JSON.parse(asked).map(question => {
  const { definition, hits } = search.find(question);
  return [definition?.title ?? null, hits.map(({ item, more }) => ({ page: item.page, title: item.title,
    anchor: item.anchor, kind: item.kind, more: more.length, excerpt: search.excerpt(item, search.asked(question)) }))];
});
console.log(JSON.stringify(answers));
"""


@pytest.fixture(scope='module')
def items(tmp_path_factory) -> list[dict]:
    site = Site(ROOT, tmp_path_factory.mktemp('site'), draft=True)
    others = write_others(site)
    return search_items(site, others, facts(site, others)['names'])


@pytest.fixture(scope='module')
def find(items, tmp_path_factory):
    "A function that gives the definition and the hits of each question"
    folder, node = tmp_path_factory.mktemp('search'), find_node()
    (folder/'index.js').write_text(search_script(items), encoding='utf-8')
    (folder/'run.mjs').write_text(SCRIPT, encoding='utf-8')
    def find_all(*questions: str) -> list:
        (folder/'asked.json').write_text(json.dumps(questions))
        names = folder/'run.mjs', DOCS/'static'/'search.js', folder/'index.js', folder/'asked.json'
        return json.loads(subprocess.run([node, *names], capture_output=True, text=True, check=True).stdout)
    return find_all


def test_a_term_finds_its_definition_and_the_page_that_explains_it(find):
    wrong = [f'{term}: {definition}, {hits[0]["page"]}' for (term, page), (definition, hits)
             in zip(TERMS.items(), find(*TERMS)) if not definition or hits[0]['page'] != page]
    assert not wrong, '\n'.join(wrong)


def test_the_first_hit_helps(find):
    assert len(QUESTIONS) >= 40
    wrong = [f'{question}: {[hit["page"] for hit in hits[:3]]}' for (question, good), (_, hits)
             in zip(QUESTIONS.items(), find(*QUESTIONS)) if not hits or hits[0]['page'] not in good.split()]
    assert len(wrong) <= 2, '\n'.join(wrong)


def test_a_slip_of_the_keyboard_and_half_a_word(find):
    slipped = find('augmnetation', 'confusoin matrix', 'calibrati', 'photos', 'Occlusion!')
    assert [hits[0]['page'] for _, hits in slipped] == [
        'data/03_augment', 'interpret/12_classification', 'lessons/04_a_model_in_use',
        'how-to/own-pictures', 'interpret/07_occlusion']
    assert find('qqzzxx', '', '   ', 'the of') [0] == [None, []]


def test_a_name_leads_to_its_entry(find):
    for name, (_, hits) in zip(names := ('fine_tune', 'plot_top_losses', 'from_name_func'), find(*names)):
        found = {f'{hit["anchor"]}' for hit in hits[:3]} | {hit['page'] for hit in hits[:3]}
        assert any(name in one for one in found) or hits[0]['more'], (name, found)


def test_an_excerpt_is_what_the_author_wrote(find, items):
    "Not the navigation, not the markup, and around the words that were asked for"
    for _, hits in find('validation set', 'own pictures', 'learning rate'):
        for hit in hits[:8]:
            assert not re.search(r'System Settings|Contents|\]\(|```|<div|\*\*', hit['excerpt']), hit['excerpt']
            assert len(hit['excerpt']) < 260
    assert not any(item['page'] == 'api' for item in items)


def test_every_page_can_be_found_by_its_title(find, items):
    titles = {item['page']: item['title'] for item in items if item['kind'] not in ('term', 'name') and not item['in']}
    places = {page: [hit['page'] for hit in hits[:3]] for page, (_, hits) in zip(titles, find(*titles.values()))}
    assert not [(titles[page], found) for page, found in places.items() if page not in found]


def test_other_words_name_pages_that_exist(items):
    known = {item['page'] for item in items}
    assert not set(search_words()['pages']) - known


def test_sections_of_a_page():
    text = '# A *title*\n\n> Why?\n\n## Part `one`\n\nSaid [here](x.md).\n\n```python\nfit_it(3)\n# no heading\n```\n'
    text += '\n## Two\n\n<!-- also: nan loss, inf -->\n\n| a | b |\n|---|---|\n'
    assert list(sections(text)) == [('A *title*', 'Why?', '', []), ('Part `one`', 'Said here.', 'fit_it heading', []),
                                    ('Two', 'a b', '', ['nan loss', 'inf'])]
    found = list(page_items('p', text, 'library', ['other']))
    assert [(one['title'], one['anchor'], one['in'], one.get('also')) for one in found] == [
        ('A title', '', '', ['other']), ('Part one', 'part-one', 'A title', None),
        ('Two', 'two', 'A title', ['nan loss', 'inf'])]
    assert plain_text('**Bold** and `code`') == 'Bold and code'


def test_an_anchor_that_is_not_on_the_page_is_left_out(tmp_path):
    (tmp_path/'p.html').write_text('<h2 id="there">')
    items = [{'page': 'p', 'anchor': 'there'}, {'page': 'p', 'anchor': 'gone'}, {'page': 'q', 'anchor': ''}]
    script = tmp_path/'search-index.js'
    script.write_text(search_script(items), encoding='utf-8')
    without_dead_anchors(script, tmp_path)
    assert '"there"' in (text := script.read_text(encoding='utf-8')) and 'gone' not in text and text.endswith(');\n')


def test_the_glossary_lists_other_words_and_no_plurals():
    assert pages.other_words('head', ('heads',)) == []
    assert pages.other_words('SGD', ('stochastic gradient descent',)) == ['stochastic gradient descent']
    assert pages.other_words('class', ('classes', 'category', 'categories')) == ['category']
    assert pages.other_words('BatchNorm', ('batch normalization',)) == ['batch normalization']
