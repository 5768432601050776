# make demo: see it work.  make test: everything that must hold.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check format schema clean

demo: $(STAMP)
	@$(BIN)/edge-mask demo $(ARGS)

test: $(STAMP) check
	$(BIN)/python -m pytest $(ARGS)

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

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
