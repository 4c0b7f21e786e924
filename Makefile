# The tasks of this project; `make help` lists them.
# Requirements: Python 3.11 or later (with venv), git and make. Everything else is installed into .venv, from the
# hash-pinned lock files.

PYTHON ?= python3.13 python3.12 python3.11 python3
PORT ?= 3000
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# A virtual environment contains the path of its folder, so the names of its stamps contain a checksum of that path. An
# environment that was moved or copied is created again instead of running the code of another folder.
HERE := $(shell pwd -P | cksum | tr -d ' ')
LOCKED := .venv/.locked-$(HERE)
PACKAGE := .venv/.package-$(HERE)
DEV := .venv/.dev-$(HERE)
TREE := benchmarks tools wdbc_assets wdbc_assets_tests

# Imports dominate a short run; without cached bytecode they would be several times slower.
unexport PYTHONDONTWRITEBYTECODE

.PRECIOUS: .env
.PHONY: help run ui serve test bench bench-scale check lint format types check-lock lock demo calibrate pictures clean

help: ## list the targets
	@echo 'make TARGET [ARGS="further arguments of the command"] [PYTHON=python3.12] [PORT=3001]'
	@sed -n 's/^\([a-z-]*\):.*## /  \1|/p' Makefile | while IFS='|' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

run: $(PACKAGE) .env ## run the main job, from the source to the metrics
	@$(BIN)/wdbc run $(ARGS)

ui: $(PACKAGE) .env ## start Dagster's UI and daemon on 127.0.0.1, port 3000 or PORT
	@$(BIN)/wdbc ui --port $(PORT) $(ARGS)

serve: $(PACKAGE) .env ## start the prediction service on 127.0.0.1, port 8000 or PORT
	@$(BIN)/wdbc serve $(if $(filter-out 3000,$(PORT)),--port $(PORT)) $(ARGS)

test: $(DEV) .env ## the tests; ARGS="-k word" selects some
	@$(BIN)/pytest --numprocesses auto --dist worksteal $(ARGS)

bench: $(DEV) ## measure speed and memory beside alternatives; ARGS="--quick", "--only cold"
	@$(BIN)/python -m benchmarks $(ARGS)

bench-scale: $(DEV) ## measure training on partitions as the rows grow; ARGS="--rows 10000000"
	@$(BIN)/python -m benchmarks.scale $(ARGS)

check: check-lock lint types test ## run everything that CI checks

lint: $(DEV) ## check style and imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

format: $(DEV) ## fix style automatically where possible
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(DEV) ## check types strictly
	@$(BIN)/mypy

check-lock: $(DEV) ## check that the lock files agree with pyproject.toml
	@$(BIN)/python tools/check_lock.py

# Pins that still satisfy pyproject.toml are kept; `make lock ARGS=--upgrade` takes the newest versions. The second lock
# file contains only what the extras (development tools, object stores) add to the first: packages that the first needs
# on Windows alone may be in both.
lock: $(DEV) ## write the lock files from pyproject.toml; ARGS=--upgrade takes the newest versions
	@$(COMPILE) --group pip --output-file requirements-pip.lock
	@$(BIN)/python tools/check_lock.py --build-requirements | $(COMPILE) pyproject.toml - --output-file requirements.lock
	@$(COMPILE) pyproject.toml --all-extras --constraints requirements.lock --output-file requirements-dev.lock \
	  $$(sed -n "/== 'win32'/d;"'s/^\([a-z0-9._-]*\).*==.*/--no-emit-package \1/p' requirements.lock)
	@$(BIN)/python tools/check_lock.py
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-strip-extras \
  --generate-hashes --custom-compile-command "make lock" --no-emit-index-url --no-emit-find-links $(ARGS)

demo: $(DEV) ## rehearse a year of a hospital in demo/, with all that can go wrong (about five minutes)
	@$(BIN)/wdbc simulate $(ARGS)

calibrate: $(DEV) ## simulate how often the monitoring is wrong, and store it for docs/monitoring.md (about an hour)
	@$(BIN)/python -m tools.calibration $(ARGS)
	@$(BIN)/python -m tools.calibration.page

pictures: $(DEV) .env ## take the README's screenshots
	@$(BIN)/python -m tools.pictures $(ARGS)

clean: ## remove .venv and caches; keep results, logs, .env and Dagster's history
	@rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	@find $(wildcard $(TREE)) -name __pycache__ -prune -exec rm -rf {} +

# A stamp is created last, so an interrupted installation starts over.
$(LOCKED): requirements-pip.lock requirements.lock
	@for python in $(PYTHON); do \
	  "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	done; \
	test -n "$$python" || { echo 'Python 3.11 or later with venv is needed; tried: $(PYTHON). Install one' \
	  '(Debian: python3-venv), or name yours: make PYTHON=/path/to/python3' >&2; exit 1; }; \
	echo "Creating .venv with $$python: a minute or two, once." >&2; \
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

# `dagster`, when run by hand, reads .env in the folder where it starts. With the line added here it uses the same history
# as `wdbc` and `make`. An exported DAGSTER_HOME still wins, and a line that the user wrote is kept.
.env: $(PACKAGE)
	@umask 077; mkdir -p .dagster_home && { test -e .dagster_home/dagster.yaml || ln -sf ../wdbc_assets/dagster.yaml .dagster_home/dagster.yaml; }
	@umask 077; { cat $@ 2>/dev/null || cat .env.example; } | grep -v '^DAGSTER_HOME="$${DAGSTER_HOME:-.*/\.dagster_home}"$$' > $@.new; \
	grep -q '^DAGSTER_HOME=' $@.new || echo 'DAGSTER_HOME="$${DAGSTER_HOME:-$(CURDIR)/.dagster_home}"' >> $@.new; \
	cat $@.new > $@ && rm $@.new
