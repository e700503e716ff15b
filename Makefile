# A fresh checkout needs Python 3.11 or later, pip and make; every target sets up what it needs in .venv, once.
#   make demo     a first model in half a minute          make test     the tests
#   make check    all that CI checks                      make help     the other targets
# Another interpreter: make demo PYTHON=python3.12. Another build of PyTorch (a GPU's): make demo TORCH=torch==2.13.0
.DEFAULT_GOAL := help
.PHONY: help demo test lint types format docs architecture bench size constraints check clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# The build called "+cpu" exists only without CUDA, so asking for it by name never brings gigabytes of GPU libraries in.
# Only Linux has two builds. PyTorch's own index is asked second: where the first answer is yes, it is never contacted.
TORCH ?= torch==$(shell sed -n 's/^torch==//p' constraints.txt)$(if $(filter Linux,$(shell uname -s)),+cpu)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# pyproject's extras `all` and `dev` without PyTorch, which is installed apart, above; tests/test_architecture.py compares.
MEDIA := pillow soundfile soxr tokenizers
TESTERS ?= 2
TOOLS := hypothesis import-linter mido mypy pandas pyarrow pytest pytest-timeout pytest-xdist ruff

help:
	@echo 'make demo          set up, then fit a first model: ungated fit wine --time 30s'
	@echo 'make test          set up, then run the tests'
	@echo 'make check         what CI checks: lint, types, tests, the demo, size and start'
	@echo 'make lint types    ruff and the floor plan; mypy             make format        let ruff rewrite'
	@echo 'make docs          refresh what is generated from the code   make size          installed size, seconds to start'
	@echo 'make bench         Ungated against its peers, for example    make bench BENCH="--sets titanic --time 10"'
	@echo 'make constraints   write the versions of .venv down          make clean         remove .venv and caches'

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or later is needed; name one: make demo PYTHON=python3.12' >&2; exit 1; }
	@echo 'Setting up $(VENV) (once; a minute or two) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -c constraints.txt '$(TORCH)' 2>/dev/null || \
		$(PIP) install -c constraints.txt --retries 1 --extra-index-url $(TORCH_INDEX) '$(TORCH)' 2>/dev/null || \
		echo 'No PyTorch without CUDA could be had for this Python: going on without it; algorithms that need it say so.'
	@$(PIP) install -c constraints.txt $(MEDIA) -e .
	@touch $@

$(VENV)/tools: $(VENV)/ready
	@echo 'Setting up the tools of development ...'
	@$(PIP) install -c constraints.txt $(TOOLS)
	@touch $@

demo: $(VENV)/ready
	$(BIN)/ungated fit wine --time 30s

# Two processes test side by side; what measures time comes after them, by itself.
test: $(VENV)/tools
	$(BIN)/python -m pytest -m 'not alone' -n $(TESTERS) --no-loadscope-reorder
	$(BIN)/python -m pytest -m alone

lint: $(VENV)/tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/tools
	$(BIN)/mypy

format: $(VENV)/tools
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: architecture

architecture: $(VENV)/tools
	$(BIN)/python tests/test_architecture.py

bench: $(VENV)/tools
	$(BIN)/python benchmarks/tables.py $(BENCH)

size: $(VENV)/ready
	$(BIN)/python benchmarks/footprint.py

constraints: $(VENV)/tools
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' | sort -f; } > $(VENV)/constraints
	@mv $(VENV)/constraints constraints.txt && touch $(VENV)/ready $(VENV)/tools

check: lint types test demo size

clean:
	rm -rf $(VENV) build .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
