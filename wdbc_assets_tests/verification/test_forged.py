"""Manual changes inside the store are reported, even if all digests were updated."""

import json
from pathlib import Path

import pytest

from wdbc_assets.store import codecs
from wdbc_assets_tests import builders
from wdbc_assets_tests.verification import forging
from wdbc_assets_tests.verification.conftest import Verify
from wdbc_assets_tests.verification.found import changed_values, verdicts


@pytest.mark.fault("T08")
@pytest.mark.parametrize(
    ("asset", "name"),
    [
        ("raw_data", "wdbc.data"),
        ("clean_frame", "clean_frame.parquet"),
        ("train_test_split", "y_test.parquet"),
        ("fitted_pipeline", "pipeline.skops"),
        ("fitted_pipeline", "search.json"),
        ("metrics", "metrics.json"),
    ],
)
def test_one_flipped_bit_of_a_stored_file_is_the_only_thing_reported(
    verify: Verify, folder: Path, asset: str, name: str
) -> None:
    forging.flip(forging.stored(folder, asset, name))
    found = verify()
    assert {name for name, finding in found.items() if finding.verdict == "diverged"} == {asset}
    assert set(verdicts(found)) == {"same", "diverged"}
    (cause,) = found[asset].causes
    assert (cause.kind, cause.name) == ("stored file", name)
    assert "was altered: its digest does not match the manifest" in cause.now
    assert [difference.file for difference in found[asset].differences] == [name]
    assert found[asset].derived == forging.pointer(folder, asset)["version"]


@pytest.mark.fault("T08")
def test_a_missing_file_is_reported(verify: Verify, folder: Path) -> None:
    forging.stored(folder, "train_test_split", "X_test.parquet").unlink()
    found = verify()
    assert [str(cause) for cause in found["train_test_split"].causes] == ["stored file X_test.parquet is missing"]
    assert found["metrics"].verdict == "same"


def better(folder: Path) -> bytes:
    metrics = json.loads(forging.stored(folder, "metrics", "metrics.json").read_bytes())
    metrics["recall"]["value"] = 1.0
    return codecs.to_json(metrics)


@pytest.mark.fault("T08")
def test_an_altered_metric_is_reported_with_both_values(verify: Verify, folder: Path) -> None:
    forging.stored(folder, "metrics", "metrics.json").write_bytes(better(folder))
    found = verify()["metrics"]
    assert [cause.name for cause in found.causes] == ["metrics.json"]
    assert changed_values(found) == {"recall.value": (1.0, 40 / 42)}


@pytest.mark.fault("T08")
@pytest.mark.parametrize("everywhere", [True, False], ids=["in every manifest", "only in the pointer"])
def test_an_altered_metric_with_updated_digests_is_reported_with_both_values(
    verify: Verify, folder: Path, everywhere: bool
) -> None:
    forging.forge(folder, "metrics", "metrics.json", better(folder), everywhere=everywhere)
    found = verify()
    assert verdicts(found) == ["same"] * 4 + ["diverged"]
    assert found["metrics"].causes[-1].kind == "stored file"
    assert found["metrics"].causes[-1].name == "metrics.json"
    assert [cause.name for cause in found["metrics"].causes[:-1]] == ([] if everywhere else ["current.json"])
    assert changed_values(found["metrics"]) == {"recall.value": (1.0, 40 / 42)}


@pytest.mark.fault("T08")
def test_facts_that_only_the_manifest_states_are_verified_as_well(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "clean_frame", lambda plain: plain.update(rows=600))
    found = verify()
    assert [str(cause) for cause in found["clean_frame"].causes] == [
        "stored file current.json states rows 600 instead of 569"
    ]
    assert verdicts(found) == ["same", "diverged", "same", "same", "same"]


@pytest.mark.fault("T08")
def test_an_added_file_with_updated_digests_is_reported(verify: Verify, folder: Path) -> None:
    forging.forge(folder, "metrics", "better.json", b"{}")
    found = verify()["metrics"]
    assert [(cause.kind, cause.name) for cause in found.causes] == [("stored file", "better.json")]
    assert found.differences[0].what == "is no longer derived"


@pytest.mark.fault("T08")
def test_an_altered_cell_is_reported_and_later_assets_use_their_own_inputs(verify: Verify, folder: Path) -> None:
    path = forging.stored(folder, "clean_frame", "clean_frame.parquet")
    frame = codecs.from_parquet(path.read_bytes())
    frame["area_worst"] += [float(row == 4) for row in range(len(frame))]
    forging.forge(folder, "clean_frame", "clean_frame.parquet", codecs.to_parquet(frame))
    found = verify()
    assert verdicts(found) == ["same", "diverged", "same", "same", "same"]
    assert found["clean_frame"].differences[0].cells == ((5, "area_worst"),)
    assert found["clean_frame"].causes[0].kind == "stored file"


@pytest.mark.fault("T08")
def test_altered_raw_bytes_are_not_reported_as_a_change_of_the_source(verify: Verify, folder: Path) -> None:
    forging.forge(folder, "raw_data", "wdbc.data", builders.published_with((3, "radius_mean", "19.7")))
    found = verify()
    assert [(cause.kind, cause.name) for cause in found["raw_data"].causes] == [("stored file", "wdbc.data")]
    assert found["raw_data"].differences[0].cells == ((3, "radius_mean"),)
    assert verdicts(found)[1:] == ["same"] * 4


@pytest.mark.fault("T08")
def test_a_forged_metric_is_reported_even_if_a_setting_has_changed_too(
    verify: Verify, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forging.forge(folder, "metrics", "metrics.json", better(folder))
    monkeypatch.setenv("WDBC_CONFIDENCE", "0.9")
    assert [cause.kind for cause in verify()["metrics"].causes] == ["configuration", "stored file"]
