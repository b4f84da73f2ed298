# Set-up is part of every target: `make demo` and `make test` work on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
export UV_PYTHON_DOWNLOADS = never
# Compiled modules are kept, whatever the machine says: without them every process of the tests compiles 800 anew.
export PYTHONDONTWRITEBYTECODE =
UV := .tools/bin/uv
RUN := .venv/bin
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)

.PHONY: help demo test lint types check bench clean
help:
	@echo "make demo    run the example against a language model in this process: no key, no account"
	@echo "make test    run the whole test suite"
	@echo "make check   lint, types and tests, as the gate does"
	@echo "make bench   measure against the raw SDK and the peers, write docs/benchmarks.md"

demo: .venv/demo.stamp
	@$(RUN)/python examples/demo.py $(MODEL)

test: .venv/dev.stamp
	@$(RUN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/dev.stamp
	@$(RUN)/ruff check
	@$(RUN)/ruff format --check

types: .venv/dev.stamp
	@$(RUN)/mypy core plugins tests examples benchmarks

check: lint types test

bench: .venv/dev.stamp
	@$(RUN)/python -m benchmarks --uv $(UV)

clean:
	rm -rf .venv .tools .bench dist

# One environment serves both: what the demo needs is a part of what the tests need, so nothing is removed (--inexact).
.venv/demo.stamp: $(PROJECTS) | $(UV) .venv
	@$(UV) sync --quiet --inexact --no-default-groups --extra local --group demo
	@touch $@

.venv/dev.stamp: $(PROJECTS) | $(UV) .venv
	@$(UV) sync --quiet --inexact --all-extras --group dev
	@touch $@ .venv/demo.stamp

.venv: | $(UV)
	@$(UV) venv --quiet --python $$($(PYTHON) -c 'import sys; print(sys.executable)') .venv

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "polycall needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11")'
	@echo "Setting up: uv in .tools, then the packages in .venv (once)"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv
