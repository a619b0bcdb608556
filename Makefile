# Every target stands on its own: make makes .venv when it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Test windows open on a virtual screen, drawn by software, and never pop up.
ifeq ($(shell uname -s),Linux)
SCREEN := QT_QPA_PLATFORM=xcb LIBGL_ALWAYS_SOFTWARE=1 xvfb-run --auto-servernum --server-args="-screen 0 1600x1000x24"
ALONE := exclusive
else
ALONE := gui or exclusive
endif

PYTEST := $(SCREEN) $(BIN)/python -m pytest

.PHONY: help
help:  ## List what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# Where venv fails it leaves half a .venv, which would pass for a whole one the next time: hence the rm.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/ready-%: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[$*]'
	@touch $@

.PHONY: demo
demo: .venv/ready-all  ## Segment the synthetic sample, write pictures to demo/, open napari where there is a screen
	$(BIN)/saunetv2 demo --out demo --overwrite

.PHONY: test
test: docs  ## Run all tests (installs a virtual screen when root; about ten minutes)
	tools/system-libraries.sh
# Stopwatches come last and one by one, and so do the windows on a real screen, where they compete for the keyboard.
# Pytest's 5 means that ARGS chose no test of this part.
	@$(PYTEST) -n 2 --dist worksteal -m "not ($(ALONE))" $(ARGS); parallel=$$?; \
	$(PYTEST) -m "$(ALONE)" $(ARGS); alone=$$?; \
	for code in $$parallel $$alone; do case $$code in 0|5) ;; *) exit $$code;; esac; done; \
	test $$parallel$$alone != 55

.PHONY: docs
docs: .venv/ready-dev  ## Build the documentation site into site/; a broken link is an error
	$(BIN)/python docs/figures.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.PHONY: fuzz
fuzz: .venv/ready-dev  ## Throw 25,000 damaged files, 5,000 of them DICOM, and 2,000 odd arrays at every door (most of an hour)
	PYTHONPATH=tests $(BIN)/python -u -m fuzz $(ARGS)

.PHONY: fuzz-dicom
fuzz-dicom: .venv/ready-dev  ## Throw 5,000 damaged DICOM files at every door
	PYTHONPATH=tests $(BIN)/python -u -m fuzz --files 0 --arrays 0 $(ARGS)

.PHONY: dicom-files
dicom-files: .venv/ready-dev  ## Read every file of FOLDERS, such as highdicom's data/test_files, or refuse it in a sentence
	PYTHONPATH=tests $(BIN)/python tests/dicom_files.py $(FOLDERS)

.PHONY: faults
faults: .venv/ready-dev  ## Kill trainings, batches and saves; fill disks, revoke rights, run out of memory
	PYTHONPATH=tests $(BIN)/python -u -m faults $(ARGS)

.PHONY: study-test
study-test: .venv/ready-dev  ## Do a study of 200 photographs, kill it five times, do it with two workers, edit a mask (minutes)
	PYTHONPATH=tests:tests/study $(BIN)/python -u tests/study/large.py $(ARGS)

.PHONY: load
load: .venv/ready-dev  ## 2,000 images through one process, 500 runs in one viewer: memory and handles
	tools/system-libraries.sh
	$(SCREEN) env PYTHONPATH=tests $(BIN)/python -u -m load $(ARGS)

.PHONY: test-lowest
test-lowest: .venv/bin/python  ## Run the tests with the oldest packages that pyproject.toml allows
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet pyproject.toml --extra test --resolution lowest-direct -o .venv/lowest.txt
	$(BIN)/uv venv --quiet --clear .venv/lowest
	$(BIN)/uv pip install --quiet --python .venv/lowest/bin/python -r .venv/lowest.txt
	$(BIN)/uv pip install --quiet --python .venv/lowest/bin/python --no-deps --editable .
	# The first result in 5 s is promised for today's packages; with the oldest it takes 6.
	$(SCREEN) .venv/lowest/bin/python -m pytest \
	  --deselect tests/test_startup.py::test_the_first_result_comes_soon $(ARGS)

# What a processor without these instructions would do; docs/reliability.md says which processors were run.
ENGINE_TESTS := tests/test_engines.py tests/test_export.py tests/test_golden.py tests/test_fallback.py
.PHONY: test-instructions
test-instructions: .venv/ready-dev  ## Run the tests of the engines as on processors with AVX2 alone, and with AVX-512 alone
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(BIN)/python -m pytest $(ENGINE_TESTS) $(ARGS)
	ATEN_CPU_CAPABILITY=avx512 ONEDNN_MAX_CPU_ISA=AVX512_CORE $(BIN)/python -m pytest $(ENGINE_TESTS) $(ARGS)

.PHONY: test-pyqt6
test-pyqt6: .venv/bin/python  ## Run the tests that open windows with PyQt6 instead of PySide6
	tools/system-libraries.sh
	$(PIP) install uv
	$(BIN)/uv venv --quiet --clear .venv/pyqt6
	$(BIN)/uv pip install --quiet --python .venv/pyqt6/bin/python --constraint constraints.txt \
	  --editable '.[test]' 'PyQt6>=6.7'
	$(SCREEN) env QT_API=pyqt6 PYTEST_QT_API=pyqt6 .venv/pyqt6/bin/python -m pytest -m gui $(ARGS)

.PHONY: lock-hashes
lock-hashes: .venv/bin/python  ## Write requirements-hashed.txt: constraints.txt with the hashes of all files on PyPI
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet pyproject.toml --extra all --constraint constraints.txt --universal \
	  --python-version 3.11 --generate-hashes --custom-compile-command "make lock-hashes" -o requirements-hashed.txt

