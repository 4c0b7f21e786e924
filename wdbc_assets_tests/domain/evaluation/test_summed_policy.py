"""The decision policy of a table in partitions is that of the whole table."""

import pytest

from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.evaluation import policy_derivation, summed_policy
from wdbc_assets.domain.modeling import fitting, summed_fit
from wdbc_assets.store import parsing
from wdbc_assets_tests.domain.partitioned import cuts, patients_in
from wdbc_assets_tests.domain.validation import clean_frame


@pytest.mark.parametrize("recipe", ["logistic", "spline"])
def test_the_policy_is_that_of_the_local_engine(recipe: str) -> None:
    frame = clean_frame()
    table = patients_in(frame, cuts(569, 3))
    fit = summed_fit.search(table, recipe=recipe, grid="small").fit()
    ours = summed_policy.derive(table, fit, folds=5)

    split = splitting.split(frame, method="hash")
    local = fitting.fit(split.X_train, split.y_train, recipe=recipe, grid="small", method="hash")
    theirs = policy_derivation.derive(split, local, folds=5)
    assert _numbers(ours) == pytest.approx(_numbers(theirs), abs=1e-6)


def _numbers(policy: object) -> dict[str, float]:
    found: dict[str, float] = {}

    def visit(value: object, place: str) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                visit(item, f"{place}.{name}")
        elif isinstance(value, list):
            for number, item in enumerate(value):
                visit(item, f"{place}.{number}")
        elif isinstance(value, int | float):
            found[place] = float(value)

    visit(parsing.plain(policy), "policy")
    return found
