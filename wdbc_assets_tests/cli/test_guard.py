"""The guard as people meet it: a champion that is worse is rolled back by `wdbc live`, or everyone is referred."""

import json
from functools import cache
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from wdbc_assets.cli import wdbc
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import policy_derivation
from wdbc_assets.domain.modeling import fitting
from wdbc_assets.domain.promotion import bundles
from wdbc_assets.orchestration.instance import open_instance
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store
from wdbc_assets_tests import champions, monitored
from wdbc_assets_tests.cli.test_outcomes import outcomes_of, scored, typed
from wdbc_assets_tests.registry.promotions import decision

pytestmark = pytest.mark.usefixtures("inbox")


@cache
def _worse() -> bundles.Bundle:
    """Return a bundle of a model that was fitted on wrong diagnoses."""
    sets = champions.split()
    exchanged = np.random.default_rng(0).random(len(sets.y_train)) < 0.4
    fit = fitting.fit(sets.X_train, sets.y_train.where(~exchanged, 1 - sets.y_train), recipe="logistic", grid="small")
    return bundles.make(
        fit, policy_derivation.derive(sets, fit), bundles.TrainingSet.of(sets.X_train), {"fitted_pipeline": "b" * 64}
    )


@pytest.fixture
def store(environment: Path) -> Store:
    """A store in which a good champion was replaced by a worse one."""
    store = monitored.make_store(environment / "results")
    for value, fit in ((champions.bundle(), "a"), (_worse(), "b")):
        registry = open_registry(store)
        draft = store.draft("champion", value, run_id="run-1", inputs={"fitted_pipeline": fit * 64})
        registry.promote(draft, decision(), expected=registry.standing().version)
    return store


def champion(store: Store) -> str:
    return str(open_registry(store).standing().version)


def test_a_worse_champion_is_rolled_back_once_the_guard_is_on(
    store: Store, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse, earlier = champion(store), str(open_registry(store).standing().earlier[0].after)
    shown = typed("outcomes", "add", outcomes_of(scored(tmp_path, inbox), tmp_path / "outcomes.csv"))
    assert "from 60 patients that" in shown
    assert "WDBC_AUTO_ROLLBACK is off: a person rolls back at 20" in shown
    assert "rollback due: champion: E = " in CliRunner().invoke(wdbc, ["status", "--check"]).stdout
    assert champion(store) == worse
    handle = store.handle("predictions", partition=store.partitions("predictions")[-1])
    assert handle.load().previous_version == earlier
    assert handle.manifest.parameters == {"previous": earlier, "refers_everyone": False}

    monkeypatch.setenv("WDBC_AUTO_ROLLBACK", "guard")
    file = tmp_path / "results" / "champion" / "versions" / earlier / "policy.json"
    content = file.read_bytes()
    file.write_bytes(b"{}")
    failed = CliRunner().invoke(wdbc, ["live", "--json"])
    assert isinstance(failed.exception, WdbcError), "the earlier champion is damaged"
    assert json.loads(failed.stdout)["live_metrics"]["known"] == 60
    file.write_bytes(content)
    rolled_back = json.loads(typed("live", "--json"))
    assert rolled_back["champion"] == champion(store) == earlier, "what is in production after the guard has acted"
    assert rolled_back["guard"]["entry"]["reason"].startswith("E = ")
    assert "guard        rolled back" in typed("history")
    assert "rolled back: champion: " in CliRunner().invoke(wdbc, ["status", "--check"]).stdout
    with open_instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("champion"))
    assert event is not None
    assert event.asset_materialization is not None
    assert (event.asset_materialization.description or "").startswith("Rolled back by guard: E = ")


def test_after_a_rollback_by_hand_the_evidence_about_the_champion_before_is_not_shown(
    store: Store, inbox: Path, tmp_path: Path
) -> None:
    worse = champion(store)
    patients = scored(tmp_path, inbox)
    file = outcomes_of(patients, tmp_path / "outcomes.csv")
    assert f"that {worse[:12]} is worse than" in typed("outcomes", "add", file)
    typed("rollback", "--reason", "it is worse")
    shown = typed("live")
    assert f"{worse[:12]} is no longer in production; the evidence about {champion(store)[:12]} begins with" in shown
    assert "is worse than" not in shown
    assert json.loads(typed("live", "--json"))["champion"] == champion(store)
    scored(tmp_path, inbox, seed=2)
    assert "no earlier champion scored these patients" in typed("live")


