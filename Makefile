# Only Python 3.11 or newer and make are assumed; `make PYTHON=...` chooses the interpreter.
#
#   make run [CHANNELS=folder]   a served, populated hub; a second run keeps the data
#   make test [ARGS=...]         all tests
#   make lint                    ruff and mypy
#   make bench [ARGS=...]        the benchmarks, ratios side by side
#   make mutation [ARGS=...]     does a test notice when a defence is taken away? (some minutes)
#   make migration NAME="idea"   write a migration from the difference between the newest one and the models
#   make lock                    resolve requirements.lock anew
#   make clean                   remove what was built; the data stays

.POSIX:
.SUFFIXES:
.PHONY: run test lint bench mutation migration lock clean venv

# The first that is there, really runs (a pyenv shim may not) and is new enough.
PYTHON = $$(for python in python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$python" && break; done)
BIN = .venv/bin
# Files of tests at once, each worker with a server of its own; ARGS="-n 0" runs them one by one.
AT_ONCE = -n auto --maxprocesses 4 --dist loadfile

run: venv
	@$(BIN)/member-hub run $${CHANNELS:+--channels "$$CHANNELS"}

test: venv
	@$(BIN)/python -m pytest $(AT_ONCE) $(ARGS)

lint: venv
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy -p member_hub

bench: venv
	@$(BIN)/python -m benchmarks $(ARGS)

mutation: venv
	@$(BIN)/python tools/mutation_check.py $(ARGS)

migration: venv
	@test -n "$(NAME)" || { echo 'Say the one idea: make migration NAME="members have a birthday"' >&2; exit 2; }
	@$(BIN)/member-hub migration "$(NAME)"

lock: venv
	@$(BIN)/python tools/venv.py lock

clean:
	@rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find src tests alembic benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@python="$(PYTHON)"; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
	"$$python" tools/venv.py
