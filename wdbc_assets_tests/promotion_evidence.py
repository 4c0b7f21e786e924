"""Evidence for tests of promotion, put into a store without judging a fold: predictions made for the purpose."""

import pandas as pd

from wdbc_assets.domain.evaluation import comparison
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.pipeline import code_versions
from wdbc_assets.store.store import Store
from wdbc_assets_tests import retrained
from wdbc_assets_tests.domain import out_of_fold, published


def put_evidence(store: Store, asset: str = "cross_validation", of: str = "clean_frame", /, **losses: float) -> None:
    """Let each recipe have been evaluated, with so much more log-loss on each patient than a good one."""
    predictions = pd.concat(
        [out_of_fold.with_loss(out_of_fold.honest(), more).assign(recipe=recipe) for recipe, more in losses.items()],
        ignore_index=True,
    )
    value = CrossValidation(predictions, (), comparison.summary(predictions, published.frame()))
    parameters = {"protocol": "quick", "evaluated_recipes": ",".join(losses)}
    _put(store, asset, of, value, parameters)


def put_labelled_evidence(store: Store, **losses: float) -> None:
    """Let each recipe have been evaluated on the labelled patients, too, which are put into the store."""
    table = retrained.patients(count=2)
    draft = store.draft(
        "labelled_patients",
        table,
        run_id="labelled",
        inputs={"clean_frame": store.handle("clean_frame").manifest.version},
    )
    assert store.commit(draft, run_id="labelled")
    put_evidence(store, "labelled_cross_validation", "labelled_patients", **losses)


def _put(store: Store, asset: str, of: str, value: CrossValidation, parameters: dict[str, str]) -> None:
    draft = store.draft(
        asset,
        value,
        run_id="evaluation",
        inputs={of: store.handle(of).manifest.version},
        parameters=parameters,
        code_version=code_versions.code_version(asset, parameters),
    )
    assert store.commit(draft, run_id=draft.manifest.run_id)
