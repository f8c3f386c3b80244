# Everything a user does with a checkout. Works with GNU make 3.81 and later. What the targets need is set up on the
# way, inside the checkout (.venv, .cache), by tools/setup; tools/env is the environment in which the commands run.
# "make help" lists the targets that say what they do after "##", "make help-all" also those that say it after "###".

SHELL = /bin/sh

# Settings, for the command line or the environment (make report SCALE=paper).
PYTHON ?= python3
SCALE ?= quick
NOTEBOOKS ?=
JOBS ?=
REPEAT ?= 1
FRESH ?= 1
LABFLAGS ?=
BENCH ?= .
BENCHFLAGS ?=
FUZZTIME ?= 10m
TARGETS ?= .
PLATFORMS ?= arm64 wasm
FILES ?= .
SKIP ?=
LIMIT ?= 120
PACKAGES ?= ./...
DATASETS ?= wine-quality-red
export PYTHON

# The Python that runs exported activations, and what it must have for that ("make verify EXPORTS=numpy" does without
# the others).
KERNELSMITH_PYTHON ?= .venv/bin/python
EXPORTS ?= numpy torch jax
export KERNELSMITH_PYTHON

# Of what "make elsewhere" runs the tests if nothing is said: what they take is in docs/tested.md.
portable_packages = ./internal/elsewhere ./ntk/hermite ./ntk/inverse ./ntk/internal/...

run = tools/env .venv/bin/python tools/notebooks/run.py

.PHONY: help help-all setup ready report pdf publish-check live lab test test-go lint-notebooks check-notebooks \
	test-browser test-slurm stress execute verify bench bench-peers bench-gpu fuzz cover elsewhere mutate soak race \
	lint-go audit data gpu requirements clean distclean
.NOTPARALLEL:

describe = awk -F '\t' '{ printf "  make %-16s %s\n", $$1, $$2 }'

help:
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\	/p' Makefile | $(describe)
	@echo
	@echo 'Settings: SCALE=quick|paper|committed  NOTEBOOKS="01 04"  JOBS=2  DATASETS="name …"  LABFLAGS="--port 8889"'
	@echo 'All targets and settings: make help-all, and CONTRIBUTING.md'

help-all:
	@sed -n 's/^\([a-z-]*\):[^#]*###* /\1\	/p' Makefile | $(describe)
	@echo
	@echo '(c) needs Chromium and Node.js 20.11 or later'
	@echo
	@echo 'Settings: SCALE=quick|paper|committed  NOTEBOOKS="01 04"  JOBS=2  REPEAT=20  FRESH=3'
	@echo '          DATASETS="name …"  KERNELSMITH_DATA=folder of data files you have'
	@echo '          LABFLAGS="--port 8889"  BENCH=regexp  BENCHFLAGS="-rows regexp"  PYTHON=python3'
	@echo '          FUZZTIME=10m  TARGETS=regexp  PACKAGES=./ntk/...  PLATFORMS="arm64 wasm"  FILES=regexp  SKIP=regexp  LIMIT=120'
	@echo '          KERNELSMITH_PYTHON=…  EXPORTS="numpy torch jax"  for exported activations in make verify'

report: ready ## Run the notebooks that changed and write report/index.html
	@$(run) report --scale "$(SCALE)" $(if $(JOBS),--jobs $(JOBS)) $(NOTEBOOKS)

test: test-go lint-go lint-notebooks check-notebooks ## Vet and test the Go code; lint, run and check the notebooks

lab: ready ## Open JupyterLab on notebooks/00-start.ipynb, with the Go kernel
	@tools/env .venv/bin/gopls check ntk/designer/doc.go ntk/study/doc.go >/dev/null 2>&1 & # what Tab knows, read ahead
	@tools/env --user-home .venv/bin/python -m jupyterlab \
		--ServerApp.root_dir=notebooks --MultiKernelManager.default_kernel_name=gonb \
		--LabApp.default_url=/lab/tree/00-start.ipynb --LanguageServerManager.autodetect=False $(LABFLAGS)

