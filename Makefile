# Every target sets itself up in .venv; nothing needs to be installed first but Python 3.11 and its venv module.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Daemons and virtual hardware live in real time; the longest files come first.
REAL_TIME := $(addprefix tests/,$(addsuffix .py,$(addprefix integration/test_,virtual_cell soft_sync step_response)) \
  robot_daemon/drivers/franka conformance robot_daemon/drivers robot_daemon/operations simulator/virtual simulator/devices \
  $(addsuffix .py,$(addprefix robot_daemon/,control/test_daemon test_main control/test_session control/test_events) \
  $(addprefix simulator/,test_main api/test_service api/test_stall physics/test_timebase)))

.PHONY: demo test test-slow check format proto bench clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)  ## Train pick-cube from state in simulation, with live progress.
	$(BIN)/serl-train demo

# Tests in real time judge what takes how long: whatever fails while two share the cores is judged again alone.
test: $(STAMP)  ## The whole test suite but the slow learning runs.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(addprefix --ignore=,$(REAL_TIME))
	$(BIN)/python -m pytest -n 2 --dist loadfile $(REAL_TIME) || $(BIN)/python -m pytest --last-failed $(REAL_TIME)

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
