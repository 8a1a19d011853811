# Everything a developer does here, by name. `make` alone lists it.
# Bare targets only look; `fix`, `docs`, `train` and `lock` are those that write.

PYTHON     ?= python3
VENV       ?= .venv
VENV_TRAIN ?= .venv-train
TORCH      ?= torch==2.13.0

BIN := $(VENV)/bin
PIP  = -m pip install --quiet --quiet --disable-pip-version-check --no-input
SAY := @printf '· %s\n'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo serve test test-all check fix docs train train-quick lock clean

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.core ## Start a server, show it the sample pictures, print what it sees
	@$(BIN)/saccade demo

serve: $(VENV)/.core ## Serve the models at http://127.0.0.1:8000
	@$(BIN)/saccade serve

test: $(VENV)/.dev ## Run the quicker tests, about ten minutes on two CPUs
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow"

test-all: $(VENV)/.dev ## Run every test, and the trainings in quick mode if make train was run once
	@if test -e $(VENV_TRAIN)/.train; then $(MAKE) --no-print-directory train-quick; \
	else echo "· the trainings are left out: there is no $(VENV_TRAIN)"; fi
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q

check: $(VENV)/.dev ## Lint, check formatting, types, imports and scripts
	$(SAY) "ruff check"
	@$(BIN)/ruff check --quiet .
	$(SAY) "ruff format"
	@$(BIN)/ruff format --quiet --check .
	$(SAY) "mypy"
	@$(BIN)/mypy --no-error-summary
	$(SAY) "import contracts"
	@$(BIN)/lint-imports --no-logo >$(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }
	$(SAY) "scripts"
	@bash -n .ci/run
	@bash -n .ci/services
	@sh -n requirements/compile.sh
	$(SAY) "all is well"

fix: $(VENV)/.dev ## Mend what ruff can mend, and format
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

docs: $(VENV)/.dev ## Write the generated pages of docs/reference anew
	@$(BIN)/python docs/generate.py

train: $(VENV_TRAIN)/.train ## Make the shipped models again (hours)
	@$(VENV_TRAIN)/bin/python -m saccade.training.circles all --output src/saccade/models/embedded/circles
	@$(VENV_TRAIN)/bin/python -m saccade.training.sem_textures all --output src/saccade/models/embedded/sem-textures

train-quick: $(VENV_TRAIN)/.train ## Run the trainings end to end on very little, into build/quick
	@rm -rf build/quick build/circles/quick build/sem-textures/quick
	@$(VENV_TRAIN)/bin/python -m saccade.training.circles all --quick --output build/quick/circles
	@$(VENV_TRAIN)/bin/python -m saccade.training.sem_textures all --quick --output build/quick/sem-textures

lock: ## Write the hashed locks in requirements/ anew (needs uv)
	@requirements/compile.sh

clean: ## Remove what can be made again, except the environments
	@rm -rf demo-output build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. Each stamp is newer than the lock that it was made from.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Saccade needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(SAY) "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make environments here. On Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.core: requirements/core.txt pyproject.toml | $(BIN)/python
	$(SAY) "installing what the server needs into $(VENV)"
	@$(BIN)/python $(PIP) --require-hashes -r requirements/core.txt
	@$(BIN)/python $(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(SAY) "installing what the tests need into $(VENV)"
	@$(BIN)/python $(PIP) --require-hashes -r requirements/dev.txt
	@$(BIN)/python $(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV_TRAIN)/.train: requirements/train.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	{ echo "The trainings were made with Python 3.11; this is $$($(PYTHON) --version). Try: make train PYTHON=python3.11"; exit 1; }
	$(SAY) "making $(VENV_TRAIN) and installing $(TORCH)"
	@$(PYTHON) -m venv $(VENV_TRAIN)
	@$(VENV_TRAIN)/bin/python $(PIP) --require-hashes -r requirements/train.txt
	@$(VENV_TRAIN)/bin/python $(PIP) $(TORCH)
	@$(VENV_TRAIN)/bin/python $(PIP) --no-build-isolation --no-deps -e .
	@touch $@

# Services of others that examples/ has a template for, each in an environment of its own.
.venv-bento/.made .venv-kserve/.made: .venv-%/.made: requirements/examples/%.txt
	$(SAY) "making .venv-$* and installing what the example needs"
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python $(PIP) --no-compile --require-hashes -r $<
	@touch $@