pdf: ready ## The report with a PDF of each notebook (needs Chromium and Node.js 20.11 or later)
	@$(run) report --scale "$(SCALE)" $(if $(JOBS),--jobs $(JOBS)) --pdf $(NOTEBOOKS)

publish-check: ready ### The pages of the report in Chromium: pictures, links, formulas, contrast; the live page (c)
	@tools/browser/run site report
	@tools/browser/run live report

live: ready ### The live page alone, into build/live (the report has it too)
	@tools/env go run ./site/live/build build/live

setup: ### Set up all that the other targets need (they do it themselves); try again what was optional
	@tools/setup retry

ready:
	@tools/setup

test-go: ready ### The part of test that is Go: vet, gofmt, go test
	@tools/setup tests
	tools/env go vet ./...
	@badly=$$(find . -name '.?*' -prune -o -name '*.go' -exec tools/env gofmt -l {} +) && \
		if [ -n "$$badly" ]; then printf 'Not formatted by gofmt:\n%s\n' "$$badly" >&2; exit 1; fi
	KERNELSMITH_OPENBLAS=off KERNELSMITH_EXPORTS=numpy tools/env go test ./...
	KERNELSMITH_EXPORTS=numpy tools/env go test ./...

lint-go: ready ### The part of test that is staticcheck, of the code as Linux on Intel processors has it
	@tools/setup tests
	@cd tools/audit && ../env ../../.venv/bin/python -B -m unittest --quiet run_test
	sed 1q tools/audit/platforms | tools/env staticcheck -matrix ./...

lint-notebooks: ready ### The part of test that is notebooks as they are: compiled, format, outputs, captions
	@cd tools/notebooks && ../env ../../.venv/bin/python -B -m unittest --quiet lint_test
	@tools/env .venv/bin/python tools/notebooks/lint.py

check-notebooks: ready ### The part of test that runs notebooks: executed REPEAT times and checked
	@cd tools/notebooks && ../env ../../.venv/bin/python -B -m unittest --quiet lab_test kernel_test
	@$(run) check --scale "$(SCALE)" --repeat "$(REPEAT)" $(NOTEBOOKS)

test-browser: ready ### The notebooks in JupyterLab in a real browser, REPEAT times (c)
	@tools/browser/run lab "$(REPEAT)"

test-slurm: ready ### Sweeps on a Slurm that is started on this machine (needs slurmctld, slurmd and munge)
	@tools/slurm/test

stress: ready ### The notebooks REPEAT times with records and FRESH times without: what is left behind
	@tools/env .venv/bin/python tools/notebooks/stress.py \
		--scale "$(SCALE)" --repeat "$(REPEAT)" --fresh "$(FRESH)" $(NOTEBOOKS)

execute: ready ### Run the notebooks in place (for committing: SCALE=paper)
	@$(run) execute --scale "$(SCALE)" $(NOTEBOOKS)

verify: ready ### Checks on the real data files in KERNELSMITH_DATA, and of PyTorch and JAX exports
	@if [ -z "$$KERNELSMITH_DATA" ]; then \
		echo 'make verify checks real data files: name their folder,' \
			'as in "make verify KERNELSMITH_DATA=../data".' >&2; \
		exit 1; fi
	@for package in $(EXPORTS); do \
		tools/env "$$KERNELSMITH_PYTHON" -c "import $$package" || { \
			echo "make verify runs exported activations with $(EXPORTS):" \
				"name a Python that has them in KERNELSMITH_PYTHON, or fewer in EXPORTS." >&2; \
			exit 1; }; done
	KERNELSMITH_EXPORTS="$(EXPORTS)" tools/env go test -count=1 -timeout 60m -tags verify ./...

bench: ready ### Benchmarks (BENCH= selects)
	tools/env go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

bench-peers: ready ### Kernelsmith beside the public tools, into docs/side-by-side.md (BENCHFLAGS="-rows conv")
	@tools/env --user-home bench/setup
	@tools/env go build -o .cache/bench/bench ./bench
	@tools/env .cache/bench/bench $(BENCHFLAGS)

