"Diagrams: their text, their places, and what a page gets"
import xml.etree.ElementTree as ET

import pytest

from fastlearn.course.diagrams import _border, _center, _read_arrows, Diagram

LOOP = 'inputs -> model -> results; weights -> model; results -> weights: update'
PLACES = {'inputs': (0, 0), 'weights': (0, 1), 'model': (1, .5), 'results': (2, .5)}


def svg(diagram: Diagram) -> ET.Element: return ET.fromstring(diagram._repr_html_())


def test_chains_and_labels():
    assert list(_read_arrows(LOOP)) == [('inputs', 'model', ''), ('model', 'results', ''), ('weights', 'model', ''),
                                       ('results', 'weights', 'update')]
    assert list(_read_arrows('a -> b -> c: last')) == [('a', 'b', ''), ('b', 'c', 'last')]


@pytest.mark.parametrize('text', ['', 'alone', 'a -> ', 'a -> b; c'])
def test_what_is_no_arrow(text):
    with pytest.raises(ValueError, match='has no arrow; expected names with -> between them'): list(_read_arrows(text))


def test_a_box_needs_a_place():
    with pytest.raises(ValueError, match='no place for modle; places has inputs, model'):
        Diagram('inputs -> modle', {'inputs': (0, 0), 'model': (1, 0)})
    with pytest.raises(ValueError, match='no place for judge'): Diagram('a -> b', {'a': (0, 0), 'b': (1, 0)}, ['judge'])


def test_a_line_leaves_a_box_at_its_border():
    a, b = _center((0, 0)), _center((2, 1))
    x, y = _border(a, b)
    assert (b[0] - a[0])*(y - a[1]) == pytest.approx((b[1] - a[1])*(x - a[0]))  # on the way to the other
    assert _border(a, a) == a


def test_it_is_read_aloud_and_printed():
    diagram = Diagram(LOOP, PLACES, ['model'])
    assert repr(diagram) == LOOP.replace('; ', '\n') and svg(diagram).get('aria-label') == LOOP.replace('; ', ' ')
    assert svg(diagram).get('role') == 'img'


def test_one_box_for_each_place_and_one_line_for_each_arrow():
    drawn = svg(Diagram(LOOP, PLACES, ['model']))
    assert len(drawn.findall('rect')) == 4 and len(drawn.findall('path')) == 4
    assert [text.text for text in drawn.findall('text')] == ['update', *PLACES]


def test_text_from_outside_is_text():
    name = '<script>&"'
    drawn = svg(Diagram(f'{name} -> b', {name: (0, 0), 'b': (1, 0)}))
    assert drawn.findall('text')[0].text == name


def test_the_way_back_runs_below_all_boxes():
    drawn = svg(Diagram(LOOP, PLACES))
    lowest = max(float(box.get('y')) + float(box.get('height')) for box in drawn.findall('rect'))
    assert any(f'V{lowest + 26}' in path.get('d') for path in drawn.findall('path'))


def test_each_diagram_has_its_own_arrow_tip():
    first, second = (svg(Diagram(text, PLACES)).find('marker').get('id') for text in (LOOP, 'inputs -> model'))
    assert first != second
