# `make help` lists what there is. Everything lives in .venv and node_modules; nothing needs root.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never

.PHONY: help setup demo run test lint bench lock screens texts

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

setup: .venv/.ready  ## install everything, once

.venv/.ready: requirements-dev.lock package-lock.json pyproject.toml client/pyproject.toml vendor.mjs $(wildcard portal/translations/*/LC_MESSAGES/*.po)
	@sh tools/setup.sh "$(PYTHON)"
	@touch .venv/.ready

demo: setup  ## the portal with sample recordings; Ctrl-C stops it
	@$(BIN)/portal demo

run: setup  ## the portal; Ctrl-C stops it
	@$(BIN)/portal run

test: setup  ## every test, against real servers and a real browser
	@sh tools/programs.sh
	@$(BIN)/pytest -n 2 --dist loadfile

lint: setup  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## measure this machine beside other servers; writes docs/bench (QUICK=1: two minutes)
	@$(BIN)/python -m bench

lock:  ## write the lock files anew after pyproject.toml changed
	@sh tools/lock.sh

screens: setup  ## take the screenshots of docs/screens anew
	@sh tools/programs.sh
	@SCREENS_DIR=docs/screens $(BIN)/pytest tests/e2e -k fits_its_screen

texts: setup  ## collect the texts of the pages for translation
	@$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext --no-location --omit-header -o .venv/messages.pot .
	@$(BIN)/pybabel -q update -i .venv/messages.pot -d portal/translations --no-wrap --ignore-obsolete --no-fuzzy-matching
	@sed -i '/^"\(POT-Creation-Date\|PO-Revision-Date\|Last-Translator\|Language-Team\|Generated-By\|Report-Msgid-Bugs-To\)/d' portal/translations/*/LC_MESSAGES/messages.po
