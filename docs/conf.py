"""Sphinx settings; `python docs/book.py site` copies this file beside the assembled pages."""

project = "Denoising autoencoders and the score"
author = "The authors of Denoising autoencoders and the score"
copyright = "the authors. Text: CC BY 4.0. Code: MIT"
language = "en"

extensions = ["myst_nb"]
exclude_patterns = ["generated"]  # fragments that pages include

# Chapters are executed by `book.py run`, which also times them; here they are only rendered.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_dmath_double_inline = True  # $$...$$ right below a line of text, as Jupyter shows it
myst_heading_anchors = 3

# Everything a page loads is served with it: the book can be read without a network.
html_static_path = ["static", "vendor"]
mathjax_path = "mathjax/tex-chtml-full.js"
nb_ipywidgets_js = {"require.js": {}, "embed-amd.js": {}}

html_theme = "furo"
html_title = project
html_css_files = ["book.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
