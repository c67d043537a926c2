"Tables as text and as HTML"
from fastlearn.core.interactive import html_table, Table, text_table

ROWS = [('part', 'pictures'), ('nose', '600'), ('long tail', '42')]


def test_text_columns_keep_their_side():
    assert text_table(ROWS).splitlines() == ['part       pictures', 'nose       600', 'long tail  42']
    assert text_table(ROWS, right={1}).splitlines()[1:] == ['nose            600', 'long tail        42']


def test_html_has_a_head_a_caption_and_sides():
    page = html_table(ROWS, right={1}, caption='a < b')
    assert '<caption>a &lt; b</caption>' in page
    assert '<thead><tr><th scope="col" style="text-align: left">part</th>' in page
    assert '<td style="text-align: right">42</td>' in page
    assert page.count('<td') == 4 and page.count('</th>') == 2


def test_html_escapes_cells_unless_told_that_they_are_html():
    rows = [('name',), ('<a href="x">x</a>',)]
    assert '&lt;a href=&quot;x&quot;&gt;' in html_table(rows)
    assert '<a href="x">x</a>' in html_table(rows, is_html=True)


def test_a_column_of_sentences_is_not_squeezed_by_long_names():
    link = '<a href="a_very_long_address_that_nobody_sees.html">a</a>'
    page = html_table([('term', 'meaning', 'where'), ('fit', 'a sentence ' * 5, link)], is_html=True)
    assert page.count('min-width') == 2    # the heading and the cell of the middle column
    assert '<td style="text-align: left; min-width: 12em">a sentence' in page


def test_a_record_says_only_its_rows():
    class Counts(Table, dict):
        right = {1}
        def table_rows(self): return ROWS[:1] + list(self.items())

    counts = Counts(nose='600')
    assert repr(counts) == text_table(counts.table_rows(), {1})
    assert counts._repr_html_() == html_table(counts.table_rows(), {1})
