"The schedules against fastai's printed numbers, and the errors for invalid values"
import math

import pytest

from fastlearn.optimizer import rates_per_group
from fastlearn.schedule import constant, cosine, exponential, Exponential, Flat, linear, OneCycle

# fastai 2.8.12, fine_tune over 10 batches: rates of the last group, momentum, factors of the groups
FROZEN = (OneCycle(rates_per_group(slice(2e-3), 3), pct_start=.99),
          [8e-5, 1.27932e-4, 2.66941e-4, 4.83145e-4, 7.54956e-4,
           1.05523e-3, 1.35399e-3, 1.62139e-3, 1.83073e-3, 1.96111e-3],
          [.95, .9475, .94026, .929, .91485, .89921, .88365, .86972, .85882, .85203], (.1, .1, 1))
UNFROZEN = (OneCycle(rates_per_group(slice(1e-5, 1e-3), 3), pct_start=.3, div=5.),
            [2e-4, 4e-4, 8e-4, 1e-3, 9.50485e-4, 8.11747e-4, 6.11264e-4, 3.88746e-4, 1.88263e-4, 4.95251e-5],
            [.95, .925, .875, .85, .85495, .86883, .88887, .91113, .93117, .94505], (.01, .1, 1))


@pytest.mark.parametrize('cycle, rates, momenta, factors', [FROZEN, UNFROZEN], ids=['frozen', 'unfrozen'])
def test_the_cycle_is_fastais(cycle, rates, momenta, factors):
    for i, (rate, momentum) in enumerate(zip(rates, momenta)):
        ours, our_momentum = cycle(i/10)
        assert ours == pytest.approx([rate*factor for factor in factors], rel=1e-5)
        assert our_momentum == pytest.approx(momentum, rel=1e-5)


def test_defaults_are_fastais():
    assert OneCycle(1e-3) == OneCycle((1e-3,), pct_start=.25, div=25., div_final=1e5, moms=(.95, .85, .95))
    (start,), _ = OneCycle(1e-3)(0)
    (peak,), momentum = OneCycle(1e-3)(.25)
    (end,), _ = OneCycle(1e-3)(1)
    assert (start, peak, end) == pytest.approx((4e-5, 1e-3, 1e-8)) and momentum == pytest.approx(.85)


@pytest.mark.parametrize('curve', [cosine, linear, exponential])
@pytest.mark.parametrize('start, end', [(1, 5), (5, 1), (2, 2)])
def test_curves_lead_from_start_to_end(curve, start, end):
    values = [curve(start, end, p/50) for p in range(51)]
    assert values[0] == pytest.approx(start) and values[-1] == pytest.approx(end)
    assert values == pytest.approx(sorted(values, reverse=start > end))


def test_curves_in_the_middle():
    assert cosine(0, 1, .25) == pytest.approx((1 - math.sqrt(.5))/2)
    assert linear(2, 4, .25) == 2.5 and exponential(1, 10000, .25) == pytest.approx(10) and constant(2, 4, .5) == 2


@pytest.mark.parametrize('pct_start', [0, 1])
def test_only_falling_and_only_rising(pct_start):
    rates = [OneCycle(1., pct_start=pct_start)(p/10)[0][0] for p in range(11)]
    assert rates == sorted(rates, reverse=pct_start == 0) and max(rates) == pytest.approx(1)


def test_a_factor_below_1_is_allowed():
    assert OneCycle(1., div=.5, div_final=.25)(0)[0] == (2.,) and OneCycle(1., div_final=.25)(1)[0] == (4.,)


def test_momentum_can_be_left_alone():
    assert OneCycle(1., moms=None)(.5)[1] is None and Flat(1.)(.5) == ((1.,), None)
    assert Flat([1., 2.], .9)(0) == ((1., 2.), .9)


def test_the_search_passes_all_orders_of_magnitude():
    rates = [Exponential(1e-7, 10.)(i/100)[0][0] for i in range(101)]
    factors = [b/a for a, b in zip(rates, rates[1:])]
    assert (rates[0], rates[-1]) == pytest.approx((1e-7, 10))
    assert factors == pytest.approx([factors[0]]*100)
    assert Exponential(groups=3)(.5)[0] == Exponential()(.5)[0]*3


def test_schedules_are_values():
    assert OneCycle([1e-4, 1e-3]) == OneCycle((1e-4, 1e-3)) and hash(OneCycle([1.])) == hash(OneCycle((1.,)))
    with pytest.raises(AttributeError): OneCycle(1.).div = 3


@pytest.mark.parametrize('make, text', [
    (lambda: OneCycle(1., pct_start=1.5), 'got pct_start=1.5, expected 0'),
    (lambda: OneCycle(1., pct_start=-.1), 'got pct_start=-0.1, expected 0'),
    (lambda: OneCycle(1., pct_start=30), 'got pct_start=30, expected 0.*0.25 is a quarter'),
    (lambda: OneCycle(-1.), r'got learning rates \[-1.0\], expected at least one, each finite and 0 or above'),
    (lambda: OneCycle([1e-3, math.nan]), 'each finite'),
    (lambda: OneCycle([]), 'expected at least one'),
    (lambda: OneCycle(1., div=0), 'got div=0, expected a finite number above 0'),
    (lambda: OneCycle(1., div_final=-1), 'got div_final=-1, expected a finite number above 0'),
    (lambda: OneCycle(1., moms=(.9, .8)), r'got moms=\(0.9, 0.8\), expected three numbers'),
    (lambda: OneCycle(1., moms=(.9, 1.2, .9)), 'from 0 to below 1'),
    (lambda: Flat(-1.), 'expected at least one, each finite and 0 or above'),
    (lambda: Flat(1., 1.), 'got momentum 1.0, expected 0 to below 1'),
    (lambda: Exponential(10., 1.), 'got rates from 10.0 to 1.0, expected two above 0, the lower one first'),
    (lambda: Exponential(0., 1.), 'expected two above 0'),
    (lambda: Flat(1.)(1.1), 'got progress 1.1, expected 0 to 1'),
    (lambda: Exponential()(1.1), 'got progress 1.1, expected 0 to 1'),
    (lambda: OneCycle(1.)(-.1), 'got progress -0.1, expected 0 to 1'),
])
def test_values_that_make_no_sense(make, text):
    with pytest.raises(ValueError, match=text): make()
