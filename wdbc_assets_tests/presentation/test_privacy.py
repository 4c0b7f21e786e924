"""What is withheld of patients, sink by sink; that nothing is left anywhere is searched for in `ui.test_patients`."""

import json
import traceback
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain.data import cleaning, csv_layouts, reading, splitting
from wdbc_assets.domain.data.failures import Failure
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.rules.findings import Finding
from wdbc_assets.orchestration import checks
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.metadata import dataset
from wdbc_assets.pipeline import validation
from wdbc_assets.presentation import privacy
from wdbc_assets_tests import builders

CELL = "17.98765"
WITHHELD = "values are withheld; WDBC_SHOW_VALUES=true shows them"


def broken(rule: str, row: int | None, text: str, *, holds_values: bool = True) -> Finding:
    failures = (Failure(row, "radius_mean", text),)
    return Finding(rule, False, True, f"{rule}: summary", 1, failures, holds_values=holds_values)


def evidence(finding: Finding, **options: bool) -> dict[str, Any]:
    (result,) = checks.results("raw_data", [finding], **options)
    return {name: value.value for name, value in result.metadata.items()}


def cells(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [record.data for record in found["failing rows"].records]


@pytest.mark.fault("X02")
def test_a_cell_keeps_its_row_and_column_and_loses_its_value_with_a_note_how_to_see_it() -> None:
    found = evidence(broken("nothing_is_negative", 5, CELL))
    assert cells(found) == [{"row": 5, "column": "radius_mean", "value": "withheld"}]
    assert found["values"] == WITHHELD


def test_where_it_is_allowed_the_value_is_shown() -> None:
    found = evidence(broken("nothing_is_negative", 5, CELL), show_values=True)
    assert cells(found) == [{"row": 5, "column": "radius_mean", "value": CELL}]
    assert "values" not in found


@pytest.mark.parametrize(
    ("rule", "row"),
    [("medians_are_usual", None), ("sets_are_disjoint", 5), (floors.no_metric_is_too_good.name, None)],
    ids=["of a table", "of the rows of a split", "of an evaluation"],
)
def test_a_sentence_that_holds_no_single_patients_value_stays(rule: str, row: int | None) -> None:
    found = evidence(broken(rule, row, "a sentence", holds_values=False))
    assert cells(found)[0]["value"] == "a sentence"
    assert "values" not in found


@pytest.mark.fault("X02")
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            builders.published_with((5, "smoothness_se", -0.5), (8, "id", 842517), (9, "id", 842517)),
            ["row 5, smoothness_se: withheld", "row 8, id: withheld", "row 9, id: withheld", WITHHELD],
        ),
        (b",".join(b"cell%d" % number for number in range(32)), [WITHHELD]),
        (builders.csv(builders.patient(id=-0.5)), ["cells_are_numbers: row 1, id: withheld", WITHHELD]),
    ],
    ids=["cells", "a first line of unknown names", "an id that is none"],
)
def test_the_terminal_tells_rows_and_columns_of_what_was_found_and_how_to_see_the_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, content: bytes, says: list[str]
) -> None:
    refusal = validation.validate("raw_data", content, {}, where="a test").refusal
    assert refusal is not None
    secret = ("-0.5", "842517", "cell1")
    terminal.show_error(refusal)
    message = capsys.readouterr().err
    assert [line for line in says if line not in message] == []
    assert [value for value in secret if value in message] == []

    monkeypatch.setenv("WDBC_SHOW_VALUES", "true")
    terminal.show_error(refusal)
    message = capsys.readouterr().err
    assert any(value in message for value in secret)
    assert "withheld" not in message


def test_an_error_without_any_value_says_nothing_of_values(capsys: pytest.CaptureFixture[str]) -> None:
    (short,) = [csv_layouts.NotATable("the source is empty")]
    terminal.show_error(short)
    assert "values" not in capsys.readouterr().err


