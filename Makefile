# The doors to this project: `make` lists them. Each needs nothing done before; CI calls the same ones.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
BENCH_BIN := build/benchmarks/bin
BENCH_STAMP := build/benchmarks/.installed
SCRIPTS := $(wildcard misc/*.sh benchmarks/peers/*.sh) .ci/run .ci/container-tool
# Both -c and --build-constraint: the second one pins the build backend, which pip installs apart.
INSTALL := install --quiet -c requirements.txt --build-constraint requirements.txt

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench bench-quick plot images clean pins

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything in it (PYTHON=python3.12 picks another Python)
	@echo "ready: .venv with $$($(BIN)/python --version)"

# Made anew whenever the pins change (--clear), so that nothing of an older set stays behind.
# pip comes first and alone, because older ones do not know --build-constraint; setuptools with it, because
# Python 3.11 puts an old one into every venv.
$(STAMP): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet -c requirements.txt --upgrade pip setuptools
	$(BIN)/python -m pip $(INSTALL) -e ".[app,dev]"
	@touch $@

run: $(STAMP) ## reduce the samples in task/ and show what comes out
	@mkdir -p "$${REDUCER_OUTPUT_DIR:-outbound}"
	$(BIN)/python reducer.py --env-file dev.env
	@result="$${REDUCER_OUTPUT_DIR:-outbound}/Combined.csv"; echo; head -n 6 "$$result"; \
	  echo "... $$(wc -l <"$$result") lines in all: $$result, and how it came about: $${result%.csv}.report.json"

test: $(STAMP) ## run every quick test (ARGS="-k strict" picks some)
	$(BIN)/pytest -n auto $(ARGS)

lint: $(STAMP) ## check style, types, shell scripts and that every package is pinned
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck $(SCRIPTS)
	@loose=$$($(BIN)/pip freeze --all --exclude-editable | grep -vxFf requirements.txt); \
	  test -z "$$loose" || { echo "not pinned in requirements.txt ('make pins' mends it): $$loose" >&2; exit 1; }

format: $(STAMP) ## mend style and order of imports
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(STAMP) $(BENCH_STAMP) ## measure against peers, at full size (ARGS="--workloads narrow,tiny" picks some)
	$(BENCH_BIN)/python -m benchmarks.run $(ARGS)

bench-quick: $(STAMP) $(BENCH_STAMP) ## the same on a fiftieth of the data, in about two minutes, without a record
	$(BENCH_BIN)/python -m benchmarks.run --scale 0.02 --repetitions 1 $(ARGS)

plot: $(BENCH_STAMP) ## draw the newest record of the benchmarks as SVG
	$(BENCH_BIN)/python -m benchmarks.plot $(ARGS)

# The peers live apart from the project: their versions have nothing to say in ours.
$(BENCH_STAMP): benchmarks/requirements.txt
	$(PYTHON) -m venv --clear build/benchmarks
	$(BENCH_BIN)/python -m pip install --quiet -r benchmarks/requirements.txt
	@touch $@

images: ## build both images and try the one that runs (CONTAINER_TOOL=podman instead of docker)
	misc/do_test.sh
	misc/do_build.sh
	misc/try_image.sh

# Only the oldest supported Python may choose: what it can install, newer ones can as well.
pins: ## choose the newest versions and write them to requirements.txt (needs Python 3.11)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Pins are chosen with Python 3.11, the oldest supported one: make pins PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --clear build/pins
	build/pins/bin/python -m pip install --quiet --upgrade pip setuptools
	build/pins/bin/python -m pip install --quiet -e ".[app,dev]"
	grep '^#' requirements.txt >build/requirements.txt
	build/pins/bin/python -m pip freeze --all --exclude-editable >>build/requirements.txt
	mv build/requirements.txt requirements.txt

clean: ## remove what the other targets made
	rm -rf .venv build dist outbound .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
