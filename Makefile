.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup run test check coverage bench soak schemas transcripts image lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with everything that the other targets need

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=python3.12")'
	@test -x $(BIN)/pip || { echo "making .venv with $$($(PYTHON) --version)"; \
	  $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }; }
	@# The lock is complete: nothing is left to resolve, and what was released since can't get in the way.
	@echo "installing what requirements.lock names (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(READY)

run: setup ## sandbox: broker, Rossum simulator, connector, sample documents (ARGS="--once")
	@$(BIN)/rossum-connector sandbox $(ARGS)

test: setup ## run the tests on a real Kafka (ARGS="-k sweep")
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: setup ## everything that CI checks beside the tests
	@echo "format"; $(BIN)/ruff format --check --quiet .
	@echo "lint"; $(BIN)/ruff check --quiet .
	@echo "types"; $(BIN)/mypy
	@echo "image"; $(BIN)/hadolint deploy/Dockerfile
	@echo "schemas"; $(BIN)/rossum-connector schemas --check
	@echo "settings docs"; $(BIN)/rossum-connector settings-docs --check
	@echo "architecture"; $(BIN)/python -m pytest -q tests/test_architecture.py

coverage: setup ## lines and branches of what decides that short tests come by, and the least that they must
	@mkdir -p .cache/coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q --hypothesis-profile few tests/unit/contracts tests/unit/domain tests/unit/engine
	@PYTHONHASHSEED=0 $(BIN)/coverage run -m tests.simulation --seeds 40
	@PYTHONHASHSEED=0 $(BIN)/coverage run -m tests.simulation.scenes
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report $(ARGS)

bench: setup ## measure, as ratios within one run (ARGS="--quick webhook")
	@$(BIN)/python -m benchmarks $(ARGS)

soak: setup ## hours of kills, freezes and broken wires on real Kafkas (ARGS="--kills 20 --documents 1000")
	@$(BIN)/python -m tests.chaos $(ARGS)

schemas: setup ## write the generated contracts and settings
	@$(BIN)/rossum-connector schemas
	@$(BIN)/rossum-connector settings-docs

transcripts: setup ## run the README's sessions on a real Kafka and write down what they show
	@$(BIN)/python -m pytest -q tests/acceptance/test_workflows.py --write-transcripts $(ARGS)

image: ## build the container image rossum-kafka-connector (needs Docker; ARGS="--tag NAME")
	@docker build --file deploy/Dockerfile --tag rossum-kafka-connector \
	  --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" $(ARGS) .

lock: setup ## resolve requirements.lock anew, and the image's part of it
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --all-extras --group dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --extra disk --extra object-stores --constraint requirements.lock pyproject.toml \
	  -o deploy/requirements.lock

clean: ## remove .venv and every cache
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
