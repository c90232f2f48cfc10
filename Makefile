# A machine with Python 3.11 or newer, pip and make needs nothing else: the first call sets .venv up.
# Another Python than python3: make PYTHON=python3.12 test

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo test lint docs

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1 - /p' Makefile

demo: $(READY) ## train on drawn films and on the embedded sample; print scores, translations and the reports' places
	@test -f data/bounces/test.csv || $(BIN)/python recipes/video/make_bounces.py data/bounces
	@$(BIN)/python recipes/video/bounces.py --num_train_epochs 20 --output_dir runs/demo_bounces --overwrite_output_dir
	@$(BIN)/python recipes/text/demo.py

test: $(READY) ## lint, then every test: the default ones and those that are slow, need weights or open a browser
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "" -n 2 --dist loadfile -rs || status=1; \
	exit $$status

lint: $(READY) ## formatting, habits and types
	@status=0; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/mypy || status=1; \
	exit $$status

docs: $(READY) ## run every prompt of README.md and docs/, and compare what it prints
	@$(BIN)/python -m pytest -m "" -rs README.md docs

# Made once, and again when pyproject.toml changes. venv brings its own pip where it can; where a system has split
# that off, the pip beside $(PYTHON) fills the empty environment.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This project needs Python 3.11 or newer, but \
	%s is %s. Install one and name it: make PYTHON=python3.12" % (sys.executable, sys.version.split()[0]) or 0)'
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip .venv; \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	@echo "Setting up .venv; the first time that is about 6 GB, most of it torch, and takes minutes"
	@$(BIN)/python -m pip install --no-input --editable ".[dev]" 2>&1 | tee .venv/pip.log \
		| sed -un '/^ *\(Downloading\|Using cached\|Installing collected\|Successfully installed\)/p' \
		|| { cat .venv/pip.log; exit 1; }
	@touch $@
