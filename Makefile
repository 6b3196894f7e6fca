# The house's commands; `make` lists them. Each works from a clean clone, alone and in any order.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Else every process would compile the libraries and the program anew.
unexport PYTHONDONTWRITEBYTECODE
PYTHON := .venv/bin/python

.PHONY: help install browser demo test check format bench fuzz docs schema console

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install:  ## Set everything up in .venv; then .venv/bin/treadle works
	@scripts/setup.sh

demo: install  ## Set up, run the main job over HTTP, leave the server running
	@$(PYTHON) scripts/demo.py

browser:
	@scripts/setup.sh --tests

test: browser check  ## Set up, then linters, types, import rules and all tests
	@$(PYTHON) -m pytest -n auto --dist worksteal $(ARGS)

check: install  ## Linters, types, import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/pyright
	@$(PYTHON) scripts/console.py check

format: install  ## Rewrite the code in the one format
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format .

bench: install  ## Measure, as ratios in one run
	@$(PYTHON) -m benchmarks.run $(ARGS)

fuzz: install  ## Send the API many odd requests for each operation; EXAMPLES=n SEED=n
	@seed=$(or $(SEED),$$(date +%s)); echo "SEED=$$seed"; \
	FUZZ_EXAMPLES=$(or $(EXAMPLES),50) FUZZ_SEED=$$seed \
	  $(PYTHON) -m pytest -n auto --timeout=0 tests/contract/test_schemathesis.py $(ARGS)

docs: install  ## Make a site of the documentation in docs/_build
	@$(PYTHON) scripts/docs.py

console: install  ## The console's development server, before a running Treadle
	@$(PYTHON) scripts/console.py dev

schema: install  ## Rewrite src/treadle/db/schema.sql from the migrations
	@$(PYTHON) -m treadle.db.schema
