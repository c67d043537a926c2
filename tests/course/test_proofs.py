"""Each of the fifteen concepts is proved by a cell on the path that asserts a claim with its control.

Members of the kind that were tried: a concept without a cell, a cell without an assert, without a control, with a
figure that is not there, a misspelled concept, a page that is out of step.
"""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]/'tools'))
from proofs import CONCEPTS, PAGE, page, proofs, proofs_in  # noqa: E402

GOOD = '# proves: transfer\n# claim: a\n# control: b\n# figure: fig\nassert 1 < 2'


def cell(source: str, name: str = 'here') -> dict: return {'id': name, 'cell_type': 'code', 'source': [source]}


@pytest.mark.parametrize('concept', CONCEPTS)
def test_every_concept_is_proved(concept):
    assert [one for one in proofs() if one.concept == concept]


def test_the_page_is_in_step():
    assert PAGE.read_text(encoding='utf-8') == page(proofs()), 'python tools/proofs.py write'


def test_a_proof_is_read():
    [one] = proofs_in('a', [cell('plot()', 'fig'), cell(GOOD)])
    assert (one.claim, one.control, one.asserts, one.figure, one.cell) == ('a', 'b', ('1 < 2',), 'fig', 'here')
    assert not [*proofs_in('a', [cell('assert 1 < 2')])]


@pytest.mark.parametrize('dropped, said', [('# claim: a\n', 'claim'), ('# control: b\n', 'control'),
                                           ('# figure: fig\n', 'figure'), ('assert 1 < 2', 'assert')])
def test_a_proof_that_lacks_something_is_named(dropped, said):
    with pytest.raises(ValueError, match=f"a, cell here proves 'transfer' without .'{said}'"):
        list(proofs_in('a', [cell('plot()', 'fig'), cell(GOOD.replace(dropped, ''))]))


def test_the_figure_is_there():
    with pytest.raises(ValueError, match='there is no cell fig'): list(proofs_in('a', [cell(GOOD)]))


def test_a_misspelled_concept_is_named(monkeypatch):
    monkeypatch.setattr('proofs.CONCEPTS', CONCEPTS[:-1])
    with pytest.raises(ValueError, match='not a black box'): proofs()
