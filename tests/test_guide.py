"""What the guide for instructors says of minutes, points, figures and cells is so in the notebooks."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from daeutils import teaching

import exercises
import notebooks
from notebooks import ROOT, caption, chapters, read

TEACHING = ROOT / "docs" / "teaching"
PAGES = sorted(TEACHING.glob("*.md"))
LECTURES = [path for path in PAGES if path.stem == "hour" or path.stem.startswith("lecture")]
NAMES = [path.stem for path in chapters()]
MARKED = [*NAMES, *exercises.labs()]
NUMBER = r"(?:\d+|A\d)\.\d+"
FIGURES = re.compile(rf"Figures? ({NUMBER}(?:(?:, | and | to ){NUMBER})*)")
CHAPTER = re.compile(r"\[(\w\w)\]\(\.\./chapters/([\w-]+)\.ipynb\)")


class Task(NamedTuple):
    title: str
    minutes: int
    automatic: int
    by_hand: int


@cache
def tasks(name: str) -> dict[str, Task]:
    """The exercises of a chapter by their letter, as the students' notebook has them."""
    found, letter = {}, ""
    nb = read(exercises.STUDENTS / f"{name}.ipynb")
    # "About two hours: (a) 25 minutes, (b) 40 (the core exercise)", where the tasks do not say it
    listed = dict(re.findall(r"\((\w)\) (\d+)", nb.cells[0].source))
    for cell in nb.cells:
        if cell.cell_type == "markdown" and (task := exercises.TASK.search(cell.source)):
            letter, title = task.groups()
            said = re.search(r"^\*.*?(\d+) minutes.*\*$", cell.source, re.MULTILINE)
            found[letter] = Task(title, int(said[1] if said else listed[letter]), 0, 0)
        graded = cell.metadata.get("nbgrader", {})
        if graded.get("grade"):
            kind = "by_hand" if graded["solution"] else "automatic"  # who fills the cell in
            before = found[letter]
            found[letter] = before._replace(**{kind: getattr(before, kind) + graded["points"]})
    return found


def core(name: str) -> str:
    """The letter of a chapter's core exercise, as the notebook says it."""
    text = "\n".join(cell.source for cell in read(exercises.STUDENTS / f"{name}.ipynb").cells)
    found = re.findall(r"\((\w)\) is the core one|\((\w)\) \d+ \(the core exercise\)", text)
    ((one, other),) = found
    return one or other


def rows(text: str, first: str) -> list[list[str]]:
    """The rows of all tables whose head begins with this word, as lists of cells."""
    found, reading = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not line.startswith("|"):
            reading = False
        elif line.startswith(f"| {first} |"):
            reading = True
        elif reading and not line.startswith("|-"):
            found.append(cells)
    return found


def sections(page: str) -> dict[str, str]:
    """What the page says below the heading of each chapter, by the chapter's number."""
    text = (TEACHING / page).read_text("utf-8")
    pieces = re.split(r"^## \[(\w\w) · .*$", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


@cache
def of_chapter(name: str) -> tuple[str, set[str]]:
    """All of a chapter's text and code, and its headings."""
    text = "\n".join(cell.source for cell in read(notebooks.NOTEBOOKS / f"{name}.ipynb").cells)
    return text, set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))


# Marking


@pytest.mark.parametrize("name", MARKED)
def test_every_exercise_has_a_row_with_its_title_minutes_and_points(name):
    section = sections("marking.md")[name[:2]]
    if name in NAMES:
        assert f"Core exercise: ({core(name)})." in section
    marked = {}
    for exercise, points, full, half, who in rows(section, "exercise"):
        letter, title, minutes = re.fullmatch(r"\((\w)\) (.+) \((\d+) minutes\)", exercise).groups()
        found = re.fullmatch(r"(\d+) automatic(?:, (\d+) by hand)?", points)
        marked[letter] = Task(title, int(minutes), int(found[1]), int(found[2] or 0))
        assert full and half and re.fullmatch(r"Check: .+ You: .+", who)
    assert marked == tasks(name)


@pytest.mark.parametrize("name", MARKED)
def test_the_functions_that_a_check_tests_are_those_that_the_student_writes(name):
    """All of them and no others, in the cells that students fill in."""
    nb, letter, asked = read(exercises.STUDENTS / f"{name}.ipynb"), "", {}
    for cell in nb.cells:
        if cell.cell_type == "markdown" and (task := exercises.TASK.search(cell.source)):
            letter = task[1]
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            asked.setdefault(letter, set()).update(re.findall(r"^def (\w+)", cell.source, re.MULTILINE))
    said = {}
    for exercise, *_, who in rows(sections("marking.md")[name[:2]], "exercise"):
        checked = who.partition("You:")[0]
        said[exercise[1]] = set(re.findall(r"`(\w+)`", checked))
    assert said == asked


def test_a_conclusion_is_worth_two_points_and_a_proof_three():
    principles = (TEACHING / "marking.md").read_text("utf-8").partition("## What to look for")[0]
    named = set(re.findall(r"(\w\w) \((\w)\)", principles))
    for name in NAMES:
        for letter, task in tasks(name).items():
            assert task.by_hand == (5 if (name[:2], letter) in named else 2), (name, letter)
        found = [cell for cell in read(exercises.STUDENTS / f"{name}.ipynb").cells if cell.source]
        ids = [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in found]
        assert [i for i in ids if i.endswith("_conclusion")] == [
            f"ex{name[:2]}_{letter}_conclusion" for letter in tasks(name)
        ]


