# Every command of the project: `make` lists them. Each does its own set-up first; CI calls the same ones.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
TOOLS := .venv/.tools
STAMP := .venv/.installed
NATIVE := $(shell find native -mindepth 1)
FUZZ_SECONDS ?= 60
SANITIZE ?= address,undefined
SANITIZED ?= tests/engines tests/hosts/test_records.py tests/hosts/test_scan.py
CLANG ?= clang++
ARM_CXX ?= aarch64-linux-gnu-g++
BENCH_BIN := build/benchmarks/bin
BENCH_STAMP := build/benchmarks/.installed
S3_BIN := build/s3/bin
S3_STAMP := build/s3/.installed
AIRFLOW_BIN := build/airflow/bin
AIRFLOW_STAMP := build/airflow/.installed
AIRFLOW_TESTS := $(filter-out %/test_celery.py,$(wildcard tests/airflow/test_*.py))
SPARK_BIN := build/spark/bin
SPARK_STAMP := build/spark/.installed
SPARK_TESTS ?= tests/spark tests/engines tests/cases
CPP_FILES := find native -name '*.cpp' -o -name '*.hpp' -o -name '*.inl'
SCRIPTS := $(wildcard misc/*.sh benchmarks/peers/*.sh benchmarks/peers/*/*.sh) .ci/run .ci/container-tool
INSTALL := install --quiet -c requirements.txt

.DEFAULT_GOAL := help
.PHONY: help setup native run demo test coverage test-sanitized test-arm64 fuzz lint lint-words lint-cpp lint-stub format \
  format-check docs bench bench-quick bench-batch bench-streaming simulate plot images clean lock stub test-s3 \
  test-airflow test-airflow-celery test-spark release-check

help: ## this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Start

setup: $(STAMP) ## make .venv with everything in it (PYTHON=python3.12 picks another Python)
	@echo "ready: .venv with $$($(BIN)/python --version)"
	@if $(BIN)/python -c 'import sys, importlib.util as u; sys.exit(u.find_spec("reduction._kernel") is None)'; then \
	  $(BIN)/python -c 'from reduction._kernel import *; print(f"native kernel: built ({instruction_set()})")'; \
	else { \
	  echo "native kernel: NOT built; everything works without it, many times slower. Reason (details: build/kernel.log):"; \
	  grep -E -A 2 'CMake Error at| error: ' build/kernel.log | sed 's/^[^ ]* */  /' | head -n 6; \
	  echo "It needs g++ (12 or newer) or clang, and the header files of Python. On Debian, for instance:"; \
	  echo "  apt-get install g++ python3-dev; then: make native"; } >&2; \
	fi

# Created again whenever the pins change (--clear), so that nothing of an older set remains.
# pip is upgraded first, because older versions lack some options; then the build tools are installed, because
# pip's build isolation would compile everything again each time. The old setuptools that Python 3.11 puts into
# every venv is removed: nothing needs it.
$(TOOLS): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip $(INSTALL) --upgrade pip
	$(BIN)/python -m pip uninstall -qq --yes setuptools
	$(BIN)/python -m pip $(INSTALL) cmake nanobind ninja scikit-build-core
	@touch $@

# NATIVE includes folders, whose times change when a file is removed. Object files are kept, so that only changes
# are compiled; the CMake cache is not, because it would keep a compiler that is missing or no longer wanted.
$(STAMP): $(TOOLS) $(NATIVE) src/reduction/__init__.py
	@mkdir -p build && rm -f build/kernel.log build/kernel/CMakeCache.txt
	$(BIN)/python -m pip $(INSTALL) --log build/kernel.log --no-build-isolation -C build-dir=build/kernel -e ".[app,dev,s3,fsspec]" \
	  || { sed -n 's/^[^ ]* //; /\*\*\* scikit-build-core/,/Traceback/p' build/kernel.log >&2; exit 1; }
	@touch $@

native: $(TOOLS) ## compile the native kernel again, or fail with the reason, and run its own tests
	@rm -f $(STAMP)
	@REDUCTION_REQUIRE_NATIVE=1 $(MAKE) --no-print-directory setup
	$(call build_native,tests)
	$(BIN)/ctest --test-dir build/tests --output-on-failure

