# `make` lists the targets. CI runs `make check`, nothing else.
PYTHON     ?= python3
VENV       := .venv
BIN        := $(VENV)/bin
PATIENTS   ?= 48
SEED       ?= 1
PHANTOM    := out/phantom-$(PATIENTS)-$(SEED)
RESULT     ?= out/result
COHORT     ?= $(PHANTOM)/cohort
SUBMISSION ?= $(PHANTOM)/submission
PIP        := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
BENCH      := -o python_files='bench_*.py' -o python_functions='bench_*'

# only what belongs to the phantom is made; what you name yourself has to be there
MADE       := $(filter $(PHANTOM)/%,$(COHORT)/cohort.toml $(SUBMISSION)/submission.toml)

ifneq ($(COHORT),$(PHANTOM)/cohort)
ifeq ($(SUBMISSION)$(IMAGE),$(PHANTOM)/submission)
$(error COHORT=... needs SUBMISSION=... or IMAGE=... beside it)
endif
endif

# a container is run where the organiser runs it and scored where the organiser scores it
MANIFEST   ?= submission.toml
WORKERS    ?= auto
# the baseline: 60 phantom patients to learn from, 20 others to be scored on
PRESET     ?= small
WORK       ?= out/baseline
BOARD      ?= leaderboard/results
SITE       ?= out/site
EVALUATION ?= lln-evaluation
SEALED     := --rm --network none --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges

STAMPED     = --build-arg VERSION=$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
	  --build-arg COMMIT=$(shell git describe --always --dirty --abbrev=40 --exclude '*')

.DEFAULT_GOAL := help
.PHONY: help evaluate leaderboard baseline board image image-baseline test check lint types imports format schema docs bench clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  make evaluate COHORT=... SUBMISSION=... RESULT=...            scores your own folder'
	@echo '  make evaluate IMAGE=... MANIFEST=... COHORT=... RESULT=...    runs and scores your own image'

ifdef IMAGE
evaluate: $(VENV)/sandbox $(filter %/cohort.toml,$(MADE))
	@docker image inspect $(EVALUATION) >/dev/null 2>&1 || $(MAKE) image
	@$(BIN)/lln submission run $(IMAGE) --cohort $(COHORT) --manifest $(MANIFEST) \
	  --out $(RESULT)/submission || [ $$? = 1 ] # a case that failed is scored as the worst
	@mkdir -p $(RESULT)
	@docker run $(SEALED) --user "$$(id -u):$$(id -g)" --volume "$(abspath $(COHORT)):/cohort:ro" \
	  --volume "$(abspath $(RESULT)/submission):/submission:ro" \
	  --volume "$(abspath $(RESULT)):/result" $(EVALUATION) >/dev/null || [ $$? = 1 ]
	@echo "report: $(abspath $(RESULT))/report.html"
else
evaluate: $(VENV)/run $(MADE) ## score the phantom cohort's simulated submission, or your own
	$(BIN)/lln evaluate --cohort $(COHORT) --submission $(SUBMISSION) --out $(RESULT)
endif

baseline: $(VENV)/baseline $(WORK)/train/cohort.toml $(WORK)/unseen/cohort.toml ## train, pack, answer, score the reference nnU-Net: PRESET=small|narrow TRAIN_FLAGS=...
	$(BIN)/lln baseline convert --cohort $(WORK)/train --work $(WORK)/nnunet
	$(BIN)/lln baseline train --work $(WORK)/nnunet --preset $(PRESET) $(TRAIN_FLAGS)
	@rm -rf $(WORK)/model $(WORK)/answers
	$(BIN)/lln baseline export $(WORK)/nnunet/nnUNet_results/Dataset803_LLNJoint --cohort $(WORK)/train \
	  --out $(WORK)/model
	$(BIN)/lln baseline predict --model $(WORK)/model --images $(WORK)/unseen --out $(WORK)/answers
	$(MAKE) board ANSWERS=$(WORK)/answers

board: $(VENV)/run $(WORK)/train/cohort.toml $(WORK)/unseen/cohort.toml ## make the kit's own board anew: ANSWERS=... NOTE=...
	NOTE='$(NOTE)' leaderboard/make-board $(BOARD) $(WORK) $(ANSWERS)

