# Everything runs in .venv, which is made when first needed and again when the dependencies change.
# Needs Python 3.11 or newer (another one: make PYTHON=/path/to/python3.12) and a package index.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
SCRIPTS := 'reports/live/scripts/*.js'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo gallery test check bench bench-pages bench-scale clean

help:
	@echo 'make demo    train and explain two nets, write runs/demo/report.html'
	@echo 'make gallery train the nets of docs/gallery and write their pages anew'
	@echo 'make test    run the whole test suite'
	@echo 'make check   ruff and mypy, and prettier where there is npm'
	@echo 'make bench   speed against a textbook loop'
	@echo 'make bench-pages   size of report pages, and how quickly they answer'
	@echo 'make bench-scale   how time grows with width, seeds and batch'
	@echo 'make clean   remove .venv and the caches'

demo: $(INSTALLED)
	@rm -rf runs/demo
	@$(RUN) -m reports.demo

gallery: $(INSTALLED)
	@$(RUN) -m benchmarks.showcase

# Compiled files are kept, whatever the caller's habit: to do without costs every worker and every process of a test.
test: $(INSTALLED)
	@PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest -n auto --dist worksteal

check: $(INSTALLED)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@if [ -x node_modules/.bin/prettier ]; then node_modules/.bin/prettier --check --log-level warn $(SCRIPTS); fi

bench-pages: $(INSTALLED)
	@$(RUN) -m benchmarks.pages

bench-scale: $(INSTALLED)
	@$(RUN) -m benchmarks.scale

bench: $(INSTALLED)
	@$(RUN) -m benchmarks

clean:
	@rm -rf $(VENV) node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt package.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo 'This needs Python 3.11 or newer as "$(PYTHON)"; name another with: make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo 'Installing into $(VENV) (a minute or two) ...' >&2
	@$(PYTHON) -m venv $(VENV) || \
	    { echo 'Could not make $(VENV); on Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	@$(RUN) -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@if command -v npm >/dev/null; then npm install --silent --no-package-lock --no-audit --no-fund >/dev/null || \
	    echo 'npm could not install axe-core and prettier: checks of pages that need them will be skipped' >&2; fi
	@touch $@
