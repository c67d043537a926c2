"First-layer filters: found in every kind of network, drawn, filmed"
import pytest
import torch
from fastlearn.dashboard.filters import (
    _amplified, _before_and_after, contrast, dead_filters, filter_grid, first_layer, in_color, record_filters,
    show_filters, start_filter_history, twin_filters, weights_at,
)
from fastlearn.history import History
from fastlearn.models import create_model, resnet10
from torch import nn


def filters(n=5, channels=3, size=7, seed=0):
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(('arch', 'shape'), [
    ('resnet18', (64, 3, 7, 7)), ('squeezenet1_0', (96, 3, 7, 7)), ('alexnet', (64, 3, 11, 11)),
    ('vgg11', (64, 3, 3, 3)), ('densenet121', (64, 3, 7, 7)), ('mobilenet_v2', (32, 3, 3, 3)),
    ('convnext_tiny', (96, 3, 4, 4)), ('swin_t', (96, 3, 4, 4)), ('googlenet', (64, 3, 7, 7))])
def test_the_first_layer_is_the_one_that_sees_colors(arch, shape):
    with torch.device('meta'): name, layer = first_layer(create_model(arch, None))
    assert tuple(layer.weight.shape) == shape and name


def test_a_model_without_convolution_is_named():
    with pytest.raises(ValueError, match='this model has no Conv2d layer, .* it consists of Linear'):
        first_layer(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)))


@pytest.mark.parametrize('channels', [1, 3, 4])
def test_each_filter_fills_the_range(channels):
    w = filters(channels=channels)*torch.logspace(-6, 3, 5).view(-1, 1, 1, 1)
    stretched = contrast(w)
    assert torch.allclose(stretched.amin((1, 2, 3)), torch.zeros(5)) and torch.allclose(stretched.amax((1, 2, 3)),
                                                                                        torch.ones(5))
    for before, after in zip(w, stretched): assert before.flatten().argsort().equal(after.flatten().argsort())
    assert in_color(stretched).shape == (5, 7, 7, 3)


def test_a_filter_without_structure_is_gray():
    assert contrast(torch.full((1, 3, 3, 3), 7.)).eq(.5).all()


def test_the_grid_shows_every_pixel_once():
    pictures = torch.rand(7, 3, 4, 3, generator=torch.Generator().manual_seed(1))*.9
    grid = filter_grid(pictures, columns=3)
    assert grid.shape == (3*4 - 1, 3*5 - 1, 3)
    for i, picture in enumerate(pictures):
        top, left = i//3*4, i % 3*5
        assert grid[top:top+3, left:left+4].equal(picture)
    assert grid.eq(1).all(2).sum() == grid[..., 0].numel() - 7*12  # the rest is white


def test_the_difference_is_amplified_by_what_it_says():
    start = filters()
    now = start.clone()
    now[2, 1, 3, 3] += 2e-4
    pictures, gain, largest = _amplified(start, now)
    assert gain*largest == pytest.approx(1) and largest == pytest.approx(2e-4, rel=1e-2)
    assert pictures[2, 1, 3, 3] == 1 and pictures.eq(.5).sum() == pictures.numel() - 1
    unchanged, gain, largest = _amplified(start, start)
    assert unchanged.eq(.5).all() and (gain, largest) == (1, 0)


def test_a_film_gives_back_what_was_filmed_to_half_a_step_of_its_scale():
    start, rng = filters(64), torch.Generator().manual_seed(3)
    track, shown = start_filter_history('conv1', start), {}
    for step in range(1, 41):
        shown[step] = start + 1e-4*step*torch.randn(start.shape, generator=rng)
        record_filters(track, shown[step], step)
    assert len(track.steps) <= 60
    for step in track.steps:
        largest = (shown[step] - start).abs().max()
        assert (weights_at(track, step) - shown[step]).abs().max() <= largest/254*1.01 + 1e-7
    assert weights_at(track, 0).equal(start)


def test_a_frozen_layer_costs_nothing():
    start = filters()
    track = start_filter_history('conv1', start)
    for step in range(5): record_filters(track, start.clone(), step)
    assert not track.samples


def test_the_film_of_a_large_layer_stays_small():
    start = filters(768, 3, 16)
    track = start_filter_history('patches', start)
    for step in range(1, 200): record_filters(track, start + step*1e-3, step)
    size = track.fixed['start'].numel()*4 + sum(look['change'].numel() for look in track.samples)
    assert size < 900_000 and track.about['of'] == 768 and track.steps[-1] == 199


def test_dead_ones_and_twins_are_found():
    w = filters(12)
    w[4] *= 1e-4
    w[7] = w[2]*3
    w[9] = -w[1]
    assert dead_filters(w) == [4] and twin_filters(w) == [(2, 7)]


def test_the_figure_says_how_much_it_amplified(few_learner):
    learn = few_learner()
    learn.unfreeze()
    learn.fit(1, 1e-4)
    figure = show_filters(learn)
    titles = [axis.get_title() for axis in figure.axes]
    start, now = learn.history.series['filters'].fixed['start'], first_layer(learn.model)[1].weight.detach()
    assert titles[0] == '0.conv1 at the start' and titles[1] == '0.conv1 now'
    assert f'(largest change {(now - start).abs().max():.1e})' in titles[2]
    assert 'dead: ' in figure.get_supxlabel() and 'twins: ' in figure.get_supxlabel()


def test_a_model_alone_shows_what_is_there():
    assert len(show_filters(create_model(resnet10)).axes) == 1


def test_a_history_without_filters_says_so():
    with pytest.raises(ValueError, match='this history has no filter samples'):
        _before_and_after(History())
