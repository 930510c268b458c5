# Everything runs from .venv, which holds exactly what requirements-dev.lock says. Nothing needs root.

PYTHON ?= python3
BIN := .venv/bin
# One stamp per Python asked for, so that `make test PYTHON=python3.12` rebuilds .venv once.
STAMP := .venv/.installed-$(notdir $(PYTHON))

# Tests are compiled once, not at every run: it is most of what a short run takes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo unit integration integration-on test check format docs site messages vendor bench chaos lock build clients sbom audit clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMP) ## install what is missing into .venv

demo: $(STAMP) ## run the main job against the built-in sandbox
	@$(BIN)/hookline demo

unit: $(STAMP) ## the tests of one module each, with a fifth of the examples of properties
	@$(BIN)/pytest -n auto --dist worksteal --hypothesis-profile quick tests/unit

integration: $(STAMP) ## the tests of several modules, processes and servers together
	@$(BIN)/pytest -n 4 --dist worksteal tests/contract tests/integration tests/acceptance tests/moving_in tests/neighbours

integration-on: $(STAMP) ## likewise on other servers: BROKER=rabbitmq, STORE=valkey|sentinel|valkey-sentinel
	@TEST_STORE=$(STORE) TEST_BROKER=$(BROKER) $(BIN)/pytest -n 2 --dist worksteal tests/contract tests/integration

test: $(STAMP) ## every test that needs nothing but the checkout; COVERAGE=1: at least 90 % covered
	@$(BIN)/pytest $(if $(COVERAGE),--cov) -n 4 --dist worksteal # many wait for real processes

check: $(STAMP) ## format, lint, types, import contracts, generated docs, translations, links
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python .ci/docs.py --check
	@$(BIN)/python .ci/messages.py --check
	@$(BIN)/python .ci/site.py

format: $(STAMP) ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(STAMP) ## write the pages that are generated: settings, command line, .env.example
	@$(BIN)/python .ci/docs.py

site: $(STAMP) ## build dist/site: the documentation, with a search; links that lead nowhere are errors
	@$(BIN)/python .ci/site.py

clients: $(STAMP) ## write the generated parts of clients/: types, error codes; needs npm
	@npm --prefix clients/typescript ci --silent --no-fund --no-audit
	@$(BIN)/python .ci/clients.py
	@$(BIN)/python .ci/clients.py --typescript

messages: $(STAMP) ## collect the pages' texts for translators, and compile the catalogues
	@$(BIN)/python .ci/messages.py

vendor: ## take the pages' libraries out of npm's packages, by .ci/vendor.toml; needs npm
	@$(PYTHON) .ci/vendor.py

bench: $(STAMP) ## the benchmark, with its comparison table
	@$(BIN)/python -m tests.bench

chaos: $(STAMP) ## the fault suite in about five minutes; FULL=1: its real numbers, five hours
	@$(BIN)/python -m tests.chaos $(if $(FULL),--full --write) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

lock: ## write the locks for pyproject.toml; UPGRADE=1: with the newest versions
	@$(PYTHON) .ci/install.py --lock $(if $(UPGRADE),--upgrade)

build: $(STAMP) ## build the wheel that is installed elsewhere: dist/hookline-*.whl
	@$(PYTHON) .ci/supply.py wheel

sbom: ## write dist/hookline.cdx.json, a CycloneDX list of what production installs
	@$(PYTHON) .ci/supply.py sbom

audit: ## look for known holes in what production installs; 3: the advisories are out of reach
	@$(PYTHON) .ci/supply.py audit

clean: ## remove what was installed and cached (not .hookline/ or output/)
	rm -rf .venv .uv dist .coverage .coverage.* .*_cache

$(STAMP): requirements-dev.lock pyproject.toml .ci/install.py .ci/uv.txt
	@$(PYTHON) .ci/install.py
	@touch $@
