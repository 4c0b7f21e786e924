"""A minimal service with FastAPI, pandas and scikit-learn, without validation, policy or metrics.

`plain_app.py PIPELINE PORT`. The endpoint is asynchronous, which costs less than a thread per request.
"""

import sys

import pandas as pd
import skops.io
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

path, port = sys.argv[1:]
pipeline = skops.io.load(path)
app = FastAPI()


class Request(BaseModel):
    """Patients, each with the 30 measurements by name."""

    patients: list[dict[str, float]]


@app.post("/predict")
async def predict(request: Request) -> dict[str, list[float]]:
    """Return P(malignant) for each patient."""
    frame = pd.DataFrame(request.patients)[pipeline.feature_names_in_]
    return {"probabilities": pipeline.predict_proba(frame)[:, 1].tolist()}


uvicorn.run(app, port=int(port))
