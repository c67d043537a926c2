"What each random change of a picture does to its pixels: torch's flips, closed forms and counts are the oracles"
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fastlearn.data.augment import aug_transforms, Augment, change_light, random_light, random_moves
from fastlearn.data.crops import fit_middle
from fastlearn.data.geometry import affine, perspective, quarter_turns, resample

N = 4000  # pictures of which one batch of matrices is drawn; a share of them is exact to 0.03, four standard deviations


def rng(): return torch.Generator().manual_seed(0)
def images(height=6, width=8, batch=2): return torch.rand(batch, 3, height, width, generator=rng())
def corners(): return torch.tensor([[-1., -1.], [-1., 1.], [1., -1.], [1., 1.]])


def moved(matrices, points):
    "Where `matrices` (n, 3, 3) take `points` (m, 2)"
    places = torch.cat([points, torch.ones(len(points), 1)], 1) @ matrices.transpose(1, 2)
    return places[..., :2]/places[..., 2:]


def moves(batch=N, aspect=1., **options):
    "Matrices of one kind of change alone"
    nothing = {'do_flip': False, 'max_rotate': 0., 'max_zoom': 1., 'max_warp': 0., 'p_affine': 1.}
    return random_moves(Augment(**nothing | options), batch, aspect, rng())


def numbers(*values): return [torch.tensor([value]) for value in values]


def test_affine_is_the_formula_of_its_six_numbers():
    matrix = affine(*numbers(2., 3., 5., 7., 11., 13.))
    assert moved(matrix, torch.tensor([[.5, -1.]])).equal(torch.tensor([[[2*.5 - 3 + 5, 7*.5 - 11 + 13]]]))


def test_a_tilt_shortens_one_edge_and_lengthens_the_opposite_one():
    "The matrix leads from the new place of each corner back to the corner"
    x, y = .2, -.1
    seen = torch.tensor([[-1 - y, -1 - x], [-1 + y, 1 + x], [1 + y, -1 + x], [1 - y, 1 - x]])
    torch.testing.assert_close(moved(perspective(*numbers(x, y)), seen)[0], corners(), atol=1e-5, rtol=0)


@pytest.mark.parametrize('kind', range(8))
def test_the_eight_symmetries_of_a_square(kind):
    square, chosen = images(5, 5, 1), torch.tensor([True])
    turned = resample(square, quarter_turns(torch.tensor([kind]), 1., chosen), (5, 5))
    expected = square.transpose(2, 3) if kind >= 4 else square
    if kind % 2: expected = expected.flip(3 if kind < 4 else 2)
    if kind//2 % 2: expected = expected.flip(2 if kind < 4 else 3)
    torch.testing.assert_close(turned, expected, atol=1e-5, rtol=0)
    assert quarter_turns(torch.tensor([kind]), 1., ~chosen).equal(torch.eye(3)[None])


def test_only_a_square_is_turned_by_a_quarter():
    kinds, every = torch.arange(8), torch.ones(8, dtype=torch.bool)
    wide = quarter_turns(kinds, 1.5, every)
    assert wide[4:].equal(wide[:4]) and wide.equal(wide*torch.eye(3))
    assert len(quarter_turns(kinds, 1., every).unique(dim=0)) == 8


def test_pixels_go_where_the_matrix_says():
    mirrored = resample(images(), affine(*numbers(-1., 0., 0., 0., 1., 0.)).expand(2, 3, 3), (6, 8))
    torch.testing.assert_close(mirrored, images().flip(3), atol=1e-5, rtol=0)
    left = resample(images(5, 10), affine(*numbers(.5, 0., -.5, 0., 1., 0.)).expand(2, 3, 3), (5, 5), least=(1, .5))
    torch.testing.assert_close(left, images(5, 10)[..., :5], atol=1e-5, rtol=0)  # -1 to 0 of -1 to 1


def test_pixels_move_on_the_device_and_in_the_type_of_the_images():
    def size_and_kind(**to): return resample(images().to(**to), torch.eye(3).expand(2, 3, 3), (4, 5))
    assert size_and_kind(device='meta').is_meta and size_and_kind(dtype=torch.float64).dtype == torch.float64
    given = images(), torch.eye(3).expand(2, 3, 3)
    with torch.device('meta'): elsewhere = resample(*given, (4, 5))  # which is then the default device
    assert elsewhere.equal(resample(*given, (4, 5)))


