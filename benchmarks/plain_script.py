"""The same five steps as a plain script, which `wdbc run` is compared with: `plain_script.py FOLDER`.

It validates and draws nothing, keeps no versions, and overwrites its results. Its candidate is that of the
small grid of the recipe `logistic`.
"""

import json
import sys
from pathlib import Path

import pandas as pd
import skops.io
from sklearn import metrics
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

features, benign = load_breast_cancer(return_X_y=True, as_frame=True)
features.assign(diagnosis=1 - benign).to_csv(folder / "raw.csv", index=False)

frame = pd.read_csv(folder / "raw.csv")
frame.to_parquet(folder / "clean.parquet")

tables = train_test_split(
    frame.drop(columns="diagnosis"), frame["diagnosis"], test_size=0.2, random_state=42, stratify=frame["diagnosis"]
)
for name, table in zip(("X_train", "X_test", "y_train", "y_test"), tables, strict=True):
    pd.DataFrame(table).to_parquet(folder / f"{name}.parquet")
X_train, X_test, y_train, y_test = tables

search = GridSearchCV(
    Pipeline(
        [
            ("scale", StandardScaler()),
            ("logistic", LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8, random_state=42)),
        ]
    ),
    {"logistic__C": [1.0]},
    cv=StratifiedKFold(5),
    scoring="neg_log_loss",
    error_score="raise",
).fit(X_train, y_train)
skops.io.dump(search.best_estimator_, folder / "pipeline.skops")

probability = search.predict_proba(X_test)[:, 1]
predicted = (probability > 0.5).astype(int)
results = {
    "accuracy": metrics.accuracy_score(y_test, predicted),
    "precision": metrics.precision_score(y_test, predicted),
    "recall": metrics.recall_score(y_test, predicted),
    "f1": metrics.f1_score(y_test, predicted),
    "roc_auc": metrics.roc_auc_score(y_test, probability),
    "pr_auc": metrics.average_precision_score(y_test, probability),
    "log_loss": metrics.log_loss(y_test, probability),
    "brier": metrics.brier_score_loss(y_test, probability),
    "confusion_matrix": metrics.confusion_matrix(y_test, predicted).tolist(),
    "classification_report": metrics.classification_report(y_test, predicted, output_dict=True),
}
(folder / "metrics.json").write_text(json.dumps(results, indent=2))
