PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= out/demo
BODY := assets/body/anny_body_smplx_layout.npz
NANO := assets/nano/nano.safetensors

.DEFAULT_GOAL := help
# Modules are compiled by whoever imports them first, whatever the environment says: each worker of
# each job would do it anew, which takes longer than importing them.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help install annotate test test-s3 lint lock

help:  ## List the targets.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(READY)  ## Make .venv with the locked versions.

annotate: $(READY)  ## Set up, then annotate the bundled clips into out/demo and draw a frame of each.
	$(BIN)/h3r annotate assets/demo $(OUT) --weights $(NANO) --body-model $(BODY)
	$(BIN)/h3r preview $(OUT) --video street.mp4 --body-model $(BODY) -o $(OUT)-street.png
	$(BIN)/h3r preview $(OUT) --video walk.mp4 --body-model $(BODY) -o $(OUT)-walk.png

# One thread: the tests' networks are too small to share out, and where other work runs beside them
# threads wait for each other. The cores have a process each instead; 4 at most, since one grows
# to 2.5 GB and may start a Ray of its own.
test: lint  ## Set up, then lint and all tests.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

test-s3: $(READY)  ## Set up, then the tests of S3 against a real server (Debian: radosgw ceph-mon ceph-osd).
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --s3 rgw -o python_files='test_*.py real_s3.py'

lint: $(READY)  ## Set up, then ruff, formatting and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# torch comes first: with it in place, nothing else asks for a build with CUDA.
$(READY): requirements.lock requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile "$$(grep '^torch==' requirements.lock)"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock \
		--requirement requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --no-deps --editable .
	touch $@

lock:  ## Resolve pyproject.toml anew into both lock files (then make install).
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet "$$(grep -o 'torch==[0-9.]*' pyproject.toml)"
	$(VENV)-lock/bin/pip install --quiet --editable .
	$(VENV)-lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock
	$(VENV)-lock/bin/pip install --quiet --editable '.[dev]'
	$(VENV)-lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' \
		| grep -vxFf requirements.lock > requirements-dev.lock
	rm -rf $(VENV)-lock