# Lectures


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_the_minutes_of_a_lecture_join_and_add_up_to_fifty(path):
    spans = [tuple(map(int, row[0].split("–"))) for row in rows(path.read_text("utf-8"), "minute")]
    assert spans[0][0] == 0 and spans[-1][1] == 50
    assert all(start < end for start, end in spans)
    assert all(end == start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_homework_takes_the_minutes_that_the_notebooks_say(path):
    found = rows(path.read_text("utf-8"), "exercise")
    assert found
    for exercise, minutes in found:
        number, letter, target = re.match(r"\[(\w\w) \((\w)\)\]\(([^)]+)\)", exercise).groups()
        name = next(name for name in NAMES if name.startswith(number))
        assert target == f"../chapters/exercises/{name}.ipynb"
        assert int(minutes) == tasks(name)[letter].minutes, exercise


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_has_its_goals_its_deck_and_all_its_parts(path):
    text = path.read_text("utf-8")
    goals = re.search(r"^Afterwards your students can\n\n((?:\*.+\n)+)", text, re.MULTILINE)[1]
    assert 2 <= len(goals.splitlines()) <= 3
    assert f'<a href="../slides/{path.stem}.html">Slides</a> · To read before: ' in text
    parts = ["Minute by minute", "Cells to run live", "Votes", "If time runs short", "Homework"]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == parts
    live = [row for row in rows(text, "minute") if row[2]]
    section = text.partition("## Cells to run live")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\* \[", section, re.MULTILINE)) == len(live)


def test_the_hour_has_three_live_cells():
    text = (TEACHING / "hour.md").read_text("utf-8")
    assert len([row for row in rows(text, "minute") if row[2]]) <= 3


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_votes_refer_to_questions_and_minutes_that_there_are(path):
    text = path.read_text("utf-8")
    starts = {row[0].partition("–")[0] for row in rows(text, "minute")}
    votes = rows(text, "vote")
    assert len(votes) >= 5
    for vote, answer, wrong in votes:
        assert answer and wrong
        if minute := re.search(r"\(minute (\d+)\)", vote):
            assert minute[1] in starts, vote
        else:
            number, question = re.search(r"\(\[(\w\w)\]\([^)]+\), question (\d+)\)", vote).groups()
            assert 1 <= int(question) <= len(teaching.quiz(number).questions), vote


# Every page


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_guide_names_figures_that_there_are(path):
    there = set()
    for chapter in chapters():
        texts = [caption(cell) or cell.source for cell in read(chapter).cells]
        there.update(re.findall(rf"\*\*Figure ({NUMBER})\.", "\n".join(texts)))
    text = path.read_text("utf-8")
    named = {number for match in FIGURES.finditer(text) for number in re.findall(NUMBER, match[1])}
    assert named <= there


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_tables_name_sections_and_functions_of_the_chapter_that_they_link_to(path):
    """`name` is in the code of the chapter before it, and *Title* is a heading there."""
    for line in path.read_text("utf-8").splitlines():
        if path.stem in ("marking", "chapters") or not re.match(r"[|*] ", line):
            continue
        pieces = CHAPTER.split(line)
        for name, said in zip(pieces[2::3], pieces[3::3], strict=True):
            text, headings = of_chapter(name)
            for code in re.findall(r"`(\w+)`", said):
                assert re.search(rf"\b{code}\b", text), f"{path.name}: {code} in {name}"
            shown_and_live = " | ".join(said.split(" | ")[:2])
            for title in re.findall(r"(?<!\*)\*([\"\w][^*|]{5,}?)\*(?!\*)", shown_and_live):
                if title != "Check your understanding":
                    assert title in headings, f"{path.name}: {title} in {name}"


def test_every_chapter_has_its_notes_and_the_entrance_names_every_page():
    assert list(sections("chapters.md")) == [name[:2] for name in NAMES]
    assert list(sections("marking.md")) == [name[:2] for name in MARKED]
    for note in sections("chapters.md").values():
        for part in ("Aim.", "In class:", "Needs:", "Open with:", "What goes wrong"):
            assert f"**{part}**" in note
    entrance = (ROOT / "docs" / "instructors.md").read_text("utf-8")
    assert set(re.findall(r"^teaching/([\w-]+)$", entrance, re.MULTILINE)) == {p.stem for p in PAGES}
    assert {Path(link).stem for link in re.findall(r"\(teaching/([\w.-]+)\)", entrance)} == {
        path.stem for path in PAGES
    }


def test_the_homework_of_the_entrance_is_that_of_the_hour():
    entrance = (ROOT / "docs" / "instructors.md").read_text("utf-8")
    named = re.search(r"homework (\d\d) \((\w)\)", entrance).groups()
    (row,) = rows((TEACHING / "hour.md").read_text("utf-8"), "exercise")
    assert row[0].startswith(f"[{named[0]} ({named[1]})]")


@pytest.mark.parametrize("name", exercises.labs())
def test_a_lab_says_its_minutes_and_points(name):
    said = read(exercises.STUDENTS / f"{name}.ipynb").cells[0].source
    parts = tasks(name).values()
    automatic, by_hand = sum(each.automatic for each in parts), sum(each.by_hand for each in parts)
    assert automatic + by_hand == 20 and "worth 20 points" in said
    assert f"about {sum(each.minutes for each in parts)} minutes" in said
    assert f"checks give {automatic}, and your lecturer gives {by_hand}" in said