leaderboard: $(VENV)/run ## write the leaderboard's pages: BOARD=... SITE=...
	$(BIN)/lln leaderboard build --results $(BOARD) --out $(SITE)
	$(BIN)/lln leaderboard build --results $(BOARD) --out $(SITE) --single-file

image: ## build the evaluation image: BASE_IMAGE=... SOURCE=... DOCKER_BUILD_FLAGS=...
	docker build $(DOCKER_BUILD_FLAGS) --file docker/evaluation.Dockerfile --tag lln-evaluation \
	  $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
	  $(if $(SOURCE),--build-arg SOURCE=$(SOURCE)) $(STAMPED) .

image-baseline: ## build the baseline's image: TORCH=cpu|cuda TORCH_INDEX=... BASE_IMAGE=... SOURCE=...
	docker build $(DOCKER_BUILD_FLAGS) --file docker/baseline.Dockerfile --tag lln-baseline \
	  $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) $(if $(TORCH),--build-arg TORCH=$(TORCH)) \
	  $(if $(TORCH_INDEX),--build-arg TORCH_INDEX=$(TORCH_INDEX)) \
	  $(if $(SOURCE),--build-arg SOURCE=$(SOURCE)) $(STAMPED) .

test: $(VENV)/dev ## run the tests
	$(BIN)/python -m pytest -m 'not docker' --numprocesses $(WORKERS) --dist loadfile
# one process: two would remove each other's images and count each other's containers; 5: none to run
	$(BIN)/python -m pytest -m docker || [ $$? = 5 ]

check: lint types imports test ## everything CI runs

lint: $(VENV)/dev ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev ## static types
	$(BIN)/mypy

imports: $(VENV)/dev ## who may import whom
	$(BIN)/lint-imports

format: $(VENV)/dev ## rewrite in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(VENV)/run ## regenerate schema/json
	$(BIN)/lln schema export --out schema/json

docs: $(VENV)/run ## regenerate the definitions in evaluation/README.md and docs/dicom.md
	$(BIN)/lln tasks document evaluation/README.md
	$(BIN)/lln tasks document docs/dicom.md
	$(BIN)/lln tasks paper --out docs/paper.md

bench: $(VENV)/bench ## time the scorer against its peers: installs torch, takes 10 minutes
	@mkdir -p out
	$(BIN)/python -m pytest tests/bench $(BENCH) --benchmark-quiet --benchmark-json out/bench.json
	$(BIN)/python -m tests.bench.table out/bench.json docs/benchmarks.md

clean: ## remove the environment and what the targets made
	rm -rf $(VENV) out build *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...'; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[test,lint]'
	@touch $@ $(VENV)/run

$(VENV)/baseline: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[baseline]'
	@touch $@ $(VENV)/run

$(VENV)/sandbox: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[sandbox]'
	@touch $@ $(VENV)/run

$(VENV)/bench: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[bench]'
	@touch $@ $(VENV)/run

# The phantom is written beside its place and moved when whole, so that an interrupted run leaves none.
$(PHANTOM)/cohort/cohort.toml: | $(VENV)/run
	@rm -rf $(@D).part
	$(BIN)/lln cohort phantom --patients $(PATIENTS) --seed $(SEED) --out $(@D).part
	@rm -rf $(@D) && mv $(@D).part $(@D)

$(WORK)/train/cohort.toml $(WORK)/unseen/cohort.toml: | $(VENV)/run
	@rm -rf $(@D).part
	$(BIN)/lln cohort phantom --patients $(if $(filter %/train,$(@D)),60 --seed 11,20 --seed 12) --prevalence 0.4 --out $(@D).part
	@rm -rf $(@D) && mv $(@D).part $(@D)

$(PHANTOM)/submission/submission.toml: $(PHANTOM)/cohort/cohort.toml | $(VENV)/run
	@rm -rf $(@D).part
	$(BIN)/lln submission simulate --cohort $(PHANTOM)/cohort --seed $(SEED) --out $(@D).part
	@rm -rf $(@D) && mv $(@D).part $(@D)
