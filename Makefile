# One menu for people and CI. `make` alone lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := .venv-peers

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) ## Prepare .venv from the lock file, and the dbt manifest
	@$(BIN)/ausproperty manifest

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.11 setup"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "No virtual environment could be made: install python3-venv, and check that this folder is writable"; exit 1; }
	@echo "Installing the locked packages into $(VENV) (about 90 s the first time) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes \
	  --only-binary :all: -r requirements.lock || \
	  { echo "The packages could not be installed. Is the package index reachable? Set PIP_INDEX_URL to a mirror, or PIP_FIND_LINKS to a folder of wheels, and try again"; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps \
	  --no-build-isolation --editable .
	@touch $(STAMP)

run: setup ## Run the main job on the made-up market, file to signed webhook
	@$(BIN)/ausproperty run

up: setup ## Open the Dagster and MLflow UIs (Ctrl-C stops them)
	@$(BIN)/ausproperty up --demo-if-empty

check: setup ## Lint, types and import walls
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

unit: setup ## Unit tests, in seconds
	$(BIN)/pytest -q -n 2 tests/unit

test: check ## Lint, types, walls and every test
	$(BIN)/pytest -q -n 2 --dist worksteal tests

bench: setup $(PEERS)/.installed ## Figures with their peers
	$(BIN)/python -m benchmarks

# Peers that are packages live apart: their dependencies never meet ours.
$(PEERS)/.installed: benchmarks/peers/requirements.txt
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
	  --only-binary :all: -r benchmarks/peers/requirements.txt
	@touch $@

lock: ## Rewrite requirements.lock from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --no-strip-extras --only-binary :all: --quiet -o requirements.lock
	cd benchmarks/peers && uv pip compile requirements.in --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --only-binary :all: --quiet -o requirements.txt

.PHONY: help setup run up check unit test bench lock
