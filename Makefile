# Two commands are all a learner needs: make lab, make test.
PYTHON ?= python3
CHECK = $(PYTHON) tools/python_version.py
SETUP = $(CHECK) && $(PYTHON) tools/environment.py

.PHONY: help venv lab test doctor progress notebooks exercises bench lock clean

help:
	@echo "make lab        open JupyterLab on the first page (make lab PORT=9000 for a port of yours)"
	@echo "make test       run and compare every cell, and everything else that is promised"
	@echo "make doctor     tell what this machine has, and the remedy for what it lacks"
	@echo "make progress   tell which exercises are done"
	@echo "make venv       create or mend .venv and nothing else"
	@echo "make notebooks  run the notebooks again and store their outputs in normal form"
	@echo "make exercises  make exercises/ from solutions/"
	@echo "make bench      measure, and store the tables in benchmarks/results/"
	@echo "make lock       choose and pin today's versions in constraints.txt (needs uv)"
	@echo "make clean      remove .venv and everything that can be made again"

venv:
	@$(SETUP) venv

lab:
	@$(CHECK) && $(PYTHON) tools/lab.py $(PORT)

test:
	@$(SETUP) run dev tools/check.py

doctor:
	@$(SETUP) run "" -m course_lib doctor

progress:
	@$(SETUP) run "" -m course_lib progress

notebooks:
	@$(SETUP) run dev tools/notebooks.py $(ONLY)

exercises:
	@$(SETUP) run dev -m course_lib exercises

bench:
	@$(SETUP) run dev benchmarks/run.py $(ONLY)

lock:
	@$(CHECK) && $(PYTHON) tools/lock.py

clean:
	@$(PYTHON) tools/clean.py
