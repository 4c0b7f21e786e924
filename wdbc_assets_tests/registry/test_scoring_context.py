"""What holds in production when a batch is scored: the model before the champion, if it can score, and the policy."""

import shutil
from pathlib import Path

import pytest

from wdbc_assets.registry import referral, scoring_context
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store
from wdbc_assets_tests import champions
from wdbc_assets_tests.registry.promotions import decision


def promote_as(store: Store, value: object, fit: str, *, action: str = "promoted") -> str:
    """Promote a bundle, or bytes in place of one, as that of a fitted pipeline, and return its version."""
    registry = open_registry(store)
    draft = store.draft("champion", value, run_id="run-1", inputs={"fitted_pipeline": fit * 64})
    registry.promote(draft, decision(), expected=registry.standing().version, action=action)
    return draft.manifest.version


def test_the_model_before_the_champion_is_opened(local: Store) -> None:
    earlier = promote_as(local, champions.bundle(), "a")
    found = scoring_context.current(local, promote_as(local, b"newer", "b"))
    assert found.problem == ""
    assert found.previous is not None
    assert found.previous.version == earlier
    assert not found.refers_everyone


def test_the_first_champion_has_no_model_before_it(local: Store) -> None:
    found = scoring_context.current(local, promote_as(local, b"first", "a"))
    assert (found.previous, found.problem) == (None, "")


def test_another_policy_is_not_another_model(local: Store) -> None:
    earlier = promote_as(local, champions.bundle(), "a")
    promote_as(local, b"newer", "b")
    champion = promote_as(local, b"newer, recalibrated", "b", action="policy promoted")
    previous = scoring_context.current(local, champion).previous
    assert previous is not None
    assert previous.version == earlier


@pytest.mark.parametrize("damage", ["removed", "altered", "no bundle"])
def test_a_model_that_cannot_be_opened_is_said_and_is_no_error(local: Store, folder: Path, damage: str) -> None:
    earlier = promote_as(local, b"no bundle" if damage == "no bundle" else champions.bundle(), "a")
    champion = promote_as(local, b"newer", "b")
    files = folder / "champion" / "versions" / earlier
    if damage == "removed":
        shutil.rmtree(files)
        (folder / "champion" / "promoted" / f"{earlier}.json").unlink()
    elif damage == "altered":
        (files / "policy.json").write_bytes(b"{}")
    found = scoring_context.current(local, champion)
    assert found.previous is None
    assert found.problem


def test_a_champion_that_was_replaced_meanwhile_has_no_model_before_it(local: Store) -> None:
    earlier = promote_as(local, b"first", "a")
    promote_as(local, b"newer", "b")
    found = scoring_context.current(local, earlier)
    assert found.previous is None
    assert "is no longer the champion" in found.problem


def test_the_policy_refer_everyone_is_applied_to_the_champion(local: Store) -> None:
    champion = promote_as(local, champions.bundle(), "a")
    served, referred = referral.open_champion(local)
    assert (served.refers_everyone, referred) == (False, None)
    referral.switch(open_registry(local), decision(), on=True)
    served, referred = referral.open_champion(local)
    assert served.refers_everyone
    assert referred is not None
    assert scoring_context.current(local, champion).refers_everyone
