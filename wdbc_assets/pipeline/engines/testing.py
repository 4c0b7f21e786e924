"""The metrics of a fit on a test set in memory, or on one that is larger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation import metrics
from wdbc_assets.domain.modeling import prediction, summed_scores
from wdbc_assets.pipeline.engines import large
from wdbc_assets.store.table_files import LargeSplit

if TYPE_CHECKING:
    from wdbc_assets import settings
    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.evaluation.metrics_result import Metrics
    from wdbc_assets.domain.modeling.fitting import Fit
    from wdbc_assets.pipeline.engines.engine import Engine


def evaluate(
    divided: splitting.Split | LargeSplit, fitted: Fit, parameters: settings.MetricsParameters, engine: Engine
) -> Metrics:
    """Evaluate a fit on the test set.

    Raises:
        WdbcError: a setting is out of range, the test set has one class only, or the engine was lost.
    """
    if isinstance(divided, LargeSplit):
        with large.patients(engine, divided.test) as patients:
            y, p = summed_scores.scores(
                patients, fitted, test_size=divided.draw.test_size, split_seed=divided.draw.seed
            )
    else:
        y = np.asarray(divided.y_test, dtype=np.float64)
        p = prediction.predict(fitted.pipeline, divided.X_test)
    return metrics.evaluate(
        y, p, bootstrap=parameters.bootstrap, seed=parameters.bootstrap_seed, confidence=parameters.confidence
    )
