"""What the site adds to the text of a chapter: links where a reader would click, a bar under the title.

The notebooks themselves stay as they are, so that they read well without the site.
"""

import re
import tomllib
from functools import cache, partial
from itertools import pairwise

from notebooks import ROOT, chapters

# Code, formulas, links, headings, tables, tags and roles are left alone.
LEFT_ALONE = re.compile(
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|!?\[[^\]]*\]\([^)]*\)|^#[^\n]*$|^\|[^\n]*$|<[^>]+>|\{[\w:]+\}",
    re.DOTALL | re.MULTILINE,
)
NUMBER = r"(?:\d\d|A\d)"
CHAPTERS = re.compile(
    rf"\b([Cc]hapters?|[Aa]ppendix)(\s)({NUMBER}(?:(?:,\s|\sand\s|\sor\s|\sto\s){NUMBER})*)\b"
)
STATEMENT = re.compile(r"(?<![\w*])([PT]\d)\b")
WORK = re.compile(
    r"\b([A-Z]\w+)([\w-]*(?:,? (?:& |and )?[A-Z][\w-]+)*(?: et al\.)?,? \(?)((?:19|20)\d\d)\b"
)
COLAB = re.compile(r"^\[Open in Colab\]\([^)]*\)\n*", re.MULTILINE)
ORDINARY = {  # terms that are ordinary words as well
    "code", "confidence", "control", "energy", "excess", "floor", "law", "reach", "step", "witness",
}  # fmt: skip


@cache
def address() -> str:
    """Where the book is published; "" as long as pyproject.toml names no owner."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
    return "" if "/OWNER/" in found else found


@cache
def terms() -> list[str]:
    """The glossary's terms, the longest first: "score matching" before "score"."""
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8").partition(":sorted:\n")[2]
    found = re.findall(r"^([a-z][\w -]+)$", text, re.MULTILINE)
    return sorted(set(found) - ORDINARY, key=len, reverse=True)


@cache
def works() -> set[str]:
    """The keys of the bibliography: the first surname and the year, as in vincent2011."""
    return set(
        re.findall(r"^@\w+\{(\w+),", (ROOT / "docs" / "references.bib").read_text("utf-8"), re.MULTILINE)
    )


def in_prose(change, text: str) -> str:
    """`change` applied to each piece of the text between the parts that are left alone."""
    kept = [place for match in LEFT_ALONE.finditer(text) for place in match.span()]
    ends = [0, *kept, len(text)]
    parts = [text[a:b] for a, b in pairwise(ends)]
    parts[::2] = map(change, parts[::2])
    return "".join(parts)


def linked(nb, name: str) -> None:
    """Link in the text of `nb` works, chapters, statements and, where they first come, glossary terms."""
    files = {path.stem[:2]: path.name for path in chapters() if path.stem != name}
    names, seen = {name.lower(): name for name in terms()}, set()
    any_term = re.compile(rf"(?<![\w-])({'|'.join(names)})s?(?![\w-])", re.IGNORECASE)

    def one(number):
        return f"[{number[0]}](/chapters/{files[number[0]]})" if number[0] in files else number[0]

    def chapter(match):
        word, space, numbers = match.groups()
        if numbers in files:
            return f"[{word} {numbers}](/chapters/{files[numbers]})"
        return word + space + re.sub(NUMBER, one, numbers)

    def statement(match):
        return f"[{match[1]}](/paper-map.md#{match[1].lower()})"

    def work(match):
        key = match[1].lower() + match[3]
        return match[1] + match[2] + f"{{cite:year}}`{key}`" if key in works() else match[0]

    def term(match):
        name = names[match[1].lower()]
        if name in seen:
            return match[0]
        seen.add(name)
        return f"{{term}}`{match[0]} <{name}>`"

    changes = [(WORK, work), (CHAPTERS, chapter), (STATEMENT, statement), (any_term, term)]
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            if not address():
                cell.source = COLAB.sub("", cell.source)
            for pattern, change in changes:
                cell.source = in_prose(partial(pattern.sub, change), cell.source)


def bar(nb, notebook: str, *links: str) -> None:
    """A line under the title: a link that downloads this file of notebooks/, and others."""
    title, _, rest = nb.cells[0].source.partition("\n")
    line = " · ".join([f"{{download}}`Download the notebook </../notebooks/{notebook}>`", *links])
    nb.cells[0].source = f"{title}\n\n:::{{container}} bar\n{line}\n:::\n{rest}"
