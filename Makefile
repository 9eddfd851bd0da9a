# make run    set up a virtual environment and start a ready-to-use server on embedded storage
# make test   all tests
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
DIR    ?= keystead-data
KMIP_PORT  ?= 5696
HTTPS_PORT ?= 5697

.PHONY: help setup run test check fuzz vectors torture bench docs lock clean

help:            ## this text
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/: .*## /\t/' | expand -t 12

# The mark is as new as the lock: a changed lock sets up again.
$(VENV)/ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Keystead needs Python 3.11: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

setup: $(VENV)/ready  ## make the virtual environment

run: setup       ## start a ready-to-use server
	$(BIN)/keystead dev --dir $(DIR) --kmip-port $(KMIP_PORT) --https-port $(HTTPS_PORT)

test: setup      ## run all tests
	$(BIN)/python -m pytest -n auto

check: setup     ## lint, types, fresh reference pages
	$(BIN)/ruff check src tests tools examples
	$(BIN)/ruff format --check src tests tools examples
	$(BIN)/mypy
	$(BIN)/python -m tools.reference --check docs/reference

FUZZ ?= 1000000
SEQUENCES ?= 100000
fuzz: setup      ## FUZZ=n mutated messages through the front door, SEQUENCES=n that try to learn a key
	$(BIN)/python -m tests.fuzz --count $(FUZZ)
	$(BIN)/python -m tests.engine.disclosure --count $(SEQUENCES)

vectors: setup   ## every published vector through the engine
	$(BIN)/python -m tests.vectors

torture: setup   ## faults: kills, failing disks, planted bits (DRILL=name for one of them, COUNT=n times, SEED=n again)
	$(BIN)/python -m tests.torture $(if $(DRILL),--drill $(DRILL)) $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

bench: setup     ## measure CPU per request (needs KEYSTEAD_SHARED) and write docs/performance.md
	$(BIN)/python -m tests.bench

docs: setup      ## write the generated reference pages
	$(BIN)/python -m tools.reference docs/reference

lock: setup      ## renew requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
