# Needs Python 3.11 or newer; every target makes its own environment. Without make: README.md, "Without make".
SHELL = /bin/sh
IN = .venv/bin/python
ENV = .venv/installed
# the first that is new enough and can make environments; name another one with `make PYTHON=...`
CANDIDATES = $(PYTHON) python3 python3.13 python3.12 python3.11 python

.PHONY: help lab demo check test test-long notebooks bench bench-quick shots slides docs docs-serve export words errors clean
.DEFAULT_GOAL = help

help:
	@echo 'make lab        the course in JupyterLab'
	@echo 'make demo       the six lines in this terminal'
	@echo 'make check      lint, types, in step, the tests of what changed: under 2 minutes'
	@echo 'make test       everything checked'
	@echo 'make test-long  properties, damaged files and kills in large numbers, 4 to 10 minutes'
	@echo 'make notebooks  every notebook from the top, with its seconds'
	@echo 'make bench      speed, memory and accuracy against fastai, captum and plain PyTorch, 40 minutes on 2 cores'
	@echo 'make bench-quick the same with few runs, 5 minutes; tables in _build/benchmarks'
	@echo 'make shots      pictures of the dashboard and of the site, in _build/shots'
	@echo 'make slides     slides for a class from tagged cells, in _build/slides'
	@echo 'make docs       the docs site, in _build/site'
	@echo 'make docs-serve shows it in a browser'
	@echo 'make words      wording and spelling to change, file by file'
	@echo 'make errors     the text of every error and warning, on one page'
	@echo 'make export     modules, README.md and the map from the notebooks'
	@echo 'make clean      removes what was built; .venv stays'
	@echo 'TORCH=cpu takes the small build of torch, TORCH=gpu the one with CUDA; else it is looked for a GPU'

lab: $(ENV)
	.venv/bin/fastlearn lab

demo: $(ENV)
	.venv/bin/fastlearn demo

check: $(ENV)
	$(IN) tools/check.py quick

test: $(ENV)
	$(IN) tools/check.py

test-long: $(ENV)
	$(IN) tools/check.py long

notebooks: $(ENV)
	$(IN) tools/run_notebooks.py --fresh

bench: $(ENV)
	$(IN) benchmarks/bench.py

bench-quick: $(ENV)
	$(IN) benchmarks/bench.py --quick

shots: $(ENV)
	$(IN) tools/shots.py

slides: $(ENV)
	$(IN) tools/slides.py

docs: $(ENV)
	$(IN) tools/docs.py

docs-serve: $(ENV)
	$(IN) tools/docs.py --serve

words: $(ENV)
	$(IN) tools/words.py

errors: $(ENV)
	$(IN) tools/raises.py

export: $(ENV)
	$(IN) tools/nb.py export
	$(IN) tools/readme.py
	$(IN) tools/house.py write
	$(IN) tools/proofs.py write

clean:
	rm -rf _build build dist .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -name __pycache__ -print | xargs rm -rf

$(ENV): settings.ini constraints.txt setup.py pyproject.toml tools/environment.py
	@for python in $(CANDIDATES); do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then exec $$python tools/environment.py; fi; done; \
	echo 'No Python for the environment: fastlearn needs 3.11 or newer, with its venv module. Found:' >&2; \
	for python in $(CANDIDATES); do \
	  command -v $$python >/dev/null && echo "  $$python: $$($$python --version 2>&1 | head -n 1)" >&2; done; \
	echo 'Get one from https://www.python.org/downloads, or on Debian and Ubuntu: apt install python3 python3-venv.' >&2; \
	echo 'If it is not on the PATH: make PYTHON=/path/to/python3 ...' >&2; exit 1
