"""Saves a pipeline as MLflow's model server takes it: `mlflow_model.py PIPELINE FOLDER`, by the Python of that peer.

Without a signature, so that no column is checked at each request.
"""

import sys

import mlflow.sklearn  # type: ignore[import-not-found] # no dependency of the project: see peers.py
import skops.io

source, target = sys.argv[1:]
mlflow.sklearn.save_model(skops.io.load(source), target, pyfunc_predict_fn="predict_proba", pip_requirements=[])
