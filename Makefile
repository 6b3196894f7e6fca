# The house's commands; `make` lists them. Each works from a clean clone, alone and in any order.
.DEFAULT_GOAL := help
SHELL := /bin/sh
export PYTHONDONTWRITEBYTECODE := 1
PYTHON := .venv/bin/python

.PHONY: help install demo test check format bench schema

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install:  ## Set everything up in .venv; then .venv/bin/treadle works
	@scripts/setup.sh

demo: install  ## Set up, run the main job over HTTP, leave the server running
	@$(PYTHON) scripts/demo.py

test: check  ## Set up, then linters, types, import rules and all tests
	@$(PYTHON) -m pytest -n auto $(ARGS)

check: install  ## Linters, types, import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/pyright

format: install  ## Rewrite the code in the one format
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format .

bench: install  ## Measure, as ratios in one run
	@$(PYTHON) -m benchmarks.run $(ARGS)

schema: install  ## Rewrite src/treadle/db/schema.sql from the migrations
	@$(PYTHON) -m treadle.db.schema
