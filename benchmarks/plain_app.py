"""The service as one would write it in five minutes: FastAPI, pandas and scikit-learn. No rule, no policy, no figures.

`plain_app.py PIPELINE PORT`. It is asynchronous, for that costs less than a thread for each request.
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


class Asked(BaseModel):
    """Patients, each with the thirty measurements by name."""

    patients: list[dict[str, float]]


@app.post("/predict")
async def predict(asked: Asked) -> dict[str, list[float]]:
    """Answer with P(malignant) of each patient."""
    frame = pd.DataFrame(asked.patients)[pipeline.feature_names_in_]
    return {"probabilities": pipeline.predict_proba(frame)[:, 1].tolist()}


uvicorn.run(app, port=int(port))