run: $(STAMP) ## reduce the samples in task/ and show the result
	@mkdir -p "$${REDUCER_OUTPUT_DIR:-outbound}"
	$(BIN)/python reducer.py --env-file dev.env
	@result="$${REDUCER_OUTPUT_DIR:-outbound}/Combined.csv"; echo; head -n 6 "$$result"; \
	  echo "... $$(wc -l <"$$result") lines in all: $$result, report: $${result%.csv}.report.json"

##@ Tests
test: $(STAMP) ## run every quick test, four minutes on two cores (ARGS="-k strict" selects some)
	$(BIN)/pytest -n auto $(ARGS)

# Forked runners and child processes are measured, too; those that end by os._exit or SIGKILL are not.
coverage: $(STAMP) ## run the quick tests with branch coverage; lists missing lines, HTML in build/coverage
	$(BIN)/pytest -n auto -q --cov --cov-report=term-missing:skip-covered --cov-report=html $(ARGS)

test-s3: $(STAMP) $(S3_STAMP) ## run the object storage tests against a local S3 server
	$(S3_BIN)/python -m pytest -n auto tests/s3 $(ARGS)

# The servers that these tests need are many packages, so they have their own environment; the rest comes from .venv.
$(S3_STAMP): tests/s3/requirements.txt $(STAMP)
	$(BIN)/python -m venv --clear build/s3
	@$(BIN)/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' \
	  >"$$($(S3_BIN)/python -c 'import site; print(site.getsitepackages()[0])')/shared.pth"
	$(S3_BIN)/python -m pip $(INSTALL) -r tests/s3/requirements.txt
	@touch $@

# The Reducer's own packages are not in that environment, but its tests import some of its source.
define test_airflow
	@image=$${IMAGE:-reducer:latest}; \
	  $(AIRFLOW_BIN)/python -c 'import docker, sys; docker.from_env().images.get(sys.argv[1])' $$image 2>/dev/null \
	  || echo "NOT TRIED in Docker: DOCKER_HOST does not answer, or $$image is not there (misc/do_build.sh)" >&2
	PYTHONPATH=$(CURDIR)/src $(AIRFLOW_BIN)/python -m pytest -p no:cacheprovider --timeout 400 $(1) $(ARGS)
endef

test-airflow: $(STAMP) $(AIRFLOW_STAMP) ## run the Airflow and Kubernetes examples (in Docker, if it is available and the image is built)
	$(call test_airflow,$(AIRFLOW_TESTS))

test-airflow-celery: $(STAMP) $(AIRFLOW_STAMP) ## the same on three Celery workers (needs PostgreSQL and Redis)
	$(call test_airflow,tests/airflow/test_celery.py)

# A separate environment: 150 packages, whose versions must not constrain ours.
$(AIRFLOW_STAMP): tests/airflow/requirements.txt
	$(PYTHON) -m venv --clear build/airflow
	$(AIRFLOW_BIN)/python -m pip install --quiet -r $<
	@touch $@

# One Spark session serves all tests of the process, so without `-n`. The S3 server comes from build/s3.
test-spark: $(STAMP) $(SPARK_STAMP) $(S3_STAMP) ## run the tests of engine spark, on a cluster of real processes (needs Java 17)
	@java -version >build/spark/java.log 2>&1 || { \
	  echo "Spark needs Java 17 or newer; on Debian: apt-get install openjdk-17-jre-headless" >&2; exit 1; }
	$(SPARK_BIN)/python -m pytest -q -k spark --timeout 600 --durations 5 $(SPARK_TESTS) $(ARGS)

# Spark has its own environment, because pyspark needs an older pandas and half a gigabyte. Everything else, such as
# the package with its kernel and pytest, comes from .venv, which is searched after it.
$(SPARK_STAMP): requirements-spark.txt
	$(PYTHON) -m venv --clear build/spark
	$(SPARK_BIN)/python -m pip install --quiet -r requirements-spark.txt
	@$(BIN)/python -c 'import site; print("import site; site.addsitedir(%r)" % site.getsitepackages()[0])' \
	  >"$$($(SPARK_BIN)/python -c 'import site; print(site.getsitepackages()[0])')/shared.pth"
	@touch $@

# build_native,FOLDER,OPTIONS: the kernel and its tests without Python, in build/FOLDER.
define build_native
	@rm -f build/$(1)/CMakeCache.txt
	$(BIN)/cmake -S native -B build/$(1) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja --log-level=WARNING $(2)
	$(BIN)/cmake --build build/$(1)
endef

