# What is done with this project, one word each; `make help` lists them.
# Needed: Python 3.11 or later (with venv), git and make. Everything else is installed into .venv, from the hash locks.

PYTHON ?= python3.13 python3.12 python3.11 python3
PORT ?= 3000
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# An environment points to the folder that it was made in, so its stamps carry that folder: one that was moved or copied
# is made again instead of running somebody else's code.
HERE := $(shell pwd -P | cksum | tr -d ' ')
LOCKED := .venv/.locked-$(HERE)
PACKAGE := .venv/.package-$(HERE)
DEV := .venv/.dev-$(HERE)
TREE := .ci benchmarks docs wdbc_assets wdbc_assets_tests

# Imports are most of a short run: without cached bytecode each would be several times slower.
unexport PYTHONDONTWRITEBYTECODE

.PRECIOUS: .env
.PHONY: help run ui serve test bench check lint format types check-lock lock pictures clean

help: ## this list
	@echo 'make TARGET [ARGS="more arguments of its command"] [PYTHON=python3.12] [PORT=3001]'
	@sed -n 's/^\([a-z-]*\):.*## /  \1|/p' Makefile | while IFS='|' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

run: $(PACKAGE) .env ## run the main job: from the source to judged metrics
	@$(BIN)/wdbc run $(ARGS)

ui: $(PACKAGE) .env ## Dagster's UI and daemon on 127.0.0.1, port 3000 or PORT
	@$(BIN)/wdbc ui --port $(PORT) $(ARGS)

serve: $(PACKAGE) .env ## the prediction service on 127.0.0.1, port 8000 or PORT
	@$(BIN)/wdbc serve $(if $(filter-out 3000,$(PORT)),--port $(PORT)) $(ARGS)

test: $(DEV) .env ## every test; ARGS="-k word" for some
	@$(BIN)/pytest --numprocesses auto --dist worksteal $(ARGS)

bench: $(DEV) ## what the job costs beside a plain script; ARGS="--quick", "--only cold"
	@$(BIN)/python -m benchmarks $(ARGS)

check: check-lock lint types test ## everything that CI checks

lint: $(DEV) ## style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo --quiet

format: $(DEV) ## put style right where a machine can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(DEV) ## strict type checking
	@$(BIN)/mypy

check-lock: $(DEV) ## do the locks still say what pyproject.toml asks for?
	@$(BIN)/python .ci/check_lock.py

# Pins that still fit stay as they are; `make lock ARGS=--upgrade` takes the newest. The second lock holds only what the
# development tools add to the first.
lock: $(DEV) ## write the locks from pyproject.toml; ARGS=--upgrade takes the newest
	@$(COMPILE) --group pip --output-file requirements-pip.lock
	@$(BIN)/python .ci/check_lock.py --build-requirements | $(COMPILE) pyproject.toml - --output-file requirements.lock
	@$(COMPILE) pyproject.toml --extra dev --constraints requirements.lock --output-file requirements-dev.lock \
	  $$(sed -n 's/^\([a-z0-9._-]*\).*==.*/--no-emit-package \1/p' requirements.lock)
	@$(BIN)/python .ci/check_lock.py
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-strip-extras \
  --generate-hashes --custom-compile-command "make lock" --no-emit-index-url --no-emit-find-links $(ARGS)

pictures: $(DEV) .env ## take the README's pictures again
	@$(BIN)/python -m docs.pictures $(ARGS)

clean: ## remove .venv and caches; results, logs, .env and Dagster's history stay
	@rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	@find $(wildcard $(TREE)) -name __pycache__ -prune -exec rm -rf {} +

# A stamp is made last, so that an interrupted installation begins anew.
$(LOCKED): requirements-pip.lock requirements.lock
	@for python in $(PYTHON); do \
	  "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	done; \
	test -n "$$python" || { echo 'Python 3.11 or later with venv is needed; tried: $(PYTHON). Install one' \
	  '(Debian: python3-venv), or name yours: make PYTHON=/path/to/python3' >&2; exit 1; }; \
	echo "Making .venv with $$python: a minute or two, once." >&2; \
	rm -rf .venv && "$$python" -m venv .venv
	@$(PIP) --require-hashes -r requirements-pip.lock
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(PACKAGE): $(LOCKED) pyproject.toml setup.py
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(PACKAGE) requirements-dev.lock
	@$(PIP) --require-hashes -r requirements.lock -r requirements-dev.lock
	@touch $@

# `dagster` itself, typed by hand, reads .env in the folder where it starts. With this line it finds the same history as `wdbc`
# and `make`; an exported DAGSTER_HOME still wins. A line of the user's own is left alone.
.env: $(PACKAGE)
	@umask 077; mkdir -p .dagster_home && { test -e .dagster_home/dagster.yaml || ln -sf ../wdbc_assets/dagster.yaml .dagster_home/dagster.yaml; }
	@umask 077; { cat $@ 2>/dev/null || cat .env.example; } | grep -v '^DAGSTER_HOME="$${DAGSTER_HOME:-.*/\.dagster_home}"$$' > $@.new; \
	grep -q '^DAGSTER_HOME=' $@.new || echo 'DAGSTER_HOME="$${DAGSTER_HOME:-$(CURDIR)/.dagster_home}"' >> $@.new; \
	cat $@.new > $@ && rm $@.new
