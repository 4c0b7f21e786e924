"""The launchpad: choices are listed, and a value that a run would refuse is refused before there is a run."""

from typing import Any

import dagster as dg
import pytest

from wdbc_assets.orchestration.definitions import defs


def refusal(asset: str, **values: Any) -> str:
    """The error for a run configuration, and a check that no run was created."""
    job = defs.resolve_job_def("train" if asset != "cross_validation" else "evaluate")
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(dg.DagsterInvalidConfigError) as error:
            job.execute_in_process(instance=instance, run_config={"ops": {asset: {"config": values}}})
        assert not instance.get_runs()
    return str(error.value)


@pytest.mark.parametrize(
    ("asset", "values", "named"),
    [
        ("fitted_pipeline", {"recipe": "random_forest"}, "random_forest"),
        ("fitted_pipeline", {"grid": "huge"}, "huge"),
        ("cross_validation", {"protocol": "slow"}, "slow"),
        ("cross_validation", {"evaluated_recipes": "logistic,forest"}, "unknown recipe"),
        ("train_test_split", {"test_size": 5.0}, "Input should be less than 1"),
        ("train_test_split", {"split_seed": -1}, "Input should be greater than or equal to 0"),
        ("fitted_pipeline", {"folds": 1}, "Input should be greater than or equal to 2"),
        ("metrics", {"confidence": "much"}, "much"),
        ("metrics", {"bootstrapp": 100}, "bootstrapp"),
    ],
)
def test_a_wrong_value_is_refused_before_launch_with_its_place(asset: str, values: dict[str, Any], named: str) -> None:
    text = refusal(asset, **values)
    assert named in text
    assert f"root:ops:{asset}:config" in text


@pytest.mark.parametrize(
    "values", [{"recipe": "svc", "grid": "small", "folds": 2}, {"search_seed": 0}, {"recipe": "airflow_baseline"}]
)
def test_a_valid_value_is_accepted_as_it_is(values: dict[str, Any]) -> None:
    result = dg.validate_run_config(defs.resolve_job_def("train"), {"ops": {"fitted_pipeline": {"config": values}}})
    assert result["ops"]["fitted_pipeline"]["config"] == values


def test_the_launchpad_lists_the_recipes() -> None:
    schema = defs.resolve_job_def("train").run_config_schema.config_type.schema_snapshot
    enum = schema.get_config_snap("recipe")
    assert [value.value for value in enum.enum_values or ()] == [
        "airflow_baseline", "pca_logistic", "logistic", "spline", "svc", "stacking", "blend",
    ]  # fmt: skip