# Whether clang is installed, with its libraries for sanitizers and fuzzing, which may be a separate package.
clang_is_whole = ls "$$($(CLANG) -print-resource-dir 2>/dev/null)"/lib/*/libclang_rt.fuzzer* >/dev/null 2>&1

# sanitize_native,COMPILER: the kernel's own tests.
define sanitize_native
	$(call build_native,sanitize/$(1),-DCMAKE_CXX_COMPILER=$(1) -DREDUCTION_SANITIZE=$(SANITIZE) -DCMAKE_BUILD_TYPE=Debug)
	$(BIN)/ctest --test-dir build/sanitize/$(1) --output-on-failure
endef

# The kernel inside Python: a separate environment that gets everything but the package from .venv, so that runner
# processes use it, too. Python itself is not sanitized, so the library must be preloaded, and leaks are not reported.
define sanitize_engines
	@rm -rf build/sanitize/venv build/sanitize/module/CMakeCache.txt
	@$(BIN)/python -m venv --without-pip build/sanitize/venv
	@$(BIN)/python -c 'import site; print(site.getsitepackages()[0])' \
	  >"$$(build/sanitize/venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/shared.pth"
	CXX=g++ REDUCTION_REQUIRE_NATIVE=1 $(BIN)/python -m pip --python build/sanitize/venv/bin/python $(INSTALL) --no-deps \
	  --force-reinstall --no-build-isolation -C build-dir=build/sanitize/module -C cmake.build-type=Debug \
	  -C install.strip=false -C cmake.define.REDUCTION_SANITIZE=$(SANITIZE) .
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
	  build/sanitize/venv/bin/python -m pytest -n auto -q -p no:cacheprovider $(SANITIZED) $(ARGS)
endef

# With SANITIZE=thread only the kernel's own tests run: that check does not see Python's forks and locks.
test-sanitized: $(STAMP) ## run native and engine tests with address and undefined-behaviour sanitizers (needs g++)
	$(call sanitize_native,g++)
	$(if $(shell $(clang_is_whole) && echo yes),$(call sanitize_native,$(CLANG)),\
	  @echo "skipped with clang: it is not installed, or its libraries are missing")
	$(if $(filter thread,$(SANITIZE)),,$(sanitize_engines))

# Linked statically, so that the emulator does not need the ARM libraries.
test-arm64: $(TOOLS) ## build the kernel for 64-bit ARM and run its tests in an emulator (needs a cross compiler and qemu)
	@command -v $(ARM_CXX) >/dev/null && command -v qemu-aarch64 >/dev/null || { \
	  echo "$(ARM_CXX) and qemu-aarch64 are needed; on Debian: apt-get install g++-aarch64-linux-gnu qemu-user" >&2; exit 1; }
	$(call build_native,arm64,-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$(ARM_CXX) \
	  -DCMAKE_EXE_LINKER_FLAGS=-static -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64)
	$(BIN)/ctest --test-dir build/arm64 --output-on-failure

fuzz: $(TOOLS) ## run each fuzz target for a minute (FUZZ_SECONDS=600; needs clang)
	@$(clang_is_whole) || { \
	  echo "libFuzzer comes with clang; on Debian: apt-get install clang libclang-rt-dev" >&2; exit 1; }
	$(call build_native,fuzz,-DCMAKE_CXX_COMPILER=$(CLANG) -DREDUCTION_FUZZ=ON -DREDUCTION_TESTS=OFF \
	  -DREDUCTION_SANITIZE=$(SANITIZE))
	@for target in build/fuzz/fuzz/*_fuzz; do \
	  name=$$(basename $$target); found=build/fuzz/found/$$name; mkdir -p $$found; \
	  echo "$$name, for $(FUZZ_SECONDS) s"; \
	  $$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=$$found- $$found native/fuzz/seeds/$$name \
	    2>build/fuzz/$$name.log || { tail -n 40 build/fuzz/$$name.log >&2; exit 1; }; \
	  grep -h '^stat::number_of_executed_units\|^Done' build/fuzz/$$name.log; \
	done

##@ Quality
lint: $(STAMP) lint-words lint-cpp lint-stub docs ## check style, types, words, scripts, C++, the stub, links and pins
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/shellcheck $(SCRIPTS)
	@loose=$$($(BIN)/pip freeze --all --exclude-editable | grep -vxFf requirements.txt); \
	  test -z "$$loose" || { echo "not pinned in requirements.txt ('make lock' pins it): $$loose" >&2; exit 1; }

lint-words: $(STAMP) ## check spelling and the list of words to avoid (misc/banned_words.txt)
	$(BIN)/codespell
	$(BIN)/python misc/check_words.py

# Only sources without SIMD intrinsics are analysed: the others would take minutes.
lint-cpp: $(STAMP) ## check the format of native/ and analyse it with clang-tidy
	$(CPP_FILES) | xargs $(BIN)/clang-format --dry-run -Werror
	@$(BIN)/cmake -S native -B build/tidy -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja --log-level=WARNING \
	  -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DREDUCTION_TESTS=OFF
	find native/src -name '*.cpp' ! -path '*/simd/kernels_*' ! -name crc32_pclmul.cpp | \
	  xargs -P 2 -n 4 $(BIN)/clang-tidy -p build/tidy --quiet --extra-arg=-Wno-unknown-warning-option

