"""The site adds links to the text of a chapter, and changes nothing else of it."""

import links
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = "06-synthesis-from-noise"


def linked(*texts: str) -> list[str]:
    nb = new_notebook(cells=[new_markdown_cell(text) for text in texts])
    links.linked(nb, HERE)
    return [cell.source for cell in nb.cells]


LINKED = {  # text -> how it goes on, after a beginning that stays
    "See chapter 05.": "See [chapter 05](/chapters/05-a-denoiser-for-images.ipynb).",
    "Appendix A2 shows it.": "[Appendix A2](/chapters/A2-what-it-took.ipynb) shows it.",
    "Chapters 02 and 06.": "Chapters [02](/chapters/02-the-score-inside-bce.ipynb) and 06.",
    "By T6, and P4 says so.": "By [T6](/paper-map.md#t6), and [P4](/paper-map.md#p4) says so.",
    "(Robbins 1956, Efron 2011)": "(Robbins {cite:year}`robbins1956`, Efron {cite:year}`efron2011`)",
    "Bengio, Yao, Alain & Vincent 2013": "Bengio, Yao, Alain & Vincent {cite:year}`bengio2013`",
    "Vincent et al. 2008; Ho, Jain & Abbeel (2020)": "Vincent et al. {cite:year}`vincent2008`; "
    "Ho, Jain & Abbeel ({cite:year}`ho2020`)",
    "Carreira-Perpiñán (2007)": "Carreira-Perpiñán ({cite:year}`carreira2007`)",
    "Score matching of scores": "{term}`Score matching <score matching>` of {term}`scores <score>`",
}
KEPT = [
    "This is chapter 06, and chapter 77 is none.",
    "`chapter 05` in code, $P1$ in a formula, [chapter 05](already.md) in a link",
    "# A heading about chapter 05 and its score",
    "| a table | of T6 |",
    "```python\nchapter 05\n```",
    "One step reaches the floor.",
    "In March 2011, and Nobody 1999.",
]


@pytest.mark.parametrize("text", LINKED)
def test_a_link_leads_where_a_reader_would_click(text):
    assert linked(text) == [LINKED[text]]


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_mention_stays(text):
    assert linked(text) == [text]


def test_a_term_is_linked_once_and_the_longer_one_first():
    texts = "An autoencoder is no denoising autoencoder.", "The denoising autoencoder again."
    first, second = linked(*texts)
    long = "{term}`denoising autoencoder <denoising autoencoder>`"
    assert first == f"An {{term}}`autoencoder <autoencoder>` is no {long}."
    assert second == "The denoising autoencoder again."


def test_code_is_left_alone():
    nb = new_notebook(cells=[new_markdown_cell("# T"), new_code_cell("x = 1  # chapter 05")])
    links.linked(nb, HERE)
    assert nb.cells[1].source == "x = 1  # chapter 05"


@pytest.mark.parametrize("published", ["", "https://example.org/book"])
def test_links_that_need_an_address_wait_for_it(published, monkeypatch):
    monkeypatch.setattr(links, "address", lambda: published)
    text = "Above.\n\n[Open in Colab](https://colab.research.google.com/x)\n\nBelow."
    assert ("Colab" in linked(text)[0]) == bool(published)
    assert linked(text)[0].startswith("Above.") and linked(text)[0].endswith("Below.")


def test_the_bar_stands_under_the_title():
    nb = new_notebook(cells=[new_markdown_cell("# Title\n\nText.")])
    links.bar(nb, "06.ipynb", "[two](b.md)")
    title, line, rest = nb.cells[0].source.split("\n\n")
    download = "{download}`Download the notebook </../notebooks/06.ipynb>`"
    assert line == f":::{{container}} bar\n{download} · [two](b.md)\n:::"
    assert (title, rest) == ("# Title", "Text.")