def test_outside_lies_the_mirrored_picture():
    shifted = resample(images(5, 5), affine(*numbers(1., 0., .8, 0., 1., 0.)).expand(2, 3, 3), (5, 5))  # 2 of 5
    torch.testing.assert_close(shifted[..., 3:], images(5, 5)[..., 3:].flip(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize('least, kept', [(1., 8), (.5, 16), (.1, 32)])
def test_a_picture_is_shrunk_first_as_far_as_its_smallest_part_allows(least, kept):
    large, same = images(32, 32), torch.eye(3).expand(2, 3, 3)
    small = F.interpolate(large, (kept, kept), mode='bilinear', antialias=True, align_corners=False)
    expected = F.interpolate(small, (8, 8), mode='bilinear', align_corners=False)
    torch.testing.assert_close(resample(large, same, (8, 8), (least, least)), expected, atol=1e-5, rtol=0)


def test_light_is_a_shift_and_a_stretch_of_the_logit():
    x, brightness, contrast = images().double(), torch.tensor([.6, .5]), torch.tensor([1.2, 1.])
    logit, shift = (x/(1 - x)).log(), math.log(.6/.4)
    expected = torch.stack([1/(1 + (-(logit[0] + shift)*1.2).exp()), x[1]])
    torch.testing.assert_close(change_light(images(), brightness, contrast), expected.float(), atol=1e-5, rtol=0)
    assert change_light(torch.tensor([0., 1.])[:, None, None, None], brightness, contrast).isfinite().all()


def test_a_batch_is_moved_as_drawn_and_stays_within_0_and_1():
    augment, large = Augment(size=8, min_scale=.25, max_lighting=0., max_zoom=1.), images(40, 40, 3)
    matrices, least = random_moves(augment, 3, 1., rng())
    torch.testing.assert_close(augment(large, rng()), resample(large, matrices, (8, 8), (least, least)))
    for side in 14, 16, 18:               # the weights of a mean add up to 1 but for rounding
        assert Augment(max_lighting=0.)(torch.ones(8, 3, side, side), rng()).max() <= 1


def test_half_of_the_pictures_are_mirrored():
    matrices, least = moves(do_flip=True)
    flipped = matrices[:, 0, 0] == -1
    assert abs(flipped.float().mean() - .5) < .03 and least == 1
    assert matrices[~flipped].equal(torch.eye(3).expand((~flipped).sum(), 3, 3))
    assert matrices[flipped].equal(torch.diag(torch.tensor([-1., 1., 1.])).expand(flipped.sum(), 3, 3))


def test_half_of_the_pictures_get_one_of_the_eight_symmetries():
    kinds, counts = moves(flip_vert=True)[0].unique(dim=0, return_counts=True)
    same = (kinds == torch.eye(3)).all(2).all(1)
    assert len(kinds) == 8 and abs(counts[same]/N - (.5 + .5/8)) < .03
    assert all(abs(count/N - .5/8) < .02 for count in counts[~same])


@pytest.mark.parametrize('aspect', [1., 2.])
def test_a_turn_is_a_turn_in_pixels_of_at_most_max_rotate(aspect):
    "In units of half the height, width = aspect: the matrix between them is a rotation"
    matrices = moves(max_rotate=30., aspect=aspect)[0]
    units = torch.diag(torch.tensor([aspect, 1., 1.]))
    turns = units @ matrices @ units.inverse()
    torch.testing.assert_close(turns @ turns.transpose(1, 2), torch.eye(3).expand(N, 3, 3), atol=1e-5, rtol=0)
    degrees = torch.atan2(turns[:, 0, 1], turns[:, 0, 0])*180/math.pi
    assert -30 <= degrees.min() < -29 and 29 < degrees.max() <= 30 and abs(degrees.mean()) < 2


def test_a_zoom_shows_a_part_that_lies_within_the_picture():
    matrices, least = moves(max_zoom=2., min_zoom=1.25)
    parts = moved(matrices, corners())
    assert parts.abs().max() <= 1 + 1e-6 and parts.abs().amax((0, 1)).min() > .99  # it comes near each border
    share = matrices[:, 0, 0]
    assert share.equal(matrices[:, 1, 1]) and .5 <= share.min() < .51 and .79 < share.max() <= .8 and least == .5
    middle = moved(matrices, torch.zeros(1, 2))[:, 0]/(1 - share)[:, None]
    assert abs(middle.T.corrcoef()[0, 1]) < .06  # x and y are drawn apart


def test_a_random_part_of_the_area_is_shown_once_there_is_a_scale():
    matrices, least = moves(min_scale=.25, max_zoom=1.)
    area = matrices[:, 0, 0]*matrices[:, 1, 1]
    assert .25 <= area.min() < .26 and .99 < area.max() <= 1 and abs(area.mean() - .625) < .02 and least == .5


def test_a_tilt_is_as_large_as_max_warp_and_of_both_directions():
    matrices = moves(max_warp=.2)[0]
    back = moved(matrices.inverse(), corners())           # where the corners go
    y, x = -1 - back[:, 0, 0], -1 - back[:, 0, 1]
    for tilt in x, y: assert -.2 - 1e-4 <= tilt.min() < -.19 and .19 < tilt.max() <= .2 + 1e-4
    assert abs(torch.stack([x, y]).corrcoef()[0, 1]) < .06


@pytest.mark.parametrize('options', [{'max_rotate': 30.}, {'max_zoom': 2., 'min_zoom': 1.5}, {'max_warp': .2}],
                         ids=lambda options: next(iter(options)))
def test_each_change_happens_as_often_as_p_affine(options):
    unchanged = (moves(**options | {'p_affine': .25})[0] == torch.eye(3)).all(2).all(1).float().mean()
    assert abs(unchanged - (.75**2 if 'max_warp' in options else .75)) < .03  # a tilt has two directions


def test_light_changes_within_its_limits_as_often_as_asked():
    brightness, contrast = random_light(Augment(max_lighting=.2, p_lighting=.6), N, rng())
    assert .4 <= brightness.min() < .401 and .599 < brightness.max() <= .6
    assert .8 <= contrast.min() < .802 and 1.247 < contrast.max() <= 1.25
    assert abs(contrast.log().mean()) < .01               # as often harder as softer
    for values, neutral in (brightness, .5), (contrast, 1.): assert abs((values == neutral).float().mean() - .4) < .03
    both = ((brightness == .5) & (contrast == 1)).float().mean()
    assert abs(both - .16) < .03                          # they are drawn apart


@pytest.mark.parametrize('height, width, size, part', [
    (8, 16, (4, 4), (slice(None), slice(4, 12))), (16, 8, (4, 4), (slice(4, 12), slice(None))),
    (8, 8, (4, 8), (slice(2, 6), slice(None)))])
def test_validation_shows_the_middle_at_the_size(height, width, size, part):
    whole = images(height, width)
    expected = F.interpolate(whole[:, :, *part], size, mode='bilinear', antialias=True, align_corners=False)
    torch.testing.assert_close(fit_middle(whole, size), expected)
    assert Augment(size=size)(whole).equal(fit_middle(whole, size)) and fit_middle(whole, (height, width)) is whole


def test_defaults_are_fastais_and_mult_multiplies_three_of_them():
    [plain], [double] = aug_transforms(), aug_transforms(mult=2.)
    assert plain == Augment(True, False, 10., 1., 1.1, .2, .2, .75, .75, None, 1.) == Augment()
    assert double == Augment(True, False, 20., 1., 1.1, .4, .4, .75, .75, None, 1.)
    assert aug_transforms(mult=9.)[0].max_lighting == .95
    with pytest.raises(ValueError, match='min_scale is 0.5, so pass size too'): aug_transforms(min_scale=.5)
    assert aug_transforms(min_scale=.5, size=8)[0].size == 8


@pytest.mark.parametrize(('options', 'said'), [
    ({'size': 0}, 'size must be a whole number'), ({'size': 32.}, 'found 32.0'), ({'size': (1, 2, 3)}, 'height, width'),
    ({'size': 8, 'min_scale': 2.}, 'min_scale=2.0'), ({'size': 8, 'min_scale': 0}, 'min_scale=0'),
    ({'max_zoom': 0.}, 'max_zoom=0.0'), ({'min_zoom': 1.2}, '0 < min_zoom <= max_zoom')])
def test_a_number_that_makes_no_image_is_refused(options, said):
    "And NumPy's whole numbers are whole numbers"
    with pytest.raises(ValueError, match=said): aug_transforms(**options)
    assert aug_transforms(size=np.int64(8))[0](images()).shape[2:] == (8, 8)