lint-stub: $(STAMP) ## check that src/reduction/_kernel.pyi matches the compiled kernel
	$(BIN)/python native/make_stub.py --check
	$(BIN)/python -m mypy.stubtest reduction._kernel --allowlist native/stubtest-allowlist.txt

stub: $(STAMP) ## write src/reduction/_kernel.pyi from the compiled kernel
	$(BIN)/python native/make_stub.py

format: $(STAMP) ## fix style and the order of imports
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(CPP_FILES) | xargs $(BIN)/clang-format -i

format-check: $(STAMP) ## check the format of Python and C++ only
	$(BIN)/ruff format --check .
	$(CPP_FILES) | xargs $(BIN)/clang-format --dry-run -Werror

docs: $(STAMP) ## check the links between Markdown files, and that docs/index.md reaches every page
	$(BIN)/python misc/check_docs.py

##@ Benchmarks
bench: $(STAMP) $(BENCH_STAMP) ## measure against peers, at full size (ARGS="--workloads narrow,tiny" selects some)
	$(BENCH_BIN)/python -m benchmarks.run $(ARGS)

bench-quick: $(STAMP) $(BENCH_STAMP) ## the same on a fiftieth of the data, in about two minutes, without a record
	$(BENCH_BIN)/python -m benchmarks.run --scale 0.02 --repetitions 1 $(ARGS)

bench-batch: $(STAMP) $(BENCH_STAMP) ## measure host-processor batch against peers (ARGS="--scale 0.02 --repetitions 1")
	$(BENCH_BIN)/python -m benchmarks.run_batch $(ARGS)

bench-streaming: $(STAMP) $(BENCH_STAMP) ## the same for host-processor streaming, on one processor
	$(BENCH_BIN)/python -m benchmarks.run_streaming $(ARGS)

simulate: $(STAMP) ## simulate ten terabytes on fifty nodes (docs/scalability.md; ARGS=--measure measures its parts first)
	$(BIN)/python -m benchmarks.scale $(ARGS)

plot: $(BENCH_STAMP) ## draw the newest record of the benchmarks as SVG
	$(BENCH_BIN)/python -m benchmarks.plot $(ARGS)

# The peers have their own environment: their versions must not constrain ours.
$(BENCH_STAMP): benchmarks/requirements.txt
	$(PYTHON) -m venv --clear build/benchmarks
	$(BENCH_BIN)/python -m pip install --quiet -r benchmarks/requirements.txt
	@touch $@

##@ Release
images: ## build both images and test the one that runs (CONTAINER_TOOL=podman instead of docker)
	misc/do_test.sh
	misc/do_build.sh
	misc/try_image.sh

# Only the oldest supported Python chooses versions: what it can install, newer ones can as well.
lock: ## choose the newest versions and write them to requirements.txt (needs Python 3.11)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Versions are chosen with Python 3.11, the oldest supported one: make lock PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/python -m pip install --quiet --upgrade pip
	build/lock/bin/python -m pip uninstall -qq --yes setuptools
	build/lock/bin/python -m pip install --quiet -e ".[app,dev,s3,fsspec]"
	grep '^#' requirements.txt >build/requirements.txt
	build/lock/bin/python -m pip freeze --all --exclude-editable >>build/requirements.txt
	mv build/requirements.txt requirements.txt

release-check: $(STAMP) ## check that this commit can be released: version, changelog, wheel, lint
	$(BIN)/python misc/check_release.py
	@$(MAKE) --no-print-directory lint

clean: ## remove everything the other targets created
	rm -rf .venv build dist outbound .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
