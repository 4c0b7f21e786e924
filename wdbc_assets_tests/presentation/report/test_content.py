"""What the page is filled with: as it stands in the store, and shown as text whatever it is."""

import html
from dataclasses import replace
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.evaluation import comparison, explanations
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.results import Difference
from wdbc_assets.pipeline import specs, validation
from wdbc_assets.presentation import report
from wdbc_assets.presentation.report import content, formats, guidelines
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import results
from wdbc_assets_tests.domain import out_of_fold, published

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "results"), relative_to=tmp_path)


@pytest.mark.fault("X04")
def test_markup_in_what_is_reported_is_shown_as_text(store: Store) -> None:
    store.note_refusal("raw_data", run_id="run-1", reasons=[f"the label {EVIL} is unknown"])
    page = report.build(store, settings.load()).decode()
    assert "<script" not in page
    assert "the label &lt;script&gt;alert(1)&lt;/script&gt; is unknown" in page


def test_the_page_shows_what_each_measure_says_and_which_metrics_have_no_interval(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = content.gather(store, settings.load())
    table = out_of_fold.both(out_of_fold.honest(), out_of_fold.honest(), names=("logistic", "airflow_baseline"))
    values = {
        "metrics": results.measured(),
        "decision_policy": results.policy(),
        "cross_validation": CrossValidation(table, (), comparison.summary(table, published.frame())),
    }
    for name, value in values.items():
        gathered["artifacts"][name] = replace(gathered["artifacts"][name], value=value)
    monkeypatch.setattr(content, "gather", lambda *_: gathered)
    page = " ".join(html.unescape(report.build(store, settings.load()).decode()).split())
    for explanation in (*explanations.CALIBRATION.values(), explanations.ECE):
        assert f'<th scope="row">{explanation.label}</th>' in page
        assert explanation.sentence in page
    assert page.count("; by chance 0.0") == 2
    assert "Malignant patients whose mean radius is among the smallest (10.95 to 15.06) are missed most often" in page
    assert "(77.4 to 94.7 %)" in page or "(76." in page
    assert "There are 2 comparisons (1 pair of recipes" in page
    assert explanations.PROTOCOLS.sentence in page
    assert explanations.EXTERNAL_VALIDATION.sentence in page
    assert results.policy().promised in page
    assert '<th scope="row">average precision</th>' in page
    for note in results.measured().notes.values():
        assert f": {note}." in page
    assert "None" not in page


def test_every_rule_is_listed_with_whether_it_blocks_and_none_as_evaluated_in_an_empty_store(store: Store) -> None:
    listed = content.gather(store, settings.load())["checks"]
    assert [(check.asset, check.rule) for check in listed] == [
        (asset, rule.name) for asset in specs.MODEL for rule in validation.rules(asset)
    ]
    assert {check.passed for check in listed} == {None}
    assert {check.blocking for check in listed} == {True, False}


def test_each_missing_artifact_names_the_command_that_makes_it(store: Store) -> None:
    artifacts = content.gather(store, settings.load())["artifacts"]
    commands = {name: artifact.made_by for name, artifact in artifacts.items()}
    assert commands["fitted_pipeline"] == "wdbc run"
    assert commands["cross_validation"] == "wdbc evaluate"
    assert commands["decision_policy"] == "wdbc report"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (formats.decimal(0.12345), "0.1235"),
        (formats.decimal(None), "n/a"),
        (formats.signed(-0.01), "-0.0100"),
        (formats.share(0.0703), "7.0 %"),
        (formats.interval(Difference(mean=None, low=0.1, high=0.2)), "[0.1000, 0.2000]"),
        (formats.interval(Difference(mean=None, low=None, high=None)), ""),
        (formats.signed_interval(Difference(mean=None, low=-0.1, high=0.2)), "[-0.1000, +0.2000]"),
        (formats.share_interval(Difference(mean=None, low=0.962, high=0.994)), "96.2 to 99.4 %"),
        (formats.words("logistic__C"), "C"),
        (formats.words("roc_auc"), "ROC-AUC"),
        (formats.words("concave_points"), "concave points"),
    ],
)
def test_figures_are_written_as_people_read_them(shown: str, expected: str) -> None:
    assert shown == expected


def test_each_item_of_the_guidelines_has_a_state_and_leads_to_a_section_that_exists(store: Store) -> None:
    page = html.unescape(report.build(store, settings.load()).decode())
    shown = page[page.index('<section id="guidelines"') : page.index('<section id="checks"')]
    for items in (guidelines.TRIPOD_AI, guidelines.PROBAST_AI):
        assert len({item.number for item in items}) == len(items)
        for item in items:
            assert f'<tr><td>{item.number}</td><th scope="row">{item.topic}</th>' in shown
            assert item.note in shown
            if item.section is not None:
                assert f'<section id="{item.section}"' in page
    assert {item.number.rstrip("abcdefg") for item in guidelines.TRIPOD_AI} == {str(one) for one in range(1, 28)}
    assert shown.count('class="badge open"') == 0
