"""The table of assets is complete, and all else follows from it: an asset that a test adds works like the others."""

import dataclasses
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.rules.base import ResultRule, Rule
from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets.orchestration import assets
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import calls, code_versions, specs, staleness
from wdbc_assets.presentation.plots import Image
from wdbc_assets.presentation.report.pictures import Picture, draw_all
from wdbc_assets.store.store import open_store

PATHS = ("function", "rules", "validate", "describe", "columns", "plots", "sample")


def class_counts(clean_frame: pd.DataFrame) -> dict[str, int]:
    """The number of patients of each class."""
    return {"malignant": int(clean_frame["diagnosis"].sum()), "benign": int((1 - clean_frame["diagnosis"]).sum())}


RULES = (Rule("both_classes_occur", "Both classes occur.", "Use a table with both classes."),)


def validate(value: dict[str, int], _: Mapping[str, Any]) -> list[Finding]:
    """Validate the counts."""
    passed = all(value.values())
    return [Finding("both_classes_occur", passed=passed, blocking=True, summary="holds", count=int(not passed))]


def describe(value: dict[str, int]) -> dict[str, Any]:
    """Describe the counts."""
    return {"malignant": value["malignant"]}


def plots(value: dict[str, int]) -> list[Picture]:
    """Draw the counts."""
    return [Picture("class-counts", "Patients of each class", Image("text/plain", str(value).encode()))]


@pytest.mark.parametrize("asset", list(specs.ASSETS))
def test_every_entry_is_complete_and_names_what_exists(asset: str) -> None:
    spec = specs.ASSETS[asset]
    resolved = {name: pkgutil.resolve_name(path) for name in PATHS if (path := getattr(spec, name))}
    assert resolved["function"].__name__ == asset
    assert inspect.getdoc(resolved["function"])
    assert all(path.is_file() for path in code_versions.closure(asset))
    assert spec.validate or spec.promoted or all(isinstance(rule, ResultRule) for rule in resolved["rules"])
    assert all(job in specs.JOBS for job in spec.jobs)


@pytest.mark.parametrize("asset", list(specs.ASSETS))
def test_a_function_takes_the_inputs_of_its_entry_and_what_a_call_can_give(asset: str) -> None:
    spec = specs.ASSETS[asset]
    taken = set(inspect.signature(pkgutil.resolve_name(spec.function)).parameters)
    given = set(inspect.signature(calls.call).parameters) - {"asset", "inputs"}
    inputs = taken - given
    assert inputs <= set(spec.inputs)
    assert inputs == set(spec.inputs) or spec.promoted  # the gate reads the evidence about a champion
    assert ("parameters" in taken) == (spec.parameters is not None)


def test_inputs_stand_before_the_assets_that_use_them() -> None:
    names = list(specs.ASSETS)
    assert all(names.index(name) < names.index(asset) for asset, spec in specs.ASSETS.items() for name in spec.inputs)


def test_an_added_asset_is_materialized_validated_described_drawn_and_goes_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = __name__
    spec = dataclasses.replace(
        specs.ASSETS["exploration"],
        function=f"{here}:class_counts",
        rules=f"{here}:RULES",
        validate=f"{here}:validate",
        describe=f"{here}:describe",
        plots=f"{here}:plots",
    )
    monkeypatch.setitem(specs.ASSETS, "class_counts", spec)
    added = assets.asset("class_counts")
    definitions = dg.Definitions.merge(defs, dg.Definitions(assets=[added]))
    names = ["raw_data", "clean_frame", "class_counts"]
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(name) for name in names]
        )
    (event,) = result.asset_materializations_for_node("class_counts")
    assert event.metadata["malignant"].value == 212
    (check,) = [one for one in result.get_asset_check_evaluations() if one.asset_key == dg.AssetKey("class_counts")]
    assert (check.check_name, check.passed) == ("both_classes_occur", True)

    config = settings.load()
    store = open_store(config.storage, relative_to=settings.project_root())
    assert store.handle("class_counts").load() == {"malignant": 212, "benign": 357}
    (status,) = staleness.assess(store, config, assets=["class_counts"])
    assert status.up_to_date
    assert list(draw_all({"class_counts": {"malignant": 1}})) == ["class-counts"]

    other = dataclasses.replace(spec, function=f"{here}:describe")
    monkeypatch.setitem(specs.ASSETS, "class_counts", other)
    code_versions.digest.cache_clear()
    (status,) = staleness.assess(store, config, assets=["class_counts"])
    assert [reason.partition(" ")[0] for reason in status.reasons] == ["code"]
    code_versions.digest.cache_clear()
