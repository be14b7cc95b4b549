# Every target sets itself up in .venv; nothing needs to be installed first but Python 3.11 and its venv module.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
QUICK := not slow and not gpu and not hardware
unexport PYTHONDONTWRITEBYTECODE  # The suite starts some hundred processes; none should compile what another has.

.PHONY: demo test test-slow lerobot-check mutations faults fuzz check format proto bench clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)  ## Train pick-cube from state in simulation, with live progress.
	$(BIN)/serl-train demo

# Tests in real time have the cores to themselves; the others wait for processes for a fifth of their time, so that three
# share two cores. Both halves always run; either one's failure is the failure.
test: $(STAMP)  ## The whole test suite but the slow learning runs.
	@failed=0; \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist worksteal -m '$(QUICK) and not real_time' || failed=1; \
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -m '$(QUICK) and real_time' || failed=1; \
	exit $$failed

test-slow: $(STAMP)  ## The learning runs, minutes each.
	$(BIN)/python -m pytest -m slow --timeout 1800

# LeRobot wants a newer Python and an older torch, so that it has a virtual environment of its own: 5 GB, minutes.
LEROBOT_PYTHON ?= python3.12
LEROBOT := .lerobot/bin
lerobot-check: $(STAMP)  ## LeRobot reads our data sets, its commands drive our arms, its policies run here.
	test -x $(LEROBOT)/python || $(LEROBOT_PYTHON) -m venv .lerobot
	$(LEROBOT)/python -m pip install --quiet 'lerobot[dataset]==0.6.1' 'lerobot-doctor==0.2.0' --editable . --editable lerobot_plugin
	rm -rf .lerobot/sets && mkdir .lerobot/sets
	$(BIN)/python -m tests.lerobot_check.writing .lerobot/sets
	$(LEROBOT)/python tests/lerobot_check/reading.py .lerobot/sets
	$(LEROBOT)/lerobot-doctor check .lerobot/sets/video --fail-on fail
	$(LEROBOT)/lerobot-doctor check .lerobot/sets/png --fail-on fail
	mkdir .lerobot/sets/recorded
	$(BIN)/python -m tests.lerobot_check.recording .lerobot/sets/recorded $(LEROBOT)
	$(BIN)/python -m tests.lerobot_check.evaluating .lerobot/sets/recorded $(LEROBOT)

mutations: $(STAMP)  ## Change the source, one line at a time in a copy, and show which test notices.
	$(BIN)/python -m tests.mutations

faults: $(STAMP)  ## The fault matrix of docs/reliability.md: kills, cuts, silence, disks, floods; an hour. SEED=1 TRIALS=50
	$(BIN)/python -m tests.faults --seed $(or $(SEED),0) --trials $(or $(TRIALS),50)

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

fuzz: $(STAMP)  ## A million messages of a hostile peer, to every method of every server.
	$(BIN)/python -m tests.fuzz

bench: $(STAMP)  ## Benchmarks, as ratios measured side by side.
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .lerobot runs
