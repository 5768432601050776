# make demo: see it work.  make test: everything that must hold.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNTIMES := .venv-runtimes

.PHONY: demo test test-runtimes check format schema clean

demo: $(STAMP)
	@$(BIN)/edge-mask demo $(ARGS)

test: $(STAMP) check
	$(BIN)/python -m pytest $(ARGS)
	$(if $(ARGS),,@$(MAKE) --no-print-directory test-runtimes)

# The older runtime needs another numpy, so an environment of its own; it has wheels up to Python 3.11.
test-runtimes:
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then \
	  $(MAKE) --no-print-directory $(RUNTIMES)/.installed && \
	  $(RUNTIMES)/bin/python -m pytest -q tests/detect/test_runtimes.py; \
	else echo "Not tested: tflite-runtime, which wants Python 3.11"; fi

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(STAMP)
	$(BIN)/edge-mask schema config > config/schema.json
	$(BIN)/edge-mask schema messages > docs/messages.schema.json
	$(BIN)/edge-mask schema messages --format asyncapi > docs/asyncapi.yaml
	{ sed '/<!-- keys: begin/q' docs/configuration.md; $(BIN)/edge-mask schema config --format markdown; \
	  echo '<!-- keys: end -->'; } > docs/configuration.new
	mv docs/configuration.new docs/configuration.md

$(STAMP): pyproject.toml requirements/dev.txt
	@echo "Creating the environment in $(VENV) (about a minute, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@touch $@

$(RUNTIMES)/.installed: pyproject.toml requirements/runtimes.txt
	@echo "Creating a second environment in $(RUNTIMES), with tflite-runtime ..."
	@$(PYTHON) -m venv $(RUNTIMES)
	@$(RUNTIMES)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/runtimes.txt
	@$(RUNTIMES)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) $(RUNTIMES) .pytest_cache .mypy_cache .ruff_cache
