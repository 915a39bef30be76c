# Aliases of dev.py, which documents them: `python3 dev.py`. Arguments: make test ARGS="tests/http -k quota".
PYTHON ?= python3

.PHONY: run test check format build bench mutants messages lock
run test check format build bench mutants messages lock:
	@$(PYTHON) dev.py $@ $(ARGS)
