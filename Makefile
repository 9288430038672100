# Every target sets itself up: a virtual environment in the checkout, nothing outside it.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PHOTOS ?=
PROCESSES ?= 2

.PHONY: install test demo benchmark clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable '.[dev]'
	touch $@

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile

demo: install
	$(BIN)/leadline demo $(if $(PHOTOS),--photos '$(PHOTOS)')

benchmark: install
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) demo .mypy_cache .pytest_cache .ruff_cache
