PYTHON ?= python3
WORKERS ?= 4
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.locked
.DEFAULT_GOAL := help
.PHONY: help setup demo up test chaos mutation matrix lint docs format bench bench-full clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with the locked dependencies (Python 3.11 or later, and PyPI)

# Again only when the lock has changed.
$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; say which: make setup PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: setup ## Three payments from start to end, on this machine
	@$(BIN)/python cli.py demo

up: setup ## The same stack, kept up until Ctrl-C
	@$(BIN)/python cli.py up

test: setup ## All tests; what cannot run here is listed at the end (TESTS=path picks some, WORKERS=0 runs them one by one)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

chaos: setup ## A thousand sagas under two hundred faults (CHAOS="--sagas 60 --faults 10 --only silent" for some of them)
	@$(BIN)/python -m proofs.chaos $(CHAOS)

mutation: setup ## Take each mechanism out in turn and see its tests fail (MUTANTS="fence gaps" for some, "--list" for all names)
	@$(BIN)/python -m proofs.mutation $(MUTANTS)

matrix: setup ## The core of the tests with PostgreSQL 14 to 18 and Kafka 3.9 to 4.4, one pair after the other (MATRIX="--every" for each with each)
	@$(BIN)/python -m matrix $(MATRIX)

lint: setup ## ruff, mypy --strict, import contracts, length of files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --noconftest tests/unit/test_house.py

docs: setup ## The documents as a site, every link checked (SITE=directory keeps it)
	@site=$$(mktemp -d); trap 'rm -rf "$$site"' EXIT; \
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir "$(or $(abspath $(SITE)),$$site)"

format: setup ## Sort imports, format
	$(BIN)/ruff check --select I --fix
	$(BIN)/ruff format

bench: setup ## Measure, beside a limit measured in the same run (under ten minutes; BENCH="relay" picks some)
	@$(BIN)/python -m bench $(BENCH)

bench-full: setup ## Growth, retention and peers too
	@$(BIN)/python -m bench --full

clean: ## Remove what was made here, .venv too
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
