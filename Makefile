# Two commands: `make run` opens the app with a demo shop, `make test` runs the tests.
# Needs Python 3.11 or newer and make; everything else is installed into .venv.

SHELL := /bin/sh
UV_VERSION := 0.13.8
BIN := .venv/bin

PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3 python; do \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$candidate" && break; done)

export UV_PROJECT_ENVIRONMENT := .venv
export UV_NO_PROGRESS := 1

.PHONY: help setup run test check slow browser bench docs clean

help:
	@echo "make run      open the app with a demo shop on http://127.0.0.1:8501"
	@echo "make test     run the tests"
	@echo "make setup    only make the environment in .venv"
	@echo "make check    lint, types and import contracts"
	@echo "make slow     simulations that take minutes"
	@echo "make browser  journeys in Chromium"
	@echo "make docs     write the generated parts of the documents"
	@echo "make bench    speed and memory at a million customers"
	@echo "make clean    remove the environment (workspaces stay)"

setup: .venv/.run-ready

run: .venv/.run-ready
	@$(BIN)/churn demo --if-missing
	@$(BIN)/churn serve

test: .venv/.test-ready
	OMP_WAIT_POLICY=passive $(BIN)/pytest -q -n 2 --dist loadfile

check: .venv/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

slow: .venv/.test-ready
	$(BIN)/pytest -q -m slow

browser: .venv/.test-ready
	$(BIN)/pytest -q -m browser

docs: .venv/.test-ready
	$(BIN)/python docs/module_map.py
	$(BIN)/python docs/data_dictionary.py
	$(BIN)/python -m churn_core.features.catalogue docs/features.md

bench: .venv/.test-ready
	$(BIN)/python -m benchmarks.run

clean:
	rm -rf .venv

.venv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; install it and run make again." >&2; exit 2; }
	@echo "Making the environment in .venv with $(PYTHON) ..."
	@rm -rf .venv
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 \
		|| { rm -rf .venv && $(PYTHON) -m venv --without-pip .venv; } \
		|| { echo "$(PYTHON) cannot make a virtual environment; install its venv module (on Debian: python3-venv)." >&2; exit 2; }
	@if [ -x $(BIN)/pip ]; then $(BIN)/pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; \
		else $(PYTHON) -m pip --python $(BIN)/python install --quiet "uv==$(UV_VERSION)"; fi \
		|| { echo "uv could not be installed; check the network connection and that Python has pip." >&2; rm -rf .venv; exit 2; }

.venv/.run-ready: pyproject.toml uv.lock | .venv/bin/uv
	@echo "Installing the locked dependencies (some minutes the first time, seconds afterwards) ..."
	@$(BIN)/uv sync --quiet --frozen --inexact
	@touch $@

.venv/.test-ready: pyproject.toml uv.lock | .venv/bin/uv
	@echo "Installing the locked dependencies with those for tests ..."
	@$(BIN)/uv sync --quiet --frozen --inexact --extra dev
	@touch $@ .venv/.run-ready