def test_a_damaged_model_before_the_champion_stops_no_batch(store: Store, inbox: Path, tmp_path: Path) -> None:
    earlier = open_registry(store).standing().earlier[0].after
    (tmp_path / "results" / "champion" / "versions" / str(earlier) / "policy.json").write_bytes(b"{}")
    scored(tmp_path, inbox)
    handle = store.handle("predictions", partition=store.partitions("predictions")[-1])
    predictions = handle.load()
    assert predictions.previous_version == ""
    assert predictions.table["previous_probability"].isna().all()
    assert handle.manifest.parameters["previous"] == ""
    assert "no earlier champion scores it too" in (tmp_path / "logs" / "wdbc.jsonl").read_text()


def test_predictions_against_the_outcomes_refer_everyone_until_switched_off(
    environment: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_AUTO_ROLLBACK", "guard")
    store = monitored.make_store(environment / "results")
    patients = scored(tmp_path, inbox)
    exchanged = {str(row.id): "B" if row.diagnosis == "M" else "M" for row in patients.itertuples()}
    weeks = [f"2026-03-{1 + 7 * (number % 4):02}" for number in range(len(patients))]
    pd.read_csv(outcomes_of(patients, tmp_path / "all.csv", **exchanged)).assign(known_at=weeks).to_csv(
        tmp_path / "all.csv", index=False
    )
    assert "guard: refer all on: the predictions do not agree" in typed("outcomes", "add", str(tmp_path / "all.csv"))
    file = monitored.put(tmp_path, "new.csv", monitored.patients(40, 7))
    result = CliRunner().invoke(wdbc, ["predict", str(file), str(tmp_path / "out.csv")])
    assert "policy     every patient is referred to a person since" in result.stderr
    predicted = pd.read_csv(tmp_path / "out.csv")
    assert set(predicted["triage"]) == {"refer"}
    assert predicted["probability"].nunique() > 30
    scored(tmp_path, inbox, seed=8)
    predictions = store.handle("predictions", partition=store.partitions("predictions")[-1]).load()
    assert (set(predictions.table["triage"]), predictions.policy) == ({"refer"}, "refer everyone")
    for command in ("status", "champion"):
        shown = CliRunner().invoke(wdbc, [command])
        assert "every patient is referred to a person since" in shown.stdout
    plain = json.loads(CliRunner().invoke(wdbc, ["status", "--json"]).stdout)
    assert plain["production"]["refers_everyone"]["actor"] == "guard"
    assert "prediction sets again" in typed("refer-all", "off", "--reason", "the diagnoses were exchanged")
    CliRunner().invoke(wdbc, ["predict", str(file), str(tmp_path / "out.csv")])
    assert set(pd.read_csv(tmp_path / "out.csv")["triage"]) > {contract.OUTCOMES[0]}


def test_refer_all_by_hand_needs_a_reason_and_a_champion(tmp_path: Path) -> None:
    assert CliRunner().invoke(wdbc, ["refer-all", "on"]).exit_code == 2
    assert CliRunner().invoke(wdbc, ["refer-all", "on", "--reason", " "]).exit_code == 2
    assert CliRunner().invoke(wdbc, ["refer-all", "perhaps", "--reason", "r"]).exit_code == 2
    result = CliRunner().invoke(wdbc, ["refer-all", "on", "--reason", "r"])
    assert "no champion has been promoted yet" in str(result.exception)
    monitored.make_store(tmp_path / "results")
    assert "referred to a person from now on" in typed("refer-all", "on", "--reason", "r")
    assert "nothing was recorded" in typed("refer-all", "on", "--reason", "r")
    assert json.loads(typed("refer-all", "on", "--reason", "r", "--json")) == {"refers_everyone": True, "entry": None}
    switched = json.loads(typed("refer-all", "off", "--reason", "r", "--json"))
    assert (switched["refers_everyone"], switched["entry"]["action"]) == (False, "refer all off")
