"""A folder to hand out: chapters, exercises, and daeutils with its data and weights as a wheel.

    python tools/course.py DIR [teacher]

With "teacher" it has a second half that is not handed out: the solutions, a folder for nbgrader, the
slides, the guide with an exam, and the questions of the chapters for Moodle and on paper. Nothing in
the folder names this machine, and after one installation nothing in it needs a network.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from daeutils import teaching

import grading
import slides
from notebooks import NOTEBOOKS, ROOT, BookError, chapters, new_folder, read, with_captions, write

# Of the extra `book`, what a reader needs; the rest of it runs and builds the book.
READ = ["jupyterlab", "ipykernel", "scipy", "scikit-learn", "sympy"]
PAGE = re.compile(r"\[([^\]]+)\]\(([\w./-]+\.md)\)")  # a link to another page of the site
CONTENTS = re.compile(r"\n```\{toctree\}\n.*?\n```\n", re.DOTALL)  # a table that the site reads
COLAB = re.compile(r"\n*^\[Open in Colab\].*$", re.MULTILINE)  # this folder needs no network


def requirements() -> list[str]:
    """What the notebooks import and what shows them, with the bounds of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    book = project["optional-dependencies"]["book"]
    return [*project["dependencies"], *(line for line in book if re.match(r"[\w.-]+", line)[0] in READ)]


def build_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise BookError(f"the wheel was not built:\n{done.stdout}{done.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def course(out: Path, teacher: bool = False) -> None:
    """Write the folder `out`; BookError where there is something already."""
    new_folder(out)
    if teacher:
        half(out / "teacher")
    students = out / "notebooks" / "exercises"
    students.mkdir(parents=True)
    wheel = build_wheel(out)
    (out / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    for name in ("LICENSE", "LICENSE-TEXT", "constraints.txt"):
        shutil.copy(ROOT / name, out)
    for path in chapters():
        nb = with_captions(read(path))
        for cell in nb.cells:
            cell.source = COLAB.sub("", cell.source)
        write(nb, out / "notebooks" / path.name)
    for path in chapters(folder=NOTEBOOKS / "exercises"):
        shutil.copy(path, students)
    for name in ("conftest.py", "nbval.cfg"):  # what `pytest --nbval` needs
        shutil.copy(NOTEBOOKS / name, out / "notebooks")
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    readme = (ROOT / "docs" / "templates" / "course.md").read_text("utf-8")
    text = readme.format(megabytes=size / 1e6, wheel=wheel.name)
    (out / "README.md").write_text(text, encoding="utf-8")
    print(f"The course is in {out.resolve()}")


def half(out: Path) -> None:
    """The teacher's half."""
    grading.grading(out / "grading")
    slides.write(out / "slides")
    shutil.copytree(NOTEBOOKS / "solutions", out / "solutions")
    (out / "conftest.py").write_text(
        'collect_ignore_glob = ["*"]  # nbval: not these\n', encoding="utf-8"
    )
    guide(out)
    gift, text = [], []
    for path in chapters():
        questions = teaching.quiz(path.stem[:2])
        text += [f"{path.stem}\n", f"{questions}\n"]
        for number, question in enumerate(questions.questions, start=1):
            gift.append(in_gift(f"{path.stem[:2]}-{number}", question))
    (out / "questions.gift").write_text("\n".join(gift), encoding="utf-8")
    (out / "questions.txt").write_text("\n".join(text), encoding="utf-8")


def guide(out: Path) -> None:
    """The pages for teachers, in out/guide as in docs; their links lead to what is in the course."""
    docs = ROOT / "docs"
    pages = [docs / "instructors.md", docs / "exam.md", *sorted((docs / "teaching").glob("*.md"))]
    for page in pages:
        name = page.relative_to(docs)
        up = "../" * len(name.parts)  # from the page to `out`
        text = CONTENTS.sub("", page.read_text("utf-8"))
        for words, target in set(PAGE.findall(text)):
            if (page.parent / target).resolve() not in pages:
                text = text.replace(f"[{words}]({target})", words)
        text = re.sub(r"\]\((\.\./)?chapters/", f"]({up}../notebooks/", text)
        text = text.replace('href="../slides/', f'href="{up}slides/')
        (out / "guide" / name).parent.mkdir(parents=True, exist_ok=True)
        (out / "guide" / name).write_text(text, encoding="utf-8")


def in_gift(name: str, question: dict) -> str:
    """A question as Moodle imports it: right choices after =, others after ~, the reason after #."""

    def escaped(text: str) -> str:
        return re.sub(r"([~=#{}:\\])", r"\\\1", teaching.marked_up(text))

    choices = [
        f"{'=' if choice['right'] else '~'}{escaped(choice['text'])}#{escaped(choice['why'])}"
        for choice in question["choices"]
    ]
    return "\n".join([f"::{name}::[html]{escaped(question['question'])} {{", *choices, "}\n"])


if __name__ == "__main__":
    if not sys.argv[1:] or not sys.argv[1] or sys.argv[2:] not in ([], ["teacher"]):
        raise BookError("say where the course is to be written: make course OUT=dir, or with TEACHER=1")
    course(Path(sys.argv[1]).expanduser(), teacher=len(sys.argv) > 2)
