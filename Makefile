# Two commands are all a learner needs: make lab, make test.
PYTHON ?= python3
CHECK = $(PYTHON) tools/python_version.py
SETUP = $(CHECK) && $(PYTHON) tools/environment.py

.PHONY: help venv lab test soak doctor progress notebooks exercises bench lock clean vllm test-vllm \
	train evaluate

help:
	@echo "make lab        open JupyterLab on the first page (make lab PORT=9000 for a port of yours)"
	@echo "make test       run and compare every cell, and everything else that is promised"
	@echo "make soak       run the long tests that make test leaves out"
	@echo "make doctor     tell what this machine has, and the remedy for what it lacks"
	@echo "make progress   tell which exercises are done"
	@echo "make venv       create or mend .venv and nothing else"
	@echo "make notebooks  run the notebooks again and store their outputs in normal form"
	@echo "make exercises  make exercises/ from solutions/"
	@echo "make bench      measure, and store the tables in benchmarks/results/"
	@echo "make lock       choose and pin today's versions in constraints.txt (needs uv)"
	@echo "make vllm       build .venv-vllm: a real vLLM server for chapters 15, 16 (Linux)"
	@echo "make test-vllm  run and compare chapters 15 and 16, and their tests, against that server"
	@echo "make train      train the tiny model again (hours on a CPU; goes on where it stopped)"
	@echo "make evaluate   measure the tiny model on what its training never saw"
	@echo "make clean      remove .venv and everything that can be made again"

venv:
	@$(SETUP) venv

lab:
	@$(CHECK) && $(PYTHON) tools/lab.py $(PORT)

test:
	@$(SETUP) run dev tools/check.py

soak:
	@$(SETUP) run dev tools/check.py soak

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

vllm:
	@$(CHECK) && $(PYTHON) tools/vllm_environment.py

test-vllm:
	@$(SETUP) run dev tools/check.py vllm

train:
	@$(PYTHON) tools/vllm_environment.py run -m tools.tiny_model.train

evaluate:
	@$(PYTHON) tools/vllm_environment.py run -m tools.tiny_model.evaluate

clean:
	@$(PYTHON) tools/clean.py
