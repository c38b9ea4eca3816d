# Two commands: `make demo` (plain package, no torch) and `make test` (everything).
PYTHON ?= python3
DEMO := .venv-demo
VENV := .venv

.PHONY: demo test lint clean
demo: $(DEMO)/.done
	$(DEMO)/bin/nii score datasets/samples --out demo-out/results.jsonl --overlays demo-out/overlays
	@echo
	@echo "Look at demo-out/overlays/index.html (pictures and report) and demo-out/results.jsonl (records)."

test: $(VENV)/.done
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest -q -n auto --dist loadfile

$(DEMO)/.done: pyproject.toml
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/pip install --quiet --disable-pip-version-check .
	touch $@

$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

clean:
	rm -rf $(DEMO) $(VENV) demo-out site build *.egg-info
