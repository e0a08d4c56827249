# The book in a few commands; `make` alone lists them.
#   VENV=dir           another place for the virtual environment, which several checkouts may share
#   CHAPTERS="02 05"   for book and refresh: execute these alone
#   PYTHON=...         the Python (3.11 or newer) that creates the environment
#   ANSWERS=no         for site: no answers to the exercises, no guide, no exam, in _build/html-without-answers
#   CONSTRAINTS=file   the exact versions to install there; CONSTRAINTS= takes the newest that there are

VENV ?= .venv
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
PY := "$(VENV)/bin/python"
STAMP := $(subst $() ,\ ,$(VENV))/.installed
CODE := daeutils tools benchmarks tests docs notebooks/conftest.py notebooks/scripts
WITHOUT := $(if $(filter no,$(ANSWERS)),-without-answers)
SPHINX := -m sphinx -q -W --keep-going -d _build/doctrees$(WITHOUT) docs
QUIET := @jupyterlab/apputils-extension:announcements @jupyter/nbgrader

# The package of this checkout, even where the environment was made by another one.
export PYTHONPATH := $(CURDIR)
export CHAPTERS ANSWERS

.PHONY: help setup book test quick lab site pdf slides course grading notebooks refresh exercises weights gpu bench suite \
        test-oldest test-newest clean

help:
	@echo "make setup      install what the book needs into $(VENV), once"
	@echo "make book       run the chapters that changed, build the web book in _build/html"
	@echo "make test       every test: the package, the chapters, the project"
	@echo "make quick      ruff, and the first three chapters as tests: minutes"
	@echo "make lab        open the chapters in JupyterLab, on a copy in lab/"
	@echo ""
	@echo "make site       build the web book from the stored outputs; for students, make site ANSWERS=no"
	@echo "make pdf        print the whole book to _build/book.pdf, with Chromium"
	@echo "make slides     a deck of each chapter in _build/slides, which opens offline"
	@echo "make course     a folder to hand out, which works offline: make course OUT=dir"
	@echo "                with the teacher's half: make course OUT=dir TEACHER=1"
	@echo "make grading    a folder from which nbgrader releases and grades: make grading OUT=dir"
	@echo "make notebooks  bring edits of notebooks/scripts into the notebooks"
	@echo "make refresh    execute the notebooks in place, update README's chapter table"
	@echo "make exercises  execute the solutions, write the students' notebooks"
	@echo "make weights    train the networks that several chapters share again"
	@echo "make gpu        measure on a GPU what the book says of one: eight minutes, no Jupyter needed"
	@echo "make bench      measure scores beside public packages, images, speed, and other seeds (hours)"
	@echo "make test-oldest, make test-newest   the tests with the oldest and the newest versions allowed"
	@echo "make clean      remove what was built; $(VENV) and lab/ stay"

setup: $(STAMP)

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "The book needs Python 3.11 or newer, and '$(PYTHON)' is not that: PYTHON=python3.13 names one"; exit 1; }
	@echo "Installing into $(VENV): with PyTorch 6.5 GB, which takes some minutes."
	@test -x $(PY) || $(PYTHON) -m venv "$(VENV)"
	$(PY) -m pip install --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS)) -e '.[book,test]'
	@# JupyterLab asks no server for its news, and shows readers no menu for grading.
	@for part in $(QUIET); do \
	  $(PY) -m jupyter labextension disable --level=sys_prefix --log-level=ERROR $$part || exit 1; done
	@touch "$(VENV)/.installed"

book: setup
	@$(PY) $(SPHINX) _build/html

site: setup
	@$(PY) $(SPHINX) _build/html$(WITHOUT) -D nb_execution_mode=off

pdf: setup
	@$(PY) $(SPHINX) _build/single -D nb_execution_mode=off -b singlehtml
	@$(PY) tools/pdf.py

test: setup
	@$(PY) -m ruff check --quiet $(CODE)
	@$(PY) -m ruff format --check --quiet $(CODE) || { echo "Run '$(VENV)/bin/ruff format $(CODE)'"; exit 1; }
	@$(MAKE) --no-print-directory suite

quick: setup
	@$(PY) -m ruff check --quiet $(CODE)
	@OMP_NUM_THREADS=1 $(PY) -m pytest --nbval -n 2 -q notebooks/0[0-2]-*.ipynb

# Two files at a time, and PyTorch with one thread each: with more of them they wait for one another.
suite: site
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile --nbval

# Old packages warn of what newer ones beside them have changed.
test-oldest:
	@PYTEST_ADDOPTS="-W ignore::DeprecationWarning -W ignore::FutureWarning" \
	  $(MAKE) suite VENV=.venv-oldest CONSTRAINTS=tests/oldest.txt

test-newest:
	@$(MAKE) suite VENV=.venv-newest CONSTRAINTS=

lab slides exercises: setup
	@$(PY) tools/$@.py $(CHAPTERS)

course: setup
	@$(PY) tools/course.py "$(OUT)" $(if $(TEACHER),teacher)

grading: setup
	@$(PY) tools/grading.py "$(OUT)"

notebooks: setup
	@$(PY) tools/notebooks.py update

refresh: setup
	@$(PY) tools/notebooks.py refresh $(CHAPTERS)

weights: setup
	@$(PY) tools/weights.py

gpu:
	@$(if $(wildcard $(STAMP)),$(PY),$(PYTHON)) tools/gpu.py

bench: setup
	@$(PY) -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[bench]'
	@$(PY) benchmarks/run.py

clean:
	rm -rf _build docs/chapters docs/generated dist .pytest_cache .ruff_cache .hypothesis
