# Each target works in a fresh clone with nothing but python3 and pip. TORCH_INDEX names another wheel index for torch.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
OUT ?= runs/nano
# Threads that wait spin a little and then sleep: on shared cores endless spinning makes torch several times slower.
ifndef OMP_WAIT_POLICY
export GOMP_SPINCOUNT ?= 10000
endif

.PHONY: run test test-slow check format clean

run: $(VENV)/.stamp-run
	$(BIN)/trivium run nano --out $(OUT)

test: $(VENV)/.stamp-dev
	$(BIN)/python -m pytest -q

test-slow: $(VENV)/.stamp-dev
	$(BIN)/python -m pytest -q -m slow

check: $(VENV)/.stamp-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.stamp-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.stamp-python:
	$(PYTHON) -c 'import sys; sys.exit("trivium needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# torch alone from its index: its own dependencies come from the usual one with the next line.
$(VENV)/.stamp-torch: constraints.txt $(VENV)/.stamp-python
ifdef TORCH_INDEX
	$(PIP) --no-deps --index-url $(TORCH_INDEX) torch
endif
	@touch $@

$(VENV)/.stamp-run: pyproject.toml constraints.txt $(VENV)/.stamp-torch
	$(PIP) --editable .
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml constraints.txt $(VENV)/.stamp-run
	$(PIP) --editable '.[dev]'
	@touch $@
