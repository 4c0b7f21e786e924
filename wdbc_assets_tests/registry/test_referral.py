"""The policy "refer everyone": an entry of the audit log switches it on and off, and another model ends it."""

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log, referral
from wdbc_assets.registry.audit_log import Entry, History
from wdbc_assets.registry.decision_log import Decision, DecisionLog, Superseded
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.promotions import is_consistent, promote, rollback, serving


def switch(store: Store, *, on: bool, champion: str | None = None) -> Entry | None:
    decision = Decision(actor="ada", run_id=None, reason="an instrument is broken")
    return referral.switch(open_registry(store), decision, on=on, champion=champion)


def history(store: Store) -> History:
    return open_registry(store).standing().history


def test_it_is_on_from_its_entry_until_a_person_switches_it_off(store: Store) -> None:
    champion = promote(store, b"a")
    assert referral.of_store(store) is None
    entry = switch(store, on=True)
    assert entry is not None
    found = referral.of_store(store)
    assert found == referral.Referral(entry.at, "ada", "an instrument is broken")
    assert "every patient is referred to a person since" in str(found)
    assert (entry.action, entry.before, entry.after) == (audit_log.REFER_ALL_ON, champion.after, champion.after)
    assert serving(store) == b"a", "the champion and its bundle stay"
    assert is_consistent(store)
    switch(store, on=False)
    assert referral.of_store(store) is None


def test_switching_it_twice_records_one_entry(store: Store) -> None:
    promote(store, b"a")
    assert switch(store, on=False) is None
    assert switch(store, on=True) is not None
    assert switch(store, on=True) is None
    assert len(open_registry(store).standing().history.entries) == 2


def test_a_rollback_leaves_it_on_and_another_promotion_ends_it(store: Store) -> None:
    promote(store, b"a")
    promote(store, b"b")
    switch(store, on=True)
    rollback(open_registry(store))
    assert referral.of_store(store) is not None
    assert "a promotion ends that every patient is referred" in (referral.ended(history(store)) or "")
    promote(store, b"c")
    assert referral.of_store(store) is None
    assert referral.ended(history(store)) is None


def test_it_needs_a_champion_and_the_one_that_the_decision_is_about(store: Store) -> None:
    with pytest.raises(WdbcError, match="no champion has been promoted yet"):
        switch(store, on=True)
    first = promote(store, b"a")
    promote(store, b"b")
    with pytest.raises(Superseded):
        switch(store, on=True, champion=first.after)
    assert referral.of_store(store) is None


def test_an_entry_of_a_killed_writer_takes_effect_once_it_is_completed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(store, b"a")
    with monkeypatch.context() as killed:
        killed.setattr(DecisionLog, "_complete", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            switch(store, on=True)
    assert referral.of_store(store) is None
    assert switch(store, on=True) is None, "the entry is completed first, and nothing is left to switch"
    assert referral.of_store(store) is not None
    assert is_consistent(store)
