"""The policy "refer everyone" in the service: in every answer, and on until an intact history says otherwise."""

from pathlib import Path

import pytest

from wdbc_assets.registry import referral
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import schemas
from wdbc_assets.serving.models.champion import OK, ChampionLoader
from wdbc_assets.store import paths
from wdbc_assets.store.store import Store
from wdbc_assets_tests import champions as bundles
from wdbc_assets_tests.registry.promotions import decision, promote
from wdbc_assets_tests.serving import champions, running

ONE = {"patients": [schemas.EXAMPLE]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a champion that can be served."""
    store = champions.store_in(tmp_path)
    promote(store, bundles.bundle())
    return store


def switch(store: Store, *, on: bool) -> None:
    referral.switch(open_registry(store), decision(reason="an instrument is broken"), on=on)


def test_every_answer_the_model_and_the_metrics_say_that_everyone_is_referred(tmp_path: Path, store: Store) -> None:
    switch(store, on=True)
    with running.serving(tmp_path) as service:
        answer = service.ask("/v1/predict", ONE).json
        assert (answer["policy"], answer["predictions"][0]["triage"]) == ("refer everyone", "refer")
        stated = service.ask("/v1/model").json["refers_everyone"]
        assert stated["reason"] == "an instrument is broken"
        assert stated["since"].startswith("20")
        assert "wdbc_service_refers_everyone 1.0" in service.ask("/metrics").body.decode()
        switch(store, on=False)
        service.until(lambda: service.ask("/v1/predict", ONE).json["policy"] == "prediction set")
        plain = service.ask("/v1/predict", ONE).json["predictions"][0]
        assert plain["triage"] == "benign"
        assert plain["probability"] == answer["predictions"][0]["probability"]
        assert service.ask("/v1/model").json["refers_everyone"] is None


def test_it_is_known_before_the_first_champion_is_in_service(store: Store) -> None:
    switch(store, on=True)
    loader = ChampionLoader(store)
    loader.poll()
    assert loader.loaded is not None
    assert loader.referral is not None


def test_it_stays_on_until_the_model_that_ends_it_is_in_service(store: Store) -> None:
    switch(store, on=True)
    loader = ChampionLoader(store)
    loader.poll()
    promote(store, b"no bundle")
    loader.poll()
    assert loader.refresh != OK
    assert loader.referral is not None
    assert telemetry.REFERS_EVERYONE.collect()[0].samples[0].value == 1
    promote(store, bundles.bundle())
    loader.poll()
    assert (loader.refresh, loader.referral) == (OK, None)


@pytest.mark.parametrize("damage", ["altered", "removed"])
def test_a_damaged_history_does_not_end_it(tmp_path: Path, store: Store, damage: str) -> None:
    switch(store, on=True)
    loader = ChampionLoader(store)
    loader.poll()
    for name in (paths.HISTORY, paths.HISTORY_HEAD):
        path = tmp_path / "results" / name
        path.write_bytes(path.read_bytes().replace(b"refer", b"r3fer").replace(b'"entries": 2', b'"entries": 3'))
        if damage == "removed":
            path.unlink()
    loader.poll()
    assert loader.referral is not None
