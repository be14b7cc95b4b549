# Every target sets itself up in .venv; nothing needs to be installed first but Python 3.11 and its venv module.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
FAST := not slow and not gpu and not hardware

.PHONY: demo test test-slow check format proto bench clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)  ## Train pick-cube from state in simulation, with live progress.
	$(BIN)/serl-train demo

test: $(STAMP)  ## The whole test suite but the slow learning runs; what judges durations runs alone, after the rest.
	$(BIN)/python -m pytest -n 2 --dist loadfile -m '$(FAST) and not real_time'
	$(BIN)/python -m pytest -m '$(FAST) and real_time'

test-slow: $(STAMP)  ## The learning runs, minutes each.
	$(BIN)/python -m pytest -m slow --timeout 1800

check: $(STAMP)  ## Format, lint, schema, import contracts, types.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf lint
	$(BIN)/lint-imports
	$(BIN)/pyright

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/buf format --write

proto: $(STAMP)  ## Regenerate the Python code of the schema.
	$(BIN)/python proto/generate.py

bench: $(STAMP)  ## Benchmarks, as ratios measured side by side.
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv runs
