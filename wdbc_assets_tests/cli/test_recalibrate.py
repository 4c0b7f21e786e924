"""`wdbc recalibrate` and `wdbc promote --policy` as people type them: real processes, store and history."""

import json
from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets.store.store import Store
from wdbc_assets_tests import builders
from wdbc_assets_tests.cli.test_promote import champion, entries, promoted_once, store, with_candidate
from wdbc_assets_tests.cli.test_run import wdbc
from wdbc_assets_tests.promotion_evidence import put_evidence

__all__ = ["promoted_once", "store"]  # fixtures


@pytest.mark.parametrize(
    ("prevalence", "message"),
    [
        ("0", "0.0 is not in the range 0<x<1"),
        ("1", "1.0 is not in the range 0<x<1"),
        ("10", "10.0 is not in the range 0<x<1"),
        ("nan", "nan is not a number"),
        ("ten", "'ten' is not a valid float"),
        ("", "'' is not a valid float"),
    ],
)
def test_a_prevalence_that_is_none_is_wrong_usage(prevalence: str, message: str) -> None:
    refused = wdbc("recalibrate", "--prevalence", prevalence)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr


def test_a_policy_is_promoted_alone_and_with_a_reason() -> None:
    for options, message in (
        (["--policy", "abc"], "--policy requires --reason"),
        (["--policy", "abc", "--reason", " "], "--policy requires --reason"),
        (["--policy", "abc", "--force", "--reason", "x"], "--policy and --force cannot be combined"),
        (["fed", "--policy", "abc", "--reason", "x"], "--policy and CANDIDATE cannot be combined"),
    ):
        refused = wdbc("promote", *options)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert message in refused.stderr


def test_without_a_champion_both_say_how_to_get_one() -> None:
    for command in (["recalibrate", "--prevalence", "0.1"], ["promote", "--policy", "abc", "--reason", "x"]):
        refused = wdbc(*command)
        assert refused.returncode == 1
        assert "no champion has been promoted yet" in refused.stderr
        assert "then `wdbc promote`" in refused.stderr


@pytest.mark.slow
@pytest.mark.nightly
def test_a_policy_for_another_prevalence_from_its_making_to_the_next_champion(store: Store, tmp_path: Path) -> None:
    patients = tmp_path / "wdbc.data"
    patients.write_bytes(builders.bundled_uci_bytes())
    assert wdbc("predict", str(patients), str(tmp_path / "before.csv")).returncode == 0
    before = store.current("champion")
    assert before is not None

    made = wdbc("recalibrate", "--prevalence", "0.1")
    assert made.returncode == 0, made.stderr
    assert "recalibrated from a prevalence of 37.4 % (training set) to 10 %: -1.6805 in log-odds" in made.stdout
    assert "is stored, and serves nobody yet" in made.stdout
    assert store.current("champion") == before
    version = made.stdout.split("promote --policy ")[1].split()[0]
    plain = json.loads(wdbc("recalibrate", "--prevalence", "0.1", "--json").stdout)
    assert plain["policy"].startswith(version)
    assert not plain["in_production"]
    assert plain["recalibration"]["offset"] == pytest.approx(-1.6805, abs=1e-4)
    assert plain["recalibration"]["ppv"]["value"] < 0.7
    assert plain["recalibration"]["warning"] is None
    warned = wdbc("recalibrate", "--prevalence", "0.005")
    assert warned.returncode == 0
    assert "warning: a prevalence of 0.5 % is far from the 37.4 % of the training set" in warned.stdout
    refused = wdbc("recalibrate", "--prevalence", "0.0001")
    assert refused.returncode == 1
    assert "is not between 0.001 and 0.999" in refused.stderr

    dry = wdbc("promote", "--policy", version, "--dry-run")
    assert (dry.returncode, store.current("champion")) == (0, before), dry.stderr
    promoted = wdbc("promote", "--policy", version, "--reason", "a screening clinic", WDBC_ACTOR="bob")
    assert promoted.returncode == 0, promoted.stderr
    assert f"with the policy {version} is in production" in promoted.stdout
    again = wdbc("promote", "--policy", version, "--reason", "a screening clinic")
    assert "is already in production: nothing to do" in again.stdout
    entry = entries()[-1]
    assert (entry["action"], entry["actor"], entry["reason"]) == ("policy promoted", "bob", "a screening clinic")
    assert (entry["policy"]["prevalence"], entry["policy"]["trained"]) == (0.1, 170 / 455)
    assert len(entries()) == 2
    assert "policy for 10 % malignant: a screening clinic" in wdbc("history", "--verify").stdout
    shown = "probabilities are for a prevalence of 10 %, not the 37.4 % of the training set"
    assert shown in wdbc("champion").stdout
    assert shown in wdbc("status").stdout
    assert json.loads(wdbc("status", "--json").stdout)["production"]["policy"] == entry["policy"]
    found = champion()
    assert (found["problems"], found["champion"]["policy"]) == ([], entry["policy"])
    assert found["champion"]["verdict"] == "first"
    assert found["candidate"]["is_champion"]

    scored = wdbc("predict", str(patients), str(tmp_path / "after.csv"))
    assert "prevalence 10 %, to which the probabilities were recalibrated from 37.4 %" in scored.stderr
    old, new = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("before", "after"))
    assert len(old) == 569
    assert (old["triage"] == new["triage"]).all()
    assert (old["above_threshold"] == new["above_threshold"]).all()
    assert (new["probability"] <= old["probability"]).all()
    assert (new["probability"] < old["probability"]).mean() > 0.9
    verified = wdbc("verify", "champion", "--json")
    (asset,) = [one for one in json.loads(verified.stdout)["assets"] if one["asset"] == "champion"]
    assert asset["verdict"] == "same"

    already = wdbc("promote")
    assert already.returncode == 0
    assert shown in already.stdout
    with_candidate("airflow_baseline")
    refused = wdbc("shadow", "start", "--share", "0.1")
    assert "must not serve patients" in refused.stderr
    measured = wdbc("promote", "--dry-run")
    assert measured.returncode == 3, measured.stderr
    assert "verdict: worse" in measured.stdout
    recipe = found["champion"]["recipe"]
    put_evidence(store, **{recipe: 0.001, "airflow_baseline": 0.0})
    better = wdbc("promote")
    assert better.returncode == 0, better.stdout + better.stderr
    assert "warning: the champion's policy was recalibrated for a prevalence of 10 %" in better.stdout
    assert "wdbc recalibrate --prevalence 0.1" in better.stdout
    refused = wdbc("promote", "--policy", version, "--reason", "of the old model")
    assert refused.returncode == 1
    assert "belongs to another model" in refused.stderr

    back = wdbc("rollback", "--reason", "one step")
    assert back.returncode == 0, back.stderr
    assert shown in back.stdout
    assert entries()[-1]["policy"] == entry["policy"]
    assert wdbc("rollback", "--reason", "two steps").returncode == 0
    assert store.current("champion") == before
    assert shown not in wdbc("champion").stdout
