"""Sphinx settings: `make book` executes the chapters and builds the site, `make site` only builds it."""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "docs" / "_ext"), str(ROOT / "tools")]

from notebooks import chapters  # noqa: E402

project = "Denoising autoencoders and the score"
author = "The authors of Denoising autoencoders and the score"
copyright = "the authors. Text: CC BY 4.0. Code: MIT"
language = "en"
version = release = re.search(
    r'__version__ = "(.+)"', (ROOT / "daeutils/__init__.py").read_text("utf-8")
)[1]

extensions = ["book", "myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
extensions += ["sphinxcontrib.bibtex", "sphinx_design"]
exclude_patterns = ["measured", "slides", "templates"]  # what pages and slides are made from
if os.environ.get("ANSWERS") == "no":  # a site for students
    exclude_patterns += ["instructors.md", "teaching", "exam.md"]
    suppress_warnings = ["toc.excluded", "myst.xref_missing"]  # the first page links to them

nb_execution_mode = "cache"  # an unchanged chapter is not executed again
nb_execution_cache_path = str(ROOT / "_build" / "cache")
# With CHAPTERS="02 05" the others are shown as they are stored.
wanted = tuple(os.environ.get("CHAPTERS", "").split())
nb_execution_excludepatterns = ["chapters/exercises/*"]
nb_execution_excludepatterns += [
    f"chapters/{path.name}" for path in chapters() if wanted and not path.stem.startswith(wanted)
]
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_code_prompt_show, nb_code_prompt_hide = "Show the code", "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_dmath_double_inline = True  # $$...$$ right below a line of text, as Jupyter shows it
myst_heading_anchors = 3

bibtex_bibfiles = ["references.bib"]

# A reference to something of daeutils that does not exist is an error; other packages have no pages here.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!daeutils\b).*")]
default_role = "py:obj"  # `name` in a docstring is code, and a link where it can be
add_module_names = False
toc_object_entries_show_parents = "hide"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False  # torch's are about torch
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True


def plain(app, what, name, obj, options, lines):
    """Take a docstring for the plain text that help() shows: |a| and R* are mathematics there."""
    for i, line in enumerate(lines):
        parts = line.split("`")  # every other one is code
        parts[::2] = [re.sub(r"[|*]|_\b", r"\\\g<0>", part) for part in parts[::2]]
        lines[i] = "`".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", plain, priority=100)  # before napoleon adds markup


# Everything a page loads is served with it: the book can be read without a network.
VENDOR = ROOT / "_build" / "vendor"  # docs/_ext/book.py fills it
VENDOR.mkdir(parents=True, exist_ok=True)
html_static_path = ["static", str(VENDOR)]
templates_path = ["templates"]
mathjax3_config = {"options": {"menuOptions": {"settings": {"inTabOrder": False}}}}  # 100 stops a page
mathjax_path = "mathjax/tex-chtml-full.js"
nb_ipywidgets_js = {}

html_theme = "furo"
html_title = project
html_favicon = "static/favicon.svg"
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_copy_source = False
html_show_sphinx = False
html_scaled_image_link = False  # book.js links a figure to itself
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"
