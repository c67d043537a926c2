"Sphinx reads this; tools/docs.py prepares the pages and starts it"
import sys
from configparser import ConfigParser
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS))

settings = ConfigParser(delimiters=['='])
settings.read(ROOT/'settings.ini', encoding='utf-8')
cfg = settings['DEFAULT']

project, author, release = cfg['title'], cfg['author'], cfg['version']
copyright = cfg['copyright']
extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx.ext.linkcode', 'processing.extension']
source_suffix = {'.ipynb': 'myst-nb', '.md': 'myst-nb'}
root_doc, language = 'index', 'en'

# pages
nb_execution_mode = 'off'                # tools/run_notebooks.py has run them
nb_render_markdown_format = 'myst'
nb_ipywidgets_js = {}                    # nothing needs the widget manager: live outputs carry their own script
nb_merge_streams = True
myst_enable_extensions = ['dollarmath', 'amsmath', 'colon_fence']
myst_heading_anchors = 4
suppress_warnings = ['mystnb.unknown_mime_type', 'myst.header']  # a section may open with a smaller heading
html_math_renderer = 'mathml'            # browsers draw it themselves
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = 'hide'
copybutton_selector = 'div.highlight pre'
page_settings = dict(cfg)
linkcode_base = cfg['git_url'] and f"{cfg['git_url']}/blob/{cfg['branch']}"  # no links to a source without an address

# look
html_theme, html_title = 'sphinx_book_theme', cfg['title']
html_baseurl = cfg['doc_host'] and f"{cfg['doc_host']}{cfg['doc_baseurl']}/"
html_static_path = [str(DOCS/'static'), str(ROOT/'_build'/'docs'/'static')]
templates_path = [str(DOCS/'templates')]
html_css_files, html_js_files = ['site.css'], ['live.js']
html_favicon = str(DOCS/'static'/'favicon.svg')
html_copy_source = html_use_index = html_domain_indices = False
html_show_sourcelink = False
html_last_updated_fmt = None
html_context = {'default_mode': 'auto'}
html_theme_options = {
    **({'repository_url': cfg['git_url'], 'repository_branch': cfg['branch'], 'use_repository_button': True}
       if cfg['git_url'] else {}),
    'article_header_end': ['page-links.html', 'article-header-buttons.html'],
    'footer_content_items': ['page-footer.html', 'copyright.html'],
    'use_download_button': False, 'use_fullscreen_button': False, 'home_page_in_toc': False, 'show_navbar_depth': 1,
    'show_toc_level': 2, 'navbar_persistent': [], 'search_bar_text': 'Search', 'back_to_top_button': False,
    'secondary_sidebar_items': ['page-toc.html'],
    'pygments_light_style': 'a11y-high-contrast-light', 'pygments_dark_style': 'a11y-high-contrast-dark',
}
html_sidebars = {'**': ['navbar-logo.html', 'version.html', 'search-button-field.html', 'sbt-sidebar-nav.html']}