bench-gpu: ready ### Kernelsmith on the GPU beside JAX on it, and beside the processors: the table of docs/gpu.md
	@if [ -n "$$KERNELSMITH_PJRT" ]; then tools/env --user-home bench/setup jax; else \
		tools/setup gpu && tools/env --user-home bench/setup jax-cuda; fi
	@tools/env go build -o .cache/bench/bench ./bench
	@tools/env .cache/bench/bench -device -out .cache/bench/device.json -limit 40m $(BENCHFLAGS)

fuzz: ready ### Every fuzz target that TARGETS selects for FUZZTIME, and a table of them
	@tools/torture/fuzz "$(FUZZTIME)" "$(TARGETS)"

cover: ready ### Which statements the tests of each package reach, into docs/tested.md (PACKAGES= selects)
	@tools/torture/cover "$(PACKAGES)"

elsewhere: ready ### Results and tests on PLATFORMS other than this machine: arm64 (QEMU), wasm (Node.js)
	@tools/torture/elsewhere "$(PLATFORMS)" "$(if $(filter ./...,$(PACKAGES)),$(portable_packages),$(PACKAGES))"

mutate: ready ### Change the code of PACKAGES (FILES= selects) place by place: do the tests see it, in LIMIT seconds?
	@tools/torture/mutate "$(if $(filter ./...,$(PACKAGES)),./ntk/hermite ./ntk/inverse,$(PACKAGES))" "$(FILES)" \
		"$(SKIP)" "$(LIMIT)" "$(or $(JOBS),1)"

soak: ready ### Ten thousand designs one after the other, of which nothing may be kept
	tools/env go test ./ntk/design -run '^TestMemoryIsSteady$$' -count=1 -timeout 5h -v -designs 10000

race: ready ### The Go tests under the race detector, which needs a C compiler
	CGO_ENABLED=1 tools/env go test -race -timeout 120m ./...

audit: lint-go ### Staticcheck for all systems, more linters, known vulnerabilities, and bills of materials into build/sbom (needs a network and npm)
	tools/env staticcheck -matrix ./... <tools/audit/platforms
	@tools/audit/setup
	@tools/audit/run

data: ready ## Download DATASETS into .cache/data
	@tools/env go run ./data/fetch $(DATASETS)

gpu: ready ### Install the plugin of NVIDIA's GPUs in .venv (some 3 GB), and show the GPUs that it finds
	@tools/setup gpu
	@tools/env go run ./ntk/device/list

requirements: ### Pin the Python requirements anew (requirements*.in of tools/notebooks, tools/audit and bench)
	@tools/setup check
	@test -x .cache/uv/bin/uv || { tools/env --user-home "$(PYTHON)" -m venv .cache/uv && \
		tools/env --user-home .cache/uv/bin/python -m pip install --quiet uv; }
	@for name in requirements requirements-openblas requirements-gpu requirements-tests; do \
		alone=; if [ $$name = requirements-tests ]; then alone=--no-deps; fi; \
		(cd tools/notebooks && ../env ../../.cache/uv/bin/uv pip compile --quiet --upgrade --no-config --universal \
			$$alone --fork-strategy fewest --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links \
			--custom-compile-command 'make requirements' --output-file $$name.txt $$name.in) || exit 1; done
	@cd tools/audit && ../env ../../.cache/uv/bin/uv pip compile --quiet --upgrade --no-config --universal \
		--fork-strategy fewest --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command 'make requirements' --output-file requirements.txt requirements.in
	@for name in neural-tangents scipy torch jax jax-cuda; do \
		(cd bench && ../tools/env ../.cache/uv/bin/uv pip compile --quiet --upgrade --no-config --universal \
			--fork-strategy fewest --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
			--custom-compile-command 'make requirements' --output-file requirements-$$name.txt \
			requirements-$$name.in) || exit 1; done

clean: ## Remove what was made: report, executed notebooks, records of quick runs, checkpoints
	rm -rf build report notebooks/records/quick notebooks/records/*/*/checkpoints notebooks/records/*/*/sweeps
	find . -path ./.venv -prune -o -path ./.cache -prune -o \
		\( -name .ipynb_checkpoints -o -name __pycache__ \) -prune -exec rm -rf {} +

distclean: clean ### Also remove what was set up and downloaded
	rm -rf .venv .cache
