"""Save a pipeline for MLflow's model server: `mlflow_model.py PIPELINE FOLDER`, run by the Python of MLflow's .venv.

The model has no signature, so the server checks no columns.
"""

import sys

import mlflow.sklearn  # type: ignore[import-not-found] # not a dependency of the project: see peers.py
import skops.io

source, target = sys.argv[1:]
mlflow.sklearn.save_model(skops.io.load(source), target, pyfunc_predict_fn="predict_proba", pip_requirements=[])
