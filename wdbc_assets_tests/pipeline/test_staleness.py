"""Freshness: every reason for which an asset would run is reported, and without a reason it does not run."""

import hashlib
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.pipeline import code_versions, specs, staleness
from wdbc_assets.store import paths
from wdbc_assets.store.store import NeverMade, Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "results"), relative_to=tmp_path)


def make_all(store: Store, source: Path) -> None:
    """Fill a store with manifests as a run would leave them; what the values are does not matter here."""
    chosen = settings.load()
    made: dict[str, str] = {}
    for asset, derivation in specs.ASSETS.items():
        content = source.read_bytes() if asset == "raw_data" else asset.encode()
        parameters = staleness.resolved(asset, chosen, {})
        draft = store.draft(
            asset,
            content,
            run_id="run-1",
            inputs={name: made[name] for name in derivation.inputs},
            parameters=parameters,
            code_version=code_versions.code_version(asset, parameters),
            origin={"sha256": hashlib.sha256(content).hexdigest()} if asset == "raw_data" else None,
        )
        store.commit(draft, run_id="run-1")
        made[asset] = draft.manifest.version


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "wdbc.data"
    path.write_text("1,M\n")
    monkeypatch.setenv("WDBC_SOURCE", str(path))
    return path


def reasons(store: Store) -> dict[str, tuple[str, ...]]:
    return {state.asset: state.reasons for state in staleness.assess(store, settings.load())}


def test_an_empty_store_was_never_made(store: Store) -> None:
    assert set(reasons(store).values()) == {("never made",)}


def test_what_matches_its_manifest_is_up_to_date(store: Store, source: Path) -> None:
    make_all(store, source)
    assert set(reasons(store).values()) == {()}


def test_a_changed_parameter_is_reported_with_both_values_and_what_follows_waits(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_all(store, source)
    monkeypatch.setenv("WDBC_TEST_SIZE", "0.3")
    found = reasons(store)
    assert found["clean_frame"] == ()
    assert found["train_test_split"] == ("configuration test_size 0.2 -> 0.3",)
    assert found["fitted_pipeline"] == ("train_test_split would run first",)


def test_a_changed_input_is_reported_with_both_versions(store: Store, source: Path) -> None:
    make_all(store, source)
    before = store.handle("clean_frame").manifest
    store.commit(store.draft("clean_frame", b"other", run_id="run-2", inputs=before.inputs), run_id="run-2")
    after = store.handle("clean_frame").manifest
    assert reasons(store)["train_test_split"] == (
        f"input clean_frame changed {before.version[:12]} -> {after.version[:12]}",
    )


def test_changed_code_is_reported(store: Store, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_all(store, source)
    before = code_versions.code_version("metrics")
    monkeypatch.setattr(code_versions, "code_version", lambda asset, *_: "0123" if asset == "metrics" else before)
    assert f"code changed {before} -> 0123" in reasons(store)["metrics"]


def test_a_changed_file_of_the_source_is_reported(store: Store, source: Path) -> None:
    make_all(store, source)
    source.write_text("1,B\n")
    (reason,) = reasons(store)["raw_data"]
    assert reason.startswith("source content changed ")


def test_a_source_that_is_gone_is_reported_and_is_no_crash(store: Store, source: Path) -> None:
    make_all(store, source)
    source.unlink()
    (reason,) = reasons(store)["raw_data"]
    assert str(source) in reason


@pytest.mark.fault("F05")
def test_a_damaged_file_is_a_reason(store: Store, source: Path, tmp_path: Path) -> None:
    make_all(store, source)
    (stored,) = (tmp_path / "results/metrics/versions").glob("*/*")
    stored.write_bytes(b"")
    assert reasons(store)["metrics"] == ("stored file of metrics was altered: its digest does not match the manifest",)


@pytest.mark.fault("F06")
def test_a_damaged_pointer_is_a_reason(store: Store, source: Path, tmp_path: Path) -> None:
    make_all(store, source)
    (tmp_path / "results/metrics/current.json").write_bytes(b"{}")
    assert reasons(store)["metrics"] == ("the pointer is damaged: its content does not match its digest",)


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        (("fitted_pipeline", "cross_validation"), "Run `wdbc run` and `wdbc evaluate`, then `wdbc promote`."),
        (("cross_validation",), "Run `wdbc evaluate`, then `wdbc promote`."),
        ((), "Run `wdbc promote` first."),
    ],
)
def test_without_a_champion_the_hint_names_the_missing_commands_in_order(
    store: Store, source: Path, missing: tuple[str, ...], hint: str
) -> None:
    make_all(store, source)
    for asset in ("champion", *missing):
        store.backend.remove(paths.pointer(asset))
    with pytest.raises(NeverMade) as error:
        staleness.require_made(store, "champion")
    assert error.value.hint == hint
