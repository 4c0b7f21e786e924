"""Verification: what was not changed is the same, and whatever was changed is what is named."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wdbc_assets import lineage
from wdbc_assets.domain import evaluation, splitting
from wdbc_assets.storage import codecs, surroundings
from wdbc_assets.storage.store import Store
from wdbc_assets.verification import Cause, Finding, first_diverged
from wdbc_assets_tests import builders
from wdbc_assets_tests.storage.putting import snapshot
from wdbc_assets_tests.verification import forging
from wdbc_assets_tests.verification.conftest import Verify

MADE = list(lineage.JOBS["train"])


def verdicts(found: dict[str, Finding]) -> list[str]:
    return [finding.verdict for finding in found.values()]


def moved(finding: Finding) -> dict[str, tuple[Any, Any]]:
    return {
        figure.path: (figure.stored, figure.derived)
        for difference in finding.differences
        for figure in difference.figures
    }


def test_what_nobody_changed_is_the_same_and_verifying_writes_nothing(verify: Verify, folder: Path) -> None:
    before = snapshot(folder), sorted(folder.rglob("*"))
    found = verify()
    assert list(found) == MADE
    assert verdicts(found) == ["same"] * 5
    assert found["clean_frame"].compared == "569 rows x 31 columns"
    assert "pipeline.skops" in found["fitted_pipeline"].compared
    assert found["metrics"].derived == found["metrics"].passport.version  # type: ignore[union-attr]
    assert (snapshot(folder), sorted(folder.rglob("*"))) == before


@pytest.mark.fault("T09")
def test_one_changed_cell_of_the_source_is_named_with_its_line_and_column_and_without_its_value(
    verify: Verify, source: Path, folder: Path
) -> None:
    before = snapshot(folder)
    source.write_bytes(builders.published_with((22, "texture_worst", "39.2803")))
    found = verify()
    raw = found["raw_data"]
    assert first_diverged(list(found.values())) is raw
    assert [cause.kind for cause in raw.causes] == ["data"]
    (difference,) = raw.differences
    assert difference.cells == ((22, "texture_worst"),)
    assert difference.what == "1 of 18,208 cells: line 22, column texture_worst"
    assert found["clean_frame"].differences[0].cells == ((22, "texture_worst"),)
    assert [cause.kind for cause in found["clean_frame"].causes] == ["input"]
    assert "39.28" not in str(found)
    assert "log_loss.value" in moved(found["metrics"])
    assert snapshot(folder) == before


@pytest.mark.fault("T09")
def test_a_source_that_breaks_its_contract_now_is_named_and_nothing_is_derived_from_it(
    verify: Verify, source: Path
) -> None:
    source.write_bytes(builders.published_with((7, "diagnosis", "X")))
    found = verify()
    assert found["raw_data"].differences[0].cells == ((7, "diagnosis"),)
    assert verdicts(found)[1] == "not derived"
    assert "diagnosis_is_m_or_b" in found["clean_frame"].reason
    assert verdicts(found)[2:] == ["same"] * 3  # from what their passports state


def test_lines_that_were_lost_are_named_though_all_later_ones_moved(verify: Verify, source: Path) -> None:
    lines = source.read_bytes().splitlines(keepends=True)
    source.write_bytes(b"".join(lines[:100] + lines[102:]))
    assert verify()["raw_data"].differences[0].what == "lines 101 to 102 lost"


def test_another_way_of_writing_the_same_cells_is_told_as_that(verify: Verify, source: Path) -> None:
    first, rest = source.read_bytes().split(b"\n", 1)
    source.write_bytes(first + b"0\n" + rest)
    found = verify()
    assert found["raw_data"].differences[0].what == "no cell differs, but the text of 1 lines: 1"
    assert found["clean_frame"].verdict == "same"
    assert found["clean_frame"].notes == ()


@pytest.mark.fault("T09")
def test_a_changed_hyper_parameter_is_named_with_both_values_and_what_it_moved(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_FOLDS", "7")
    found = verify()
    assert verdicts(found)[:3] == ["same"] * 3
    assert found["fitted_pipeline"].causes == (Cause("configuration", "folds", 5, 7),)
    assert "WDBC_FOLDS" in found["fitted_pipeline"].causes[0].mend
    assert moved(found["fitted_pipeline"])["folds"] == (5, 7)
    assert [cause.kind for cause in found["metrics"].causes] == ["input"]


def test_a_setting_that_is_explicit_and_what_the_passport_states_is_the_same(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_FOLDS", "5")
    assert verdicts(verify()) == ["same"] * 5


def test_a_default_that_changed_since_is_no_change_of_the_configuration(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "metrics", lambda plain: plain["parameters"].update(bootstrap=500))
    found = verify()["metrics"]
    assert found.verdict == "diverged"  # by the passport's 500 resamples, not by the default
    assert moved(found)["bootstrap.resamples"] == (2000, 500)


def test_of_two_settings_that_changed_the_one_without_effect_is_not_the_cause(
    verify: Verify, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_SEARCH_SEED", "43")  # lbfgs draws nothing, but the evidence states the seed
    monkeypatch.setenv("WDBC_STRATIFIED", "false")
    found = verify()
    assert [str(cause) for cause in found["train_test_split"].causes] == ["configuration stratified True -> False"]
    assert {cause.kind for cause in found["fitted_pipeline"].causes} == {"input", "configuration"}


@pytest.mark.fault("T09")
def test_changed_code_is_named_by_its_asset_and_both_versions(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    real, before = lineage.code_version, lineage.code_version("metrics")
    monkeypatch.setattr(lineage, "code_version", lambda asset: "0123" if asset == "metrics" else real(asset))
    honest = evaluation.proportion

    def generous(hits: int, of: int, **rest: Any) -> dict[str, Any]:
        return honest(hits, of, **rest) | {"value": (hits + 1) / (of + 1)}

    monkeypatch.setattr(evaluation, "proportion", generous)
    found = verify()
    assert verdicts(found) == ["same"] * 4 + ["diverged"]
    assert found["metrics"].causes == (Cause("code", "metrics", before, "0123"),)
    stored, derived = moved(found["metrics"])["accuracy.value"]
    assert derived == (stored * 114 + 1) / 115


@pytest.mark.fault("T09")
def test_other_code_that_gives_the_same_value_is_the_same_and_is_mentioned(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "code_version", lambda asset: "0123")
    found = verify()
    assert verdicts(found) == ["same"] * 5
    assert found["metrics"].notes[0].startswith("same in spite of code metrics ")


@pytest.mark.fault("T09")
def test_a_library_of_another_version_is_named_from_and_to(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    version = importlib.metadata.version
    before = version("scikit-learn")
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.8.7" if name == "scikit-learn" else version(name)
    )
    surroundings.libraries.cache_clear()
    predict = evaluation.predict
    monkeypatch.setattr(evaluation, "predict", lambda *given: predict(*given) * (1 - 1e-13))
    try:
        found = verify()
    finally:
        monkeypatch.undo()
        surroundings.libraries.cache_clear()
    assert verdicts(found) == ["same"] * 4 + ["diverged"]
    assert found["metrics"].causes == (Cause("library", "scikit-learn", before, "1.8.7"),)
    assert "Install scikit-learn " + before in found["metrics"].causes[0].mend
    assert found["metrics"].rounding
    assert 0 < (found["metrics"].largest or 0) < 1e-9


@pytest.mark.fault("T09")
def test_another_machine_is_named_by_what_it_is(verify: Verify, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(plain: dict[str, Any]) -> None:
        plain["machine"]["processor"] = "Another 3000"

    forging.rewrite(folder, "metrics", elsewhere)
    assert verify()["metrics"].notes == (
        f"same in spite of machine processor Another 3000 -> {surroundings.machine()['processor']}",
    )
    predict = evaluation.predict
    monkeypatch.setattr(evaluation, "predict", lambda *given: predict(*given) * (1 - 1e-13))
    (cause,) = verify()["metrics"].causes
    assert (cause.kind, cause.name, cause.stated) == ("machine", "processor", "Another 3000")


def test_a_passport_of_before_machines_were_stated_is_verified_as_well(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "metrics", lambda plain: plain.pop("machine") and None)
    assert verify()["metrics"].verdict == "same"


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
def test_one_flipped_bit_of_a_stored_file_is_named_and_nothing_else(
    verify: Verify, folder: Path, asset: str, name: str
) -> None:
    forging.flip(forging.stored(folder, asset, name))
    found = verify()
    assert {one for one, finding in found.items() if finding.verdict == "diverged"} == {asset}
    assert set(verdicts(found)) == {"same", "diverged"}
    (cause,) = found[asset].causes
    assert (cause.kind, cause.name) == ("stored file", name)
    assert "is not the file that was stored" in cause.now
    assert [difference.file for difference in found[asset].differences] == [name]
    assert found[asset].derived == forging.pointer(folder, asset)["version"]


@pytest.mark.fault("T08")
def test_a_missing_file_is_named(verify: Verify, folder: Path) -> None:
    forging.stored(folder, "train_test_split", "X_test.parquet").unlink()
    found = verify()
    assert [str(cause) for cause in found["train_test_split"].causes] == ["stored file X_test.parquet is missing"]
    assert found["metrics"].verdict == "same"


def better(folder: Path) -> bytes:
    figures = json.loads(forging.stored(folder, "metrics", "metrics.json").read_bytes())
    figures["recall"]["value"] = 1.0
    return codecs.to_json(figures)


@pytest.mark.fault("T08")
def test_a_figure_altered_by_hand_is_named_with_both_values(verify: Verify, folder: Path) -> None:
    forging.stored(folder, "metrics", "metrics.json").write_bytes(better(folder))
    found = verify()["metrics"]
    assert [cause.name for cause in found.causes] == ["metrics.json"]
    assert moved(found) == {"recall.value": (1.0, 40 / 42)}


@pytest.mark.fault("T08")
@pytest.mark.parametrize("everywhere", [True, False], ids=["in every passport", "in the pointer alone"])
def test_a_figure_altered_with_all_its_digests_is_named_with_both_values(
    verify: Verify, folder: Path, everywhere: bool
) -> None:
    forging.forge(folder, "metrics", "metrics.json", better(folder), everywhere=everywhere)
    found = verify()
    assert verdicts(found) == ["same"] * 4 + ["diverged"]
    assert found["metrics"].causes[-1].kind == "stored file"
    assert found["metrics"].causes[-1].name == "metrics.json"
    assert [cause.name for cause in found["metrics"].causes[:-1]] == ([] if everywhere else ["current.json"])
    assert moved(found["metrics"]) == {"recall.value": (1.0, 40 / 42)}


@pytest.mark.fault("T08")
def test_a_fact_that_only_the_passport_states_is_derived_as_well(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "clean_frame", lambda plain: plain.update(rows=600))
    found = verify()
    assert [str(cause) for cause in found["clean_frame"].causes] == [
        "stored file current.json states rows 600, and not 569"
    ]
    assert verdicts(found) == ["same", "diverged", "same", "same", "same"]


@pytest.mark.fault("T08")
def test_a_file_that_was_put_beside_with_all_digests_is_named(verify: Verify, folder: Path) -> None:
    forging.forge(folder, "metrics", "better.json", b"{}")
    found = verify()["metrics"]
    assert [(cause.kind, cause.name) for cause in found.causes] == [("stored file", "better.json")]
    assert found.differences[0].what == "is not derived any more"


def test_a_damaged_record_of_a_run_is_not_needed_while_the_pointers_are_whole(verify: Verify, folder: Path) -> None:
    for path in (folder / "runs").glob("*/*.json"):
        path.write_bytes(b"{}")
    assert verdicts(verify()) == ["same"] * 5


@pytest.mark.fault("T08")
def test_a_cell_altered_with_all_its_digests_is_named_and_what_follows_is_judged_by_what_it_was_made_of(
    verify: Verify, folder: Path
) -> None:
    path = forging.stored(folder, "clean_frame", "clean_frame.parquet")
    frame = codecs.from_parquet(path.read_bytes())
    frame["area_worst"] += [float(place == 4) for place in range(len(frame))]
    forging.forge(folder, "clean_frame", "clean_frame.parquet", codecs.to_parquet(frame))
    found = verify()
    assert verdicts(found) == ["same", "diverged", "same", "same", "same"]
    assert found["clean_frame"].differences[0].cells == ((5, "area_worst"),)
    assert found["clean_frame"].causes[0].kind == "stored file"


@pytest.mark.fault("T08")
def test_raw_bytes_altered_with_all_digests_but_that_of_their_origin_are_no_change_of_the_source(
    verify: Verify, folder: Path
) -> None:
    forging.forge(folder, "raw_data", "wdbc.data", builders.published_with((3, "radius_mean", "19.7")))
    found = verify()
    assert [(cause.kind, cause.name) for cause in found["raw_data"].causes] == [("stored file", "wdbc.data")]
    assert found["raw_data"].differences[0].cells == ((3, "radius_mean"),)
    assert verdicts(found)[1:] == ["same"] * 4


@pytest.mark.fault("T08")
def test_a_forged_figure_is_still_named_when_a_setting_has_changed_too(
    verify: Verify, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forging.forge(folder, "metrics", "metrics.json", better(folder))
    monkeypatch.setenv("WDBC_CONFIDENCE", "0.9")
    assert [cause.kind for cause in verify()["metrics"].causes] == ["configuration", "stored file"]


def test_another_source_that_is_set_now_is_named_with_both_and_the_cells_that_differ(
    verify: Verify, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.data"
    other.write_bytes(builders.published_with((22, "texture_worst", "39.2803")))
    monkeypatch.setenv("WDBC_SOURCE", str(other))
    raw = verify("raw_data")["raw_data"]
    assert raw.causes == (Cause("configuration", "source", str(source), str(other)),)
    assert raw.differences[0].cells == ((22, "texture_worst"),)
    source.unlink()  # so that it cannot be asked to tell one cause from another
    assert verify("raw_data")["raw_data"].causes == raw.causes


def test_a_model_that_differs_is_told_by_the_probabilities_that_it_gives(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_GRID", "small")
    (model, search) = verify()["fitted_pipeline"].differences
    assert model.what.startswith("probabilities of 455 training rows differ by at most ")
    assert 0 < (model.largest or 0) < 1
    assert "winner.logistic__C" in {figure.path for figure in search.figures}


def test_an_input_that_is_not_current_any_more_is_read_as_the_run_made_it(verify: Verify, store: Store) -> None:
    split = store.handle("train_test_split").load()
    newer = splitting.Split(split.X_test, split.X_train, split.y_test, split.y_train)
    passport = store.handle("train_test_split").passport
    draft = store.draft("train_test_split", newer, run_id="run-2", inputs=passport.inputs)
    assert store.commit(draft, run_id="run-2")
    found = verify("fitted_pipeline", "metrics")
    assert verdicts(found) == ["same"] * 2
    assert f"from train_test_split {passport.version[:12]}, which is not the current one" in found["metrics"].notes


def test_an_input_that_is_no_longer_there_is_told(verify: Verify, store: Store, folder: Path) -> None:
    passport = store.handle("clean_frame").passport
    draft = store.draft("clean_frame", pd.DataFrame({"x": [1]}), run_id="run-2", inputs=passport.inputs)
    store.commit(draft, run_id="run-2")
    (folder / "runs" / passport.run_id / "clean_frame.json").unlink()
    found = verify("train_test_split")["train_test_split"]
    assert found.verdict == "not derived"
    assert found.reason == f"its input clean_frame {passport.version[:12]} is no longer there"


def test_a_source_that_is_gone_is_told_and_the_rest_is_derived_from_what_is_stored(
    verify: Verify, source: Path
) -> None:
    source.unlink()
    found = verify()
    assert verdicts(found) == ["not derived", "same", "same", "same", "same"]
    assert "no such file" in found["raw_data"].reason


def remote(plain: dict[str, Any]) -> None:
    plain["parameters"]["source"] = plain["origin"]["shown"] = "https://***@127.0.0.1:9/wdbc.data"


def test_a_remote_source_is_asked_only_if_that_is_wished_and_never_without_its_credentials(
    verify: Verify, folder: Path
) -> None:
    forging.rewrite(folder, "raw_data", remote)
    found = verify("raw_data")["raw_data"]
    assert found.verdict == "same"
    assert found.compared.endswith("by the digest that its source had")
    assert found.notes == ("its source is not on this machine; `--deep` asks it",)
    asked = verify("raw_data", deep=True)["raw_data"]
    assert asked.verdict == "not derived"
    assert "without credentials" in asked.reason


@pytest.mark.fault("T08")
def test_raw_bytes_of_a_remote_source_that_are_not_those_that_came_are_named(verify: Verify, folder: Path) -> None:
    forging.rewrite(folder, "raw_data", remote)
    forging.forge(folder, "raw_data", "wdbc.data", builders.published_with((3, "radius_mean", "19.7")))
    (cause,) = verify("raw_data")["raw_data"].causes
    assert str(cause) == "stored file wdbc.data is not what came from the source"


def test_a_remote_source_that_is_set_now_is_not_taken_for_the_stated_one(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_SOURCE", "https://127.0.0.1:9/wdbc.data")
    found = verify("raw_data")["raw_data"]
    assert found.verdict == "not derived"
    assert "https://127.0.0.1:9/wdbc.data" in found.reason
