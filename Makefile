# Needs python3 with pip, make and, on Linux, g++. Everything else is fetched and locked.

PYTHON ?= python3
JOBS ?= 2
KILLS ?= 42
SEED ?= 1
EXAMPLES ?= 20000
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
SYNCED := .venv/.synced
JUDGE := .venv-judge/.synced

# Every cell is a process of its own: without bytecode each compiles its thousand modules once more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: parity original canaries test fuzz chaos upstream bench lint workflows setup judge lock fixtures examples clean

parity: setup  ## mlx-lm against the locked trainers: one table, one sentence
	.venv/bin/parity run probes/current --jobs $(JOBS)

original: setup  ## the investigation of May 2026, in its own environment
	.venv/bin/parity run probes/original --jobs $(JOBS)

canaries: setup  ## known faults in both trainers: is each caught, and named where it was put?
	.venv/bin/parity canaries --sensitivity --jobs $(JOBS)

test: setup
	@.venv/bin/python -m tests.examples.browser || true
	.venv/bin/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

fuzz: setup  ## spoiled files of every format, 20,000 each: no reader raises anything but its own errors
	FUZZ_EXAMPLES=$(EXAMPLES) .venv/bin/pytest -n $(JOBS) tests/fuzz

chaos: setup  ## kills runs, cells, controls, replays, merges and recordings: is anything green, is anything left?
	.venv/bin/python -m tests.chaos $(KILLS) $(SEED)

upstream: setup  ## says of the installed mlx-lm: its loss, batches and loop have been looked at
	.venv/bin/python -m parity.trace.upstream

bench: setup  ## what the tap and the judge cost, as ratios measured side by side
	.venv/bin/python -m tests.bench.tap 2>/dev/null | tail -n 4
	.venv/bin/python -m tests.bench.judge

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	@$(MAKE) --no-print-directory workflows

IN ?= .

workflows:  # of a folder: their form, and what is known to be unsafe in them; asks no network
	.venv/bin/check-jsonschema --builtin-schema vendor.github-actions $(IN)/action.yml $(IN)/.github/actions/*/action.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows $(IN)/.github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema custom.github-workflows-require-timeout $(IN)/.github/workflows/*.yml
	.venv/bin/zizmor --offline --quiet --no-progress --pedantic --strict-collection $(IN)/action.yml $(IN)/.github

setup: $(SYNCED)

judge: $(JUDGE)  ## what a stored run is judged and rendered with, and no more: no MLX, no trainer

# A uv from the path that is older than this pyproject.toml needs is passed over for one of our own.
RECENT := import re, sys; found = re.findall(r"\d+", sys.stdin.read()); sys.exit([int(n) for n in found[:2]] < [0, 12])

# What uv may find, or fetch, where $(PYTHON) is too old: that of a new Mac is 3.9.
NEWER := >=3.11,<3.15

# $(call environment,folder,lock,target): an environment of what a lock names, and this package.
define environment
	set -e; uv="$(UV)"; python="$(PYTHON)"; \
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		python='$(NEWER)'; is="$(PYTHON) is $$($(PYTHON) -V || echo missing)"; \
		[ -x $(1)/bin/python ] || echo "$$is; mlx-parity needs 3.11 or newer, which uv finds or fetches."; \
		trap 'echo "mlx-parity needs Python 3.11 or newer; $$is. Try: make $(3) PYTHON=python3.12"; exit 2' EXIT; \
	fi; \
	if ! "$$uv" --version 2>/dev/null | $(PYTHON) -c '$(RECENT)'; then \
		uv=.uv/bin/uv; \
		[ -x $$uv ] || PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet \
			--disable-pip-version-check --target .uv 'uv>=0.12'; \
	fi; \
	[ -x $(1)/bin/python ] || "$$uv" venv --quiet --python "$$python" $(1); \
	trap - EXIT; \
	"$$uv" pip sync --quiet --require-hashes --python $(1)/bin/python $(2); \
	"$$uv" pip install --quiet --python $(1)/bin/python --no-deps --no-index --editable .
endef

$(SYNCED): requirements.lock pyproject.toml
	@$(call environment,.venv,requirements.lock,setup)
	@touch $@

$(JUDGE): requirements-judge.lock pyproject.toml
	@$(call environment,.venv-judge,requirements-judge.lock,judge)
	@touch $@

lock: setup  ## newest releases that resolve; versions and hashes only, no addresses
	.venv/bin/uv pip compile pyproject.toml --upgrade --group trainers --group dev --universal \
		--generate-hashes --no-emit-index-url --quiet --output-file requirements.lock
	.venv/bin/uv pip compile --group judge --constraint requirements.lock --universal \
		--generate-hashes --no-emit-index-url --quiet --output-file requirements-judge.lock

fixtures: setup  ## remakes the tiny model and the data sets, bit for bit
	.venv/bin/python fixtures/make_model.py
	.venv/bin/python fixtures/make_data.py

examples: setup  ## runs and reads reports/examples anew: one identical, one diverged, one inconclusive
	.venv/bin/python -m tests.examples.make

clean:
	rm -rf .venv .venv-judge .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find reports -mindepth 1 -maxdepth 1 ! -name examples ! -name README.md -exec rm -rf {} +
