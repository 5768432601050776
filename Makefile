# make demo: see it work.  make test: everything that must hold.  Both do all their set-up by themselves.
VENV := .venv
BIN := $(VENV)/bin
RUNTIMES := .venv-runtimes
# Test files side by side: most of their time is that of daemons on an idle machine.
JOBS ?= 2
export PYTHON

.PHONY: demo test test-runtimes check format schema clean environment install uninstall rollback
.NOTPARALLEL:

demo: environment
	@$(BIN)/edge-mask demo $(ARGS)

test:
	@scripts/prepare system python test
	@$(MAKE) --no-print-directory check
	$(if $(ARGS),,@$(MAKE) --no-print-directory test-runtimes)
	$(BIN)/python -m pytest --durations=10 -n $(JOBS) --dist loadfile $(ARGS)

# The older runtime needs another numpy, so an environment of its own; it has wheels up to Python 3.11.
test-runtimes: environment
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then \
	  scripts/prepare environment $(RUNTIMES) requirements/runtimes.txt && \
	  $(RUNTIMES)/bin/python -m pytest -q tests/detect/test_runtimes.py; \
	else echo "Not tested: tflite-runtime, which wants Python 3.11"; fi

check: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

environment:
	@scripts/prepare system python
	@scripts/prepare environment $(VENV) requirements/dev.txt

format: environment
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: environment
	$(BIN)/edge-mask schema config > config/schema.json
	$(BIN)/edge-mask schema messages > docs/messages.schema.json
	$(BIN)/edge-mask schema messages --format asyncapi > docs/asyncapi.yaml
	$(BIN)/edge-mask schema http > docs/openapi.yaml
	{ sed '/<!-- keys: begin/q' docs/configuration.md; $(BIN)/edge-mask schema config --format markdown; \
	  echo '<!-- keys: end -->'; } > docs/configuration.new
	mv docs/configuration.new docs/configuration.md

# As a service: see docs/raspberry-pi.md. DESTDIR, PREFIX, EXTRAS, WHEELS and others: scripts/install says them.
install uninstall rollback:
	@scripts/install $@

clean:
	rm -rf $(VENV) $(RUNTIMES) .pytest_cache .mypy_cache .ruff_cache
