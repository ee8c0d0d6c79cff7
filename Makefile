# Two commands do all the set-up: `make demo` and `make test`. `make` alone lists every target.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test quick quick-tests test-browser screenshots test-live test-images torture check format format-check lint types bench bench-accuracy notebooks texts docs dockerfiles deploy lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.venv/runtime: requirements.txt requirements/training.txt requirements/pip.txt
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/pip.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/training.txt
	@echo "$(CURDIR)/src" > "$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')/skucast.pth"
	@touch $@

.venv/dev: .venv/runtime requirements/dev.txt requirements/models.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/models.txt
	@touch $@

# Servers that stand in for the cloud services under test; without Python 3.13 it says so and those tests are skipped.
.stand-ins/ready: requirements/stand-ins.txt tests/stand_ins/build.py
	$(PYTHON) tests/stand_ins/build.py

demo: .venv/runtime ## sample distributor: train, predict, four weeks forward, monitor, retrain, dashboard
	PYTHONPATH=src $(BIN)/python -m skucast demo

# Once, so that no two workers do it at the same time.
.venv/compiled: .venv/runtime $(wildcard src/skucast/forecast/prophet/*.py src/skucast/forecast/panel/*.py)
	PYTHONPATH=src $(BIN)/python -m skucast compile
	@touch $@

test: .venv/dev .stand-ins/ready .venv/compiled ## run all tests (docs/testing.md)
	$(BIN)/python -m pytest -q -n auto

# Beside each other: while one of them imports or ends, another has the core.
quick: .venv/dev .venv/compiled ## the inner loop: format, lint, types, unit tests but for the slow ones; under 45 s
	@$(MAKE) --no-print-directory -j --output-sync=target format-check lint types quick-tests

quick-tests: .venv/dev .venv/compiled
	$(BIN)/python -m pytest -q -n auto -m 'not slow' tests/unit

test-browser: .venv/dev ## the tests of the dashboard in a real Chromium; skipped, with that reason, where there is none
	$(BIN)/python -m pytest -q tests/browser

screenshots: .venv/dev ## take the README's pictures of the page that `make demo` has made
	$(BIN)/python tests/browser/screenshots.py local/staging/dashboard/index.html docs/img

test-live: .venv/dev ## the cloud suites on a real project too: LIVE_PROJECT=... LIVE_BUCKET=... (LIVE_LOCATION=US)
	@test -n "$(LIVE_PROJECT)" && test -n "$(LIVE_BUCKET)" || { echo 'name both: make test-live LIVE_PROJECT=... LIVE_BUCKET=...' >&2; exit 2; }
	LIVE_PROJECT=$(LIVE_PROJECT) LIVE_BUCKET=$(LIVE_BUCKET) LIVE_LOCATION=$(or $(LIVE_LOCATION),US) \
		$(BIN)/python -m pytest -q -k live_cloud tests/contract tests/cloud/test_chain.py tests/cloud/test_looker_views.py

test-images: .venv/dev ## run the deployment scripts against a recorder, build and run the images (needs root and DEPLOY_TOOLS, the folder of the tools)
	TEST_IMAGES=1 $(BIN)/python -m pytest -q -ra tests/deploy

# SEEDS="1 10000" plays so many on files; those on the stand-ins take some hundred times as long.
torture: .venv/dev .stand-ins/ready .venv/compiled ## random schedules of overlapping and killed runs, and mutated files (SEEDS="1 400")
	$(BIN)/python tests/torture/campaign.py --seeds $(or $(SEEDS),1 400)
	$(BIN)/python tests/torture/campaign.py --backend cloud --seeds 1 20
	$(BIN)/python tests/torture/fuzz.py --mutations $(or $(MUTATIONS),50000)

check: format-check lint types test ## format, lint, types, tests

format: .venv/dev ## format the code and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --select I .

format-check: .venv/dev
	$(BIN)/ruff format --check .

lint: .venv/dev ## ruff; import-linter: who may import whom; hadolint; shellcheck
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/hadolint Dockerfile.*
	$(BIN)/shellcheck -x -P deploy deploy/*.sh

types: .venv/dev ## mypy, strict on src
	$(BIN)/mypy

bench: .venv/dev ## real-data chains and timings (needs the benchmark data: DATA=folder)
	$(BIN)/python benchmarks/real_chain.py --data $(DATA)
	$(BIN)/python benchmarks/engine.py --data $(DATA)
	$(BIN)/python benchmarks/promotions.py --data $(DATA)
	$(BIN)/python benchmarks/prices.py --data $(DATA)
	$(BIN)/python benchmarks/alerts.py --data $(DATA)
	$(BIN)/python benchmarks/gate.py --data $(DATA)
	$(BIN)/python benchmarks/short.py --data $(DATA)
	$(BIN)/python benchmarks/newcomers.py --data $(DATA)
	$(BIN)/python benchmarks/panel_cost.py
	$(BIN)/python benchmarks/cost.py --data $(DATA)

.notebook-venv/ready: requirements/notebooks.txt requirements.txt requirements/training.txt .venv/dev
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .notebook-venv
	$(BIN)/uv pip install --quiet --require-hashes --python .notebook-venv/bin/python -r requirements.txt -r requirements/training.txt -r requirements/notebooks.txt
	@touch $@

notebooks: .notebook-venv/ready ## run docs/notebooks and write what they show beside them, Markdown and pictures
	@set -e; cd docs/notebooks; tools=$(CURDIR)/.notebook-venv/bin; export PATH=$$tools:$$PATH PYTHONPATH=$(CURDIR)/src PLOTLY_RENDERER=png; \
	for each in $$(grep -l '^# %%' *.py); do name=$${each%.py}; echo "$$name"; \
		jupytext --quiet --to ipynb --output - $$each | jupyter nbconvert --log-level=ERROR --stdin --execute --to markdown \
			--NbConvertBase.display_data_priority "['image/png', 'text/plain']" --output $$name --output-dir .; done

# Forecasters of others live in an environment of their own; ours run in the project's. Both keep forecasts in one folder.
.bench-venv/ready: requirements/bench.txt .venv/dev
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .bench-venv
	$(BIN)/uv pip install --quiet --require-hashes --python .bench-venv/bin/python -r requirements/bench.txt
	@touch $@

bench-accuracy: .bench-venv/ready ## accuracy beside other forecasters; hours, goes on where it stopped (DATA=folder)
	.bench-venv/bin/python benchmarks/accuracy.py --data $(DATA) --run peers
	$(BIN)/python benchmarks/accuracy.py --data $(DATA) --run ours --report --write

texts: .venv/dev ## bring the catalogues of the texts up to date with the sources, and name those not translated yet
	PYTHONPATH=src $(BIN)/python -m skucast.language.extraction

docs: .venv/dev ## write the reference of settings and tables, and the table of permissions
	PYTHONPATH=src $(BIN)/python -m skucast reference --write docs/reference
	env -i $$(grep -v -e '^#' -e ' ' deploy/settings.env | grep =) $(BIN)/python deploy/permissions.py write docs/permissions.md

dockerfiles: .venv/dev ## write the three Dockerfiles from their template and the table of jobs and images in deploy/
	$(BIN)/python deploy/render.py dockerfiles

deploy: .venv/dev ## everything on Google Cloud but going live: DRY_RUN=1 shows it (deploy/settings.env)
	$(BIN)/python deploy/check.py
	@set -e; for step in setup build jobs schedules monitoring; do echo "=== deploy/$$step.sh"; \
		CHECKED=yes PYTHON=$(CURDIR)/$(BIN)/python deploy/$$step.sh $(if $(DRY_RUN),--dry-run); done

lock: .venv/dev ## compile requirements/*.in to the newest releases, with hashes
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header requirements/pip.in -o requirements/pip.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header requirements/runtime.in -o requirements.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-deps requirements/training.in -o requirements/training.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header requirements/dev.in -o requirements/dev.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.13 --generate-hashes --no-header requirements/stand-ins.in -o requirements/stand-ins.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header requirements/bench.in -o requirements/bench.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header requirements/notebooks.in -o requirements/notebooks.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --override requirements/models-overrides.txt requirements/models.in -o requirements/models.txt

clean: ## remove what the other targets made, but not local/
	rm -rf .venv .bench-venv .notebook-venv .stand-ins .mypy_cache .pytest_cache .ruff_cache