@pytest.mark.fault("X02")
@pytest.mark.parametrize("name", ["describe_raw_data", "describe_clean_frame", "describe_split"])
def test_instead_of_a_preview_there_is_a_hint_how_to_have_one(name: str) -> None:
    content = builders.bundled_uci_bytes()
    frame = cleaning.clean(reading.read(content))
    values = {"describe_raw_data": content, "describe_clean_frame": frame, "describe_split": splitting.split(frame)}
    described = getattr(dataset, name)(values[name])
    assert privacy.redact_description(described, shown=False)[privacy.PREVIEW].value == WITHHELD
    assert "radius_mean" in privacy.redact_description(described, shown=True)[privacy.PREVIEW].value


def refresh(instance: dg.DagsterInstance, **options: Any) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("refresh").execute_in_process(instance=instance, **{"raise_on_error": False, **options})


def previews(result: dg.ExecuteInProcessResult) -> list[Any]:
    events = [
        event
        for name in ("raw_data", "clean_frame", "train_test_split")
        for event in result.asset_materializations_for_node(name)
    ]
    assert len(events) == 3
    return [event.metadata["preview"].value for event in events]


@pytest.mark.fault("X02")
def test_a_version_that_stays_is_shown_as_the_setting_says_now_and_not_as_it_was_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert previews(refresh(instance)) == [WITHHELD] * 3
        monkeypatch.setenv("WDBC_SHOW_VALUES", "true")
        shown = refresh(instance)
        assert all("| --- |" in preview for preview in previews(shown))
        monkeypatch.setenv("WDBC_SHOW_VALUES", "false")
        again = refresh(instance)
        assert previews(again) == [WITHHELD] * 3
    for result in (shown, again):
        assert [event.metadata["unchanged"].value for event in result.asset_materializations_for_node("raw_data")] == [
            True
        ]


def quote_a_cell(*_: object, **__: object) -> None:
    try:
        float(f"{CELL} mm")
    except ValueError as cause:
        raise KeyError(f"no place for {CELL}") from cause


@pytest.mark.fault("X02")
def test_an_error_that_nobody_foresaw_stands_in_the_history_with_its_code_and_without_its_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cleaning, "clean", quote_a_cell)
    with dg.DagsterInstance.ephemeral() as instance:
        result = refresh(instance)
        history = "\n".join(str(entry) + str(entry.dagster_event) for entry in instance.all_logs(result.run_id))
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    message = error.to_string()
    assert "KeyError in clean_frame: this is a bug in wdbc" in message
    assert "in quote_a_cell" in message  # the stack leads to the line of code
    assert "WDBC_SHOW_VALUES=true shows it" in message
    assert "clean_frame" in history
    for sink in (message, history, (tmp_path / "logs" / "wdbc.jsonl").read_text()):
        assert CELL not in sink


@pytest.mark.fault("X02")
def test_a_traceback_for_debugging_quotes_no_cell_either_so_that_it_can_be_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cleaning, "clean", quote_a_cell)
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(privacy.UnforeseenError) as caught:
        refresh(instance, raise_on_error=True)
    message = "".join(traceback.format_exception(caught.value))
    assert "in quote_a_cell" in message
    assert CELL not in message


def test_where_it_is_allowed_the_text_of_an_unforeseen_error_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SHOW_VALUES", "true")
    monkeypatch.setattr(cleaning, "clean", quote_a_cell)
    with dg.DagsterInstance.ephemeral() as instance:
        result = refresh(instance)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert f"no place for {CELL}" in str(event.step_failure_data.error)


@pytest.mark.fault("X02")
def test_a_stored_note_of_a_refusal_holds_no_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "broken.data"
    source.write_bytes(builders.published_with((5, "smoothness_se", f"-{CELL}"), (6, "diagnosis", f"M{CELL}")))
    monkeypatch.setenv("WDBC_SOURCE", str(source))
    with dg.DagsterInstance.ephemeral() as instance:
        assert not refresh(instance).success
    (note,) = (tmp_path / "results").glob("*/refused.json")
    assert "line 5, column smoothness_se" in json.loads(note.read_text())["reasons"][0]
    assert CELL not in note.read_text()


def test_of_patients_nothing_is_shown_unless_it_is_set() -> None:
    assert not settings.load().show_values
    error = WdbcError("what", detail=CELL)
    assert privacy.redact_details(error) == WITHHELD
