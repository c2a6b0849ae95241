# `make demo` and `make test` work on a machine that has git, make and Python 3.11 or newer.
.DEFAULT_GOAL := help
.PHONY: help setup demo fast test fuzz check style types wheel generated docs site binary links man bench clean

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if command -v $$python >/dev/null 2>&1 && $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$python; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# where the environment forbids byte code, every process compiles all of podid and its tests again
export PYTHONDONTWRITEBYTECODE :=

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(STAMP)  ## Install podid and what its tests need into .venv

$(STAMP): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then echo "podid needs Python 3.11 or newer; give one with make PYTHON=/path/to/python3" >&2; exit 1; fi
	@if ! $(PYTHON) -m venv $(VENV); then \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[sandbox,dev,docs]'
	@$(BIN)/python -m compileall -q $(VENV)/lib src || true
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null 2>&1 || true  # keeps the byte code of the tests
	@touch $@

demo: $(STAMP)  ## The main job on the sandbox, narrated
	@$(BIN)/podid demo

fast: $(STAMP)  ## Tests in under a minute: every module, check and kind, without grids, most whole commands and processes of their own
	$(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal -m 'not slow and not rare'

test: $(STAMP)  ## All tests
	$(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal

fuzz: $(STAMP)  ## The property tests with new random cases, and the whole of every grid
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal -m 'hypothesis or rare'

check: $(STAMP)  ## Style, types, generated files, the wheel by itself, two at a time
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types generated wheel style

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

wheel: $(STAMP)
	$(BIN)/python tools/check_wheel.py

generated: $(STAMP)  ## Whether the generated files are up to date
	$(BIN)/python tools/gen_index.py --check
	$(BIN)/python tools/gen_docs.py --check
	$(BIN)/python tools/gen_deploy.py --check
	$(BIN)/python tools/draw_layout.py --check
	$(BIN)/python tools/draw_screens.py --check

docs: $(STAMP)  ## Write the generated files
	$(BIN)/python tools/gen_index.py --write
	$(BIN)/python tools/gen_docs.py --write
	$(BIN)/python tools/gen_deploy.py --write
	$(BIN)/python tools/draw_layout.py --write
	$(BIN)/python tools/draw_screens.py --write

site: $(STAMP)  ## Build the documentation site in build/docs/site (BUILDER=mkdocs builds it with MkDocs)
	$(BIN)/python tools/build_site.py $(if $(BUILDER),--builder $(BUILDER))

binary: $(STAMP)  ## Build dist/podid-VERSION-PLATFORM.tar.gz, which needs no Python, and run it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[build]'
	$(BIN)/python tools/check_binary.py "$$($(BIN)/python tools/binary.py)"

links: $(STAMP)  ## List the links that lead out of the site, each with its pages
	@$(BIN)/python tools/build_site.py --links

man: $(STAMP)  ## Write the man pages into build/man, as the wheel has them
	$(BIN)/python tools/gen_man.py

bench: $(STAMP)  ## Measure start-up, 500 nodes, 5,000 pods, a list of 5,000 associations beside boto3 and the AWS CLI, 300 clusters in 10 accounts, pacing, trust evaluation, the doctor
	$(BIN)/python -m benchmarks

clean:  ## Remove what was installed and built
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
