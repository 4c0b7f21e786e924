"""Evidence for tests of promotion, put into a store without judging a fold: predictions made for the purpose."""

import pandas as pd

from wdbc_assets.domain.evaluation import comparison
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.pipeline import code_versions
from wdbc_assets.store.store import Store
from wdbc_assets_tests.domain import out_of_fold, published


def put_evidence(store: Store, **losses: float) -> None:
    """Let each recipe have been evaluated, with so much more log-loss on each patient than a good one."""
    predictions = pd.concat(
        [out_of_fold.with_loss(out_of_fold.honest(), more).assign(recipe=recipe) for recipe, more in losses.items()],
        ignore_index=True,
    )
    value = CrossValidation(predictions, (), comparison.summary(predictions, published.frame()))
    parameters = {"protocol": "quick", "evaluated_recipes": ",".join(losses)}
    draft = store.draft(
        "cross_validation",
        value,
        run_id="evaluation",
        inputs={"clean_frame": store.handle("clean_frame").manifest.version},
        parameters=parameters,
        code_version=code_versions.code_version("cross_validation", parameters),
    )
    assert store.commit(draft, run_id="evaluation")