.PHONY: weights-sums
weights-sums: .venv/ready-dev  ## Renew what tests check bundled models by, after one was added or trained anew
	PYTHONPATH=tests $(BIN)/python tools/weights_sums.py

.PHONY: licences
licences: .venv/ready-dev  ## List the licences of all dependencies in docs/licences.md; fails for one that does not fit
	$(BIN)/python tools/licences.py

.PHONY: lint
lint: .venv/ready-dev  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: format
format: .venv/ready-dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: screenshots
screenshots: .venv/ready-dev  ## Make the pictures of the windows again, from the synthetic sample
	tools/system-libraries.sh
	$(SCREEN) $(BIN)/python docs/screenshots.py

.PHONY: cards
cards: .venv/ready-dev  ## Write the bundled models' cards again
	$(BIN)/python docs/model_cards.py

.PHONY: benchmark-finetune
benchmark-finetune: .venv/ready-dev  ## Fine-tune on 4 images, and on a few strokes, of CHASE_DB1; print what it brings
	$(BIN)/python benchmarks/finetune.py $(ARGS)

.PHONY: benchmark-training-memory
benchmark-training-memory: .venv/ready-dev  ## Train on 10, 100 and 1,000 photographs of 1,444 pixels; print peak memory and speed
	$(BIN)/python benchmarks/training_memory.py $(ARGS)

.PHONY: benchmark-accuracy
benchmark-accuracy: .venv/ready-dev  ## Score all bundled models on DATA (../shared/data) into docs/models/accuracy.md
	$(BIN)/python benchmarks/accuracy.py $(or $(DATA),../shared/data)

.PHONY: record-scores
record-scores: .venv/ready-dev  ## Take all scores of the bundled models anew on DATA (../shared/data), into their files
	$(BIN)/python tools/record_scores.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: benchmark-cameras
benchmark-cameras: .venv/ready-dev  ## Score models on every camera of DATA (../shared/data), with the widths that they draw
	$(BIN)/python benchmarks/cameras.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: benchmark-tricks
benchmark-tricks: .venv/ready-dev  ## Measure what each trick of training brings, on DRIVE's training images (hours)
	$(BIN)/python benchmarks/tricks.py $(or $(DATA),../shared/data)/DRIVE -o runs/tricks $(ARGS)

.PHONY: benchmark-quality
benchmark-quality: .venv/ready-dev  ## Compare the quality score with faults and accuracy on DATA (../shared/data) into docs/quality.md
	$(BIN)/python benchmarks/quality.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: benchmark-measure
benchmark-measure: .venv/ready-dev  ## Measure how exact and repeatable the measurements are on DATA into docs/measurements.md (an hour)
	PYTHONPATH=tests/measure $(BIN)/python benchmarks/measure.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: benchmark-visits
benchmark-visits: .venv/ready-dev  ## Register known transforms of DATA and see what the intervals cover, into docs/visits.md (minutes)
	PYTHONPATH=tests/visits $(BIN)/python benchmarks/visits.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: train-landmarks
train-landmarks: .venv/ready-dev  ## Train the model of disc and fovea on DATA (../shared/data) into runs/ (minutes)
	mkdir -p runs
	$(BIN)/python tools/landmarks/train.py $(or $(DATA),../shared/data) -o runs/saunetv2-landmarks.safetensors $(ARGS)

.PHONY: benchmark-artery-vein
benchmark-artery-vein: .venv/ready-dev  ## Score saunetv2-av and what is measured with it on photographs of DATA that it never saw
	$(BIN)/python benchmarks/artery_vein.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: benchmark-frame
benchmark-frame: .venv/ready-dev  ## Measure what black around the eye changes, on training images of DATA
	$(BIN)/python benchmarks/frame.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: benchmark-landmarks
benchmark-landmarks: .venv/ready-dev  ## Judge disc, fovea and eye on photographs of DATA that were not trained on
	$(BIN)/python tools/landmarks/score.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: benchmark
benchmark: .venv/ready-dev  ## Measure speed and memory into docs/benchmarks/, a page for this processor (an idle machine, minutes)
	$(BIN)/python benchmarks/inference.py $(ARGS)

.PHONY: benchmark-pipeline
benchmark-pipeline: .venv/ready-dev  ## Print where the processor time of a photograph goes, from file to mask and through a study
	$(BIN)/python benchmarks/pipeline.py $(ARGS)

.PHONY: benchmark-study
benchmark-study: .venv/ready-dev  ## Measure what a study costs, for 10,000 photographs on paper, into docs/tutorials/study.md
	$(BIN)/python benchmarks/study.py $(ARGS)

.PHONY: benchmark-precision
benchmark-precision: .venv/ready-dev  ## Compare all engines and precisions with torch on DATA (../shared/data) into docs/precision.md
	$(BIN)/python benchmarks/precision.py $(or $(DATA),../shared/data) $(ARGS)

.PHONY: lock
lock: .venv/ready-dev  ## Write what .venv holds into constraints.txt
	@$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools > .venv/frozen
	@{ echo "# What was tested together; made by make lock."; \
	   grep -v ' @ ' .venv/frozen | sed 's/+cpu$$//' | sort -f; } > constraints.txt

.PHONY: clean
clean:  ## Remove .venv and everything that was made
	rm -rf .venv build dist demo site .mypy_cache .ruff_cache .pytest_cache .hypothesis
