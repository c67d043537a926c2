"The layer explorer: what is stored, and that the page shows it without a kernel"
import base64
import json

import numpy as np
import pytest
import torch
from browsing import pixels, watched_page
from fastlearn.interpret.explorer import _heat_maps, explore
from fastlearn.interpret.layers import activations


@pytest.fixture(scope='module')
def learn(tuned_learner): return tuned_learner


@pytest.fixture(scope='module')
def explorer(learn): return explore(learn, ['layer1', 'layer2'], maps=4, images=[0, 3, 5])


def test_heat_is_the_share_of_the_strongest_answer(learn, explorer):
    images, _ = next(learn.dls.valid.batches(0, [0, 3, 5]))
    for view, layer in zip(explorer.views, explorer.state['layers']):
        maps = next(activations(learn, view.layer.name, [images]))[:, list(view.maps)].float()
        expected = maps.relu()/view.values[:, 0].view(-1, 1, 1)
        heat = np.frombuffer(base64.b64decode(layer['heat']), np.uint8).reshape(layer['heat_shape'])
        assert layer['heat_shape'] == list(maps.shape)
        assert torch.allclose(torch.tensor(heat)/255, expected.clamp(max=1), atol=1/255)
        peaks = torch.tensor([one['peaks'] for one in layer['maps']]).T
        assert torch.allclose(peaks, expected.amax((2, 3)).clamp(max=1), atol=1e-4)


def test_the_picture_of_the_strongest_answer_is_full(learn, explorer):
    view = explorer.views[1]
    strongest = view.images[:, 0].tolist()
    images, _ = next(learn.dls.valid.batches(0, strongest))
    _, peaks = _heat_maps(learn, view, images)
    assert np.diag(peaks) == pytest.approx(1, abs=2e-2)  # another batch is rounded in another way


def test_state_is_small_and_json(explorer):
    said = json.loads(json.dumps(explorer.state, allow_nan=False))
    assert [layer['name'] for layer in said['layers']] == ['layer1', 'layer2'] and len(said['pictures']) == 3
    assert all(one['patches'].startswith('data:image/jpeg') for layer in said['layers'] for one in layer['maps'])
    assert len(json.dumps(said)) < 40_000*8 + 30_000  # two layers of four maps


def test_by_default_one_layer_for_each_size_of_map(learn):
    names = [layer['name'] for layer in explore(learn, maps=1).state['layers']]
    assert len(names) == len(set(names)) >= 3 and names[-1] == 'layer3'


def test_layers_without_places_are_refused(learn):
    with pytest.raises(ValueError, match='layer'): explore(learn, ['no_such_layer'])


def liveliest(explorer, at: int) -> int:
    "The number of the map of a layer with the largest mean activation in the first image"
    layer = explorer.state['layers'][at]
    heat = np.frombuffer(base64.b64decode(layer['heat']), np.uint8).reshape(layer['heat_shape'])
    return layer['maps'][int(heat[0].mean((1, 2)).argmax())]['number']


def test_it_opens_on_the_liveliest_map_of_a_middle_layer(chromium, learn, tmp_path):
    explorer = explore(learn, ['relu', 'layer2', 'layer3'], maps=6, images=[0, 3])
    with watched_page(chromium, offline=True) as page:
        page.goto(explorer.to_html(tmp_path/'explorer.html').as_uri())
        title = page.get_by_role('heading', level=4)
        assert title.inner_text() == f'Map {liveliest(explorer, 1)} of layer2'
        assert '0% of the map' not in page.locator('.fl-activation-figure').inner_text()
        page.get_by_role('button', name='relu', exact=True).click()
        assert title.inner_text() == f'Map {liveliest(explorer, 0)} of relu'


def test_the_page_lets_one_choose(chromium, explorer, tmp_path):
    with watched_page(chromium, offline=True, viewport={'width': 1000, 'height': 900}) as page:
        page.goto(explorer.to_html(tmp_path/'explorer.html').as_uri())
        page.get_by_role('button', name='layer2', exact=True).click()
        maps = page.locator('.fl-map')
        assert maps.count() == 4
        title, before = page.get_by_role('heading', level=4), pixels(page.locator('.fl-activation-large'))
        assert title.inner_text() == f'Map {liveliest(explorer, 1)} of layer2'
        maps.first.click()
        assert title.inner_text() == f'Map {explorer.views[1].maps[0]} of layer2'
        page.keyboard.press('ArrowRight')
        assert title.inner_text() == f'Map {explorer.views[1].maps[1]} of layer2'
        focused = page.evaluate('document.activeElement.shadowRoot.activeElement.title')
        assert focused == f'Map {explorer.views[1].maps[1]}'
        page.locator('.fl-thumb').nth(2).click()
        assert pixels(page.locator('.fl-activation-large')) != before
        assert "of the map's strongest activation" in page.locator('.fl-activation-figure').inner_text()


@pytest.mark.parametrize('width', [400, 1600])
def test_narrow_and_wide(chromium, explorer, tmp_path, width):
    with watched_page(chromium, viewport={'width': width, 'height': 900}, color_scheme='dark') as page:
        page.goto(explorer.to_html(tmp_path/'explorer.html').as_uri())
        page.locator('.fl-layer-explorer').wait_for()
        assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
