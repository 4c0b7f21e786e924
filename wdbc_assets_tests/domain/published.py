"""The published patients as scikit-learn ships them, split 455 to 114 as the reference project did."""

from functools import cache
from typing import NamedTuple

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from wdbc_assets.domain.data import contract


class PublishedSplit(NamedTuple):
    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: pd.Series
    y_test: pd.Series


@cache
def split() -> PublishedSplit:
    """The split by seed 42; scikit-learn codes benign as 1, we code malignant as 1."""
    bundled = load_breast_cancer()
    X = pd.DataFrame(bundled.data, columns=list(contract.FEATURES))
    y = pd.Series(1 - bundled.target, name=contract.DIAGNOSIS)
    return PublishedSplit(*train_test_split(X, y, test_size=0.2, stratify=y, random_state=42))


def frame() -> pd.DataFrame:
    """The clean frame: diagnosis and measurements of all patients, in the published order."""
    parts = split()
    diagnosis = pd.concat([parts.y_train, parts.y_test]).sort_index()
    measurements = pd.concat([parts.X_train, parts.X_test]).sort_index()
    return measurements.assign(**{contract.DIAGNOSIS: diagnosis})[[contract.DIAGNOSIS, *contract.FEATURES]]
