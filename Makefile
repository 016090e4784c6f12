# Everything runs from .venv, which these rules create; an activated environment or a `uv` on the PATH is never used.
# Stamp files record what is installed: while uv.lock and package-lock.json are unchanged, no target uses the network.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Container images often set it; then every process compiles all its imports at the start: 3 s instead of 1.
export PYTHONDONTWRITEBYTECODE :=

# The first interpreter that is new enough; override with `make PYTHON=/path/to/python3.12 …`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
# uv.lock cannot pin uv itself, which reads uv.lock.
UV_VERSION := 0.13.9

BIN := .venv/bin
STAMPS := .venv/.stamps
# Use only the interpreter of .venv: no download of another Python, no other environment.
UV := UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV= $(BIN)/uv --no-progress
LOCKED := pyproject.toml uv.lock
PEERS := tests/peers/oidc-provider tests/peers/axe

##@ Run
.PHONY: demo
demo: $(STAMPS)/product $(STAMPS)/machine-demo ## Start portal, verifiers, demo authorization server and sample API on temporary data, with a walk-through
	@$(BIN)/watchword demo $(ARGS)

.PHONY: serve
serve: $(STAMPS)/product ## Start portal, worker and verifier with their state in ./data; prints a link for the first sign-in
	@$(BIN)/watchword serve $(ARGS)

##@ Check
.PHONY: check
check: $(STAMPS)/dev ## Check format, lint, types, import contracts, dependencies, templates, spelling, migrations, lock file
	@$(BIN)/python tests/check.py

.PHONY: test
test: $(STAMPS)/dev $(STAMPS)/peers $(STAMPS)/machine $(STAMPS)/interpreter ## Run all tests on PostgreSQL and SQLite, with coverage gates; ARGS="-k name" narrows
	@$(BIN)/python tests/run.py $(ARGS)

.PHONY: soak
soak: $(STAMPS)/dev $(STAMPS)/peers $(STAMPS)/machine ## What `make test` does briefly, at full length: faults, floods, every state of every page
	@SOAK=1 $(BIN)/python tests/run.py -m soak $(ARGS)
	@SOAK=1 PYTHONPATH=tests $(BIN)/python -m kit.postgres -- $(BIN)/python -m pytest tests/control -m "soak and not any_database"

.PHONY: mutate
mutate: $(STAMPS)/dev ## Remove each check of core, feed, outbound, jwks, openid, usage and second factors in turn; a test must fail; ARGS="--only jwks/fetch" narrows
	@PYTHONPATH=tests $(BIN)/python -m mutants.run $(ARGS)

.PHONY: bench
bench: $(STAMPS)/bench $(STAMPS)/machine-bench ## Compare the verifier's speed with other products; never fails on a timing
	@$(BIN)/python tests/bench/run.py $(ARGS)

.PHONY: fuzz
fuzz: $(STAMPS)/fuzz ## Search for bytes that the kernel decides wrongly, for a minute; ARGS="--seconds 600" for longer
	@$(BIN)/python tests/fuzz/run.py $(ARGS)

##@ Write
.PHONY: format
format: $(STAMPS)/dev ## Format code and templates in place, and fix what the linter can fix
	@$(BIN)/ruff check --fix-only --quiet src tests
	@$(BIN)/ruff format src tests
	@$(BIN)/djlint src --reformat --quiet || true

.PHONY: screenshots
screenshots: $(STAMPS)/dev $(STAMPS)/machine ## Take screenshots of every page and state in .cache/screenshots; ARGS="--only name" narrows; ARGS=--documents for docs/
	@$(BIN)/python tests/browser/screenshots.py $(ARGS)

.PHONY: lock
lock: $(STAMPS)/uv-$(UV_VERSION) ## Update uv.lock to pyproject.toml (uses the network)
	@$(UV) lock

##@ Release
.PHONY: dist
dist: $(STAMPS)/dev ## Build wheel, source archive, constraints and SBOM of the last commit twice, compare, and keep them in dist/
	@$(BIN)/python tests/dist.py

##@ Clean
.PHONY: clean
clean: ## Remove the environment, caches and installed test peers; keeps ./data
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* $(PEERS:%=%/node_modules)

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- set-up, each step once

# Debian packages ensurepip separately; a virtual environment needs it.
$(STAMPS)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Watchword needs Python 3.11 or later; install it, or set it: make PYTHON=/path/to/python3" >&2; exit 2; fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$package; \
		else \
			echo "Python has no 'ensurepip', which a virtual environment needs; on Debian: apt install $$package" >&2; exit 2; \
		fi; fi
	$(PYTHON) -m venv .venv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/uv-$(UV_VERSION): $(STAMPS)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# `--inexact` because uv itself and the groups of other targets stay; `--locked` fails if uv.lock does not match pyproject.toml.
$(STAMPS)/product: $(STAMPS)/uv-$(UV_VERSION) $(LOCKED)
	$(UV) sync --locked --inexact --no-default-groups
	@touch $@

$(STAMPS)/dev: $(STAMPS)/uv-$(UV_VERSION) $(LOCKED)
	$(UV) sync --locked --inexact --group dev
	@touch $@ $(STAMPS)/product

$(STAMPS)/bench: $(STAMPS)/dev
	$(UV) sync --locked --inexact --group dev --group bench
	@touch $@

$(STAMPS)/fuzz: $(STAMPS)/dev
	$(UV) sync --locked --inexact --group dev --group fuzz
	@touch $@

$(STAMPS)/peers: $(STAMPS)/dev $(foreach peer,$(PEERS),$(wildcard $(peer)/package.json $(peer)/package-lock.json))
	@$(BIN)/python tests/prepare.py npm $(PEERS)
	@touch $@

$(STAMPS)/machine-demo: $(STAMPS)/python
	@$(BIN)/python tests/prepare.py system demo
	@touch $@

$(STAMPS)/machine: $(STAMPS)/dev
	@$(BIN)/python tests/prepare.py system test
	@touch $@

# Another version of Python, if installed, with the kernel's dependencies: tests compare what both accept.
$(STAMPS)/interpreter: $(STAMPS)/dev
	@PYTHONPATH=tests $(BIN)/python -m kit.interpreters
	@touch $@

$(STAMPS)/machine-bench: $(STAMPS)/machine
	@$(BIN)/python tests/prepare.py system bench
	@touch $@
