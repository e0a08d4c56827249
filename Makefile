# The book in a few commands; `make` alone lists them.
#   VENV=dir     another place for the virtual environment, which several checkouts may share
#   OUT=dir      where `make course` writes the folder to hand out
#   SHUFFLE=7    another order of the tests, for `make test` and `make suite`; THREADS=2 for PyTorch
#   BENCH="..."  arguments of one of the bench-...: sections and options
#   PYTHON=...   the Python (3.11 or newer) that creates it
#   CONSTRAINTS=file  the exact versions to install there; CONSTRAINTS= takes the newest that there are

VENV ?= .venv
PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
THREADS ?= 1

PY := "$(VENV)/bin/python"
# A target has its spaces escaped.
STAMP := $(subst $() ,\ ,$(VENV))/.installed

# The package of this checkout, even where the environment was made by another one.
export PYTHONPATH := $(CURDIR)

NEWS := @jupyterlab/apputils-extension:announcements
CODE := daeutils benchmarks tests docs notebooks/conftest.py notebooks/scripts
NBVAL := --nbval --nbval-current-env --nbval-sanitize-with=tests/nbval.cfg \
         --nbval-cell-timeout=600 --nbval-kernel-startup-timeout=120

.PHONY: help setup book test suite test-oldest test-newest test-avx2 lab site slides course refresh \
        notebooks exercises weights bench bench-score bench-images bench-speed bench-seeds \
        mutants clean
.DELETE_ON_ERROR:

help:
	@echo "make book       run every chapter, build the web book in _build/html"
	@echo "make test       every test: the package, the chapters, the project"
	@echo "make test-oldest    the same with the oldest versions that are allowed, in .venv-oldest"
	@echo "make test-newest    and with the newest that there are, in .venv-newest"
	@echo "make test-avx2  and with the instructions of an older CPU"
	@echo "make lab        open the chapters in JupyterLab"
	@echo ""
	@echo "make setup      only install what the others need, into $(VENV)"
	@echo "make site       only build the web book"
	@echo "make slides     a deck of each chapter in _build/slides, which opens offline"
	@echo "make course     a folder to hand out, which works offline: make course OUT=dir"
	@echo "make notebooks  bring edits of notebooks/scripts into the notebooks"
	@echo "make refresh    execute the notebooks in place, update README's chapter table"
	@echo "make exercises  execute the solutions, make the students' notebooks from them"
	@echo "make weights    train the networks that several chapters share again"
	@echo "make bench      measure scores beside public packages, images, speed, and other seeds (hours)"
	@echo "make mutants    plant faults in the package one by one: does a test notice? (a quarter of an hour)"
	@echo "make clean      remove what was built; $(VENV) stays"

setup: $(STAMP)

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The book needs Python 3.11 or newer, and '$(PYTHON)' is not that."; \
	  echo "Name one that is, behind the same command: PYTHON=python3.13"; exit 1; }
	@echo "Installing into $(VENV): with PyTorch about 5 GB, which takes some minutes."
	@test -x $(PY) || $(PYTHON) -m venv "$(VENV)"
	$(PY) -m pip install --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS)) -e '.[book,test]'
	@# JupyterLab asks no server for its news, and no reader whether it may.
	@$(PY) -m jupyter labextension disable --level=sys_prefix --log-level=ERROR $(NEWS)
	@touch "$(VENV)/.installed"

book: setup
	@start=$$(date +%s); \
	$(PY) docs/book.py run && $(PY) docs/book.py site && \
	echo "The whole took $$(( ($$(date +%s) - start + 59) / 60 )) minutes."

test: setup
	@$(PY) -m ruff check --quiet $(CODE)
	@$(PY) -m ruff format --check --quiet $(CODE) || { \
	  echo "Not formatted: run '$(VENV)/bin/ruff format $(CODE)'"; exit 1; }
	@$(MAKE) --no-print-directory suite

# One pytest run, so that its last line counts everything and gives the total time. Two tests at a time,
# of different files, and PyTorch with one thread each: with more of them one test at a time, or they would
# wait for one another until a cell's time is up.
# The pattern reaches pytest as it stands where there is no chapter: that is an error, not a pass.
suite: setup
	@OMP_NUM_THREADS=$(THREADS) $(PY) -m pytest -n $(if $(filter 1,$(THREADS)),2,1) --dist loadfile $(NBVAL) $(addprefix --shuffle=,$(SHUFFLE)) \
	  tests notebooks/*.ipynb notebooks/solutions/*.ipynb

# Old packages warn of what newer ones beside them have changed; nobody will mend that.
test-oldest:
	@PYTEST_ADDOPTS="-W ignore::DeprecationWarning -W ignore::FutureWarning" \
	  $(MAKE) suite VENV=.venv-oldest CONSTRAINTS=tests/oldest.txt

test-newest:
	@$(MAKE) suite VENV=.venv-newest CONSTRAINTS=

# As many laptops have it: no AVX-512, and so no arithmetic in 16 bits.
test-avx2:
	@ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 $(MAKE) suite

lab: setup
	@$(PY) -m jupyterlab --ServerApp.root_dir=notebooks

site: setup
	@$(PY) docs/book.py site

slides: setup
	@$(PY) docs/book.py slides

course: setup
	@$(PY) docs/book.py course "$(OUT)"

notebooks: setup
	@$(PY) docs/book.py notebooks

refresh: setup
	@$(PY) docs/book.py refresh

exercises: setup
	@$(PY) docs/book.py exercises

weights: setup
	@$(PY) -m daeutils.train

# Run it again after an interruption: what was measured is kept.
bench: bench-score bench-images bench-speed bench-seeds

bench-score: setup
	@$(PY) -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[bench]'
	@$(PY) benchmarks/score_accuracy.py $(BENCH)

bench-images: setup
	@$(PY) benchmarks/images.py $(BENCH)

bench-speed: setup
	@$(PY) -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[bench]'
	@$(PY) benchmarks/speed.py $(BENCH)

bench-seeds: setup
	@$(PY) benchmarks/seeds.py $(BENCH)

# It goes on where it was interrupted.
mutants: setup
	@$(PY) tests/mutants.py

clean:
	rm -rf _build dist .pytest_cache .ruff_cache .hypothesis
