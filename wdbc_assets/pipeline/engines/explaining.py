"""The importance of the measurements for a fit on a table in memory, or on one that is larger, by sums."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import contributions, summed_importance
from wdbc_assets.domain.evaluation import importance as domain
from wdbc_assets.pipeline.engines import feature_importance, large
from wdbc_assets.store.table_files import LargeSplit, TableFile

if TYPE_CHECKING:
    from wdbc_assets import settings
    from wdbc_assets.domain.data.splitting import Split
    from wdbc_assets.domain.evaluation.importance import Importance
    from wdbc_assets.domain.modeling.fitting import Fit
    from wdbc_assets.pipeline.engines.engine import Engine
    from wdbc_assets.pipeline.progress import Report
    from wdbc_assets.store.checkpoints import Checkpoints


def importance(
    frame: pd.DataFrame | TableFile,
    divided: Split | LargeSplit,
    fit: Fit,
    parameters: settings.ImportanceParameters,
    engine: Engine,
    checkpoints: Checkpoints,
    report: Report,
) -> Importance:
    """Score every fold with each cluster of measurements permuted and left out.

    Raises:
        WdbcError: as in `feature_importance.importance`; the recipe has no form by sums; or the split is of another
            table.
    """
    permutations, seed = parameters.importance_repeats, parameters.importance_seed
    if isinstance(frame, TableFile) and isinstance(divided, LargeSplit):
        with large.patients(engine, divided.train, divided.test) as patients:
            losses = summed_importance.score_folds(
                patients, fit, permutations=permutations, seed=seed, progress=partial(report, "sets of models fitted")
            )
        rows = divided.train.rows + divided.test.rows
        return domain.summarize(
            losses, fit, _linear_terms(fit, divided), patients=rows, permutations=permutations, seed=seed
        )
    if isinstance(frame, TableFile) or isinstance(divided, LargeSplit):
        raise large.of_other_tables("clean_frame", "train_test_split", command="wdbc run")
    return feature_importance.importance(
        frame,
        divided,
        fit,
        permutations=permutations,
        seed=seed,
        engine=engine,
        checkpoints=checkpoints,
        report=partial(report, "folds scored"),
    )


def _linear_terms(fit: Fit, divided: LargeSplit) -> contributions.LinearTerms | None:
    train = divided.train
    malignant = train.column(contract.DIAGNOSIS) == contract.MALIGNANT
    means, quantiles = {}, {}
    for name in contract.FEATURES:  # one column at a time is in memory
        values = train.column(name)
        means[name] = [values[~malignant].mean(), values[malignant].mean()]
        quantiles[name] = np.quantile(values, contributions.LEVELS)
    parts = chain(train.parts(contract.FEATURES), divided.test.parts(contract.FEATURES))
    return contributions.describe_sets(
        fit.pipeline, parts, means=pd.DataFrame(means), quantiles=pd.DataFrame(quantiles)
    )
