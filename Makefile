# Two commands matter: `make demo` and `make test`. Each sets up what is missing first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test tests figures figures-check docs docs-links lint lowest release-check clean

help:            ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: .venv/.installed ## create .venv and install everything, pinned

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup      ## build the Earth, train, evaluate, map; writes runs/demo/report.html
	$(BIN)/psm demo

test: setup      ## lint, types, floors and, beside them, tests
	$(MAKE) --no-print-directory -j 2 lint tests

tests: setup
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

figures: setup   ## measure what the pages state and write it into them: hours; ARGS=--reuse takes runs that are there
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python docs/make_figures.py $(ARGS)

figures-check: setup ## compare the numbers of the pages with those measured
	$(BIN)/python docs/make_figures.py --check

docs: setup      ## build the documentation site: open build/site/index.html, or copy build/site to any static host
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python docs/make_site.py

docs-links: setup ## ask every page that the documentation links to whether it is there; needs the Internet
	$(BIN)/python docs/check_links.py

lint: setup      ## ruff, mypy and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The oldest releases that pyproject.toml allows, newest pytest: lower bounds that are too low show here.
LOW := .venv-lowest/bin
lowest:          ## tests on the oldest allowed versions of everything, in .venv-lowest (some GB, an hour)
	$(PYTHON) -m venv .venv-lowest
	$(LOW)/python -m pip install --quiet uv
	$(LOW)/uv pip install --python $(LOW)/python --resolution lowest-direct --editable '.[demo,collect,languages,ray,serve,cloud]'
	$(LOW)/uv pip install --python $(LOW)/python pytest pytest-xdist hypothesis beartype scikit-learn schemathesis
	$(LOW)/python -m pytest -n 2 -W ignore -o filterwarnings=default -p no:cacheprovider \
	  -o addopts="-q --strict-markers --import-mode=importlib" --ignore tests/web --ignore tests/test_house.py

RELEASE := .venv-release/bin
release-check:   ## build, list, check, install and use what would be released; ARGS=--build does not install
	$(PYTHON) -m venv .venv-release
	$(RELEASE)/python -m pip install --quiet --constraint constraints.txt build twine
	$(RELEASE)/python .ci/release_check.py $(ARGS)

clean:           ## remove what was built and the virtual environment
	rm -rf .venv .venv-lowest .venv-release dist build runs .mypy_cache .pytest_cache .ruff_cache
