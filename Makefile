# OwnerCare. `make help` lists what there is; `make run` needs nothing but Python 3.11+ and a package index.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
CORES := $(shell n=$$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2); [ "$$n" -gt 4 ] && n=4; echo "$$n")
# A look at the stamp costs some hundredths of a second; only when it is out of date is a Python looked for.
BOOTSTRAP = f() { $(BIN)/python -I -S .ci/bootstrap.py --check $$1 2>/dev/null || { p=$$(PYTHON="$(PYTHON)" sh .ci/find-python) && "$$p" -I .ci/bootstrap.py $$1; }; }; f
ARGS ?=

.PHONY: help env env-dev run demo test bench check fmt format-check lint types imports deps rules rules-check openapi openapi-check migrations lock lock-check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env:
	@$(BOOTSTRAP)

env-dev:
	@$(BOOTSTRAP) --dev

run: env ## start everything: database, demonstration data, API, worker (Ctrl-C stops it)
	@exec $(BIN)/ownercare run $(ARGS)

demo: env ## play the main job on a scratch database; ends with an exit code
	@$(BIN)/ownercare demo $(ARGS)

test: env-dev ## the test suite (ARGS="-k dispatch" narrows it)
	@$(BIN)/python -m pytest -n $(CORES) --dist worksteal $(ARGS)

bench: env-dev ## the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

check: env-dev ## everything that is checked before a merge, quick checks first
	@.ci/run

fmt: env-dev ## format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

format-check: env-dev
	@$(BIN)/ruff format --check .

lint: env-dev ## ruff
	@$(BIN)/ruff check .

types: env-dev ## mypy --strict
	@$(BIN)/mypy
	@$(BIN)/mypy .ci/*.py

imports: env-dev ## who may import whom
	@$(BIN)/lint-imports

deps: env-dev ## declared and imported packages agree
	@$(BIN)/deptry .

rules: env-dev ## which rules of the rulebook have code and tests (docs/rule-coverage.md)
	@$(BIN)/python .ci/rules.py

rules-check: env-dev
	@$(BIN)/python .ci/rules.py --check

openapi: env-dev ## write openapi/openapi.json
	@$(BIN)/ownercare openapi --output openapi/openapi.json

openapi-check: env-dev
	@$(BIN)/ownercare openapi | cmp - openapi/openapi.json || { echo "openapi/openapi.json is not what the code says: run make openapi"; exit 1; }

migrations: env-dev ## the migrations: up, down, up with data, and no difference to the models
	@$(BIN)/python -m pytest tests/contract/test_migrations.py $(ARGS)

lock: env-dev ## renew requirements.lock and requirements-dev.lock from pyproject.toml
	@$(BIN)/python .ci/lock.py $(ARGS)

lock-check: env-dev
	@$(BIN)/python .ci/lock.py --check

clean: ## remove the environment and what tools leave behind; data in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache .coverage .coverage.* htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
