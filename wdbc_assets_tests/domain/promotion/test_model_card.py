"""The model card: every number appears in the artifact that it cites, and markup is escaped."""

import re
from dataclasses import replace
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.promotion import model_card, model_card_pages
from wdbc_assets.domain.promotion.card_parts import CitedValue, ModelCard, Section
from wdbc_assets.store import parsing
from wdbc_assets_tests import evidence

NUMBER = re.compile(r"(?<![\w.-])-?\d[\d,]*(?:\.\d+)?")


def card() -> ModelCard:
    return model_card.card(evidence.contents(), evidence.versions())


def numbers_in(content: Any) -> set[float]:
    """Return all numbers in an artifact's content."""
    if isinstance(content, dict):
        return {number for item in content.values() for number in numbers_in(item)}
    if isinstance(content, list):
        return {number for item in content for number in numbers_in(item)}
    return {float(content)} if isinstance(content, int | float) else set()


def at(content: Any, place: tuple[str, ...]) -> Any:
    for step in place:
        content = content[int(step)] if isinstance(content, list) else content[step]
    return content


def uncited(card: ModelCard, contents: dict[str, Any]) -> list[str]:
    """Return the numbers of cited values that, to the digits shown, are not at the cited place."""
    wrong = []
    for cited in card.values:
        there = numbers_in(at(contents[cited.artifact], cited.place))
        for shown in NUMBER.findall(cited.text):
            decimals = len(shown.partition(".")[2])
            scale = 100 if cited.text.endswith("%") else 1
            if cited.place == ("differences",) and int(shown) == len(at(contents[cited.artifact], cited.place)):
                continue
            if float(shown.replace(",", "")) not in {round(scale * number, decimals) for number in there}:
                wrong.append(f"{cited.label}: {shown}")
    return wrong


def test_every_value_appears_in_the_artifact_that_it_cites() -> None:
    assert len(card().values) > 40
    assert uncited(card(), evidence.contents()) == []


def test_a_value_that_differs_from_its_artifact_is_reported() -> None:
    contents = evidence.contents()
    contents["metrics"]["accuracy"]["value"] = 0.5
    assert uncited(card(), contents) == ["accuracy: 0.9654"]


def test_sentences_contain_no_numbers() -> None:
    assert [text for section in card().sections for text in section.sentences if re.search(r"\d", text)] == []


@pytest.mark.parametrize("write", [model_card_pages.markdown, model_card_pages.html])
def test_every_number_on_a_page_belongs_to_a_cited_value(write: Any) -> None:
    page = re.sub(r"<style>.*?</style>|<meta[^>]*>|</?h\d|<html.*?>", "", write(card()), flags=re.DOTALL)
    cited = [text for value in card().values for text in (model_card_pages.cited_place(value), value.text)]
    head = [text for fact in card().head for text in fact.text.split("`")]
    for text in sorted([*cited, *head, *card().versions.values()], key=len, reverse=True):
        page = page.replace(text, "") if text else page
    assert NUMBER.findall(page) == []


def test_out_of_scope_uses_come_before_the_performance() -> None:
    titles = [section.title for section in card().sections]
    assert titles.index("Out-of-scope use") < titles.index("Performance in cross-validation")
    assert "not a medical device" in model_card_pages.markdown(card())


def test_only_groups_of_correlated_measurements_are_listed() -> None:
    (factors,) = [section for section in card().sections if section.title == "Factors"]
    assert "radius_mean, area_mean." in factors.sentences[1]
    assert "texture" not in factors.sentences[1]


def test_an_undefined_value_is_shown_as_not_available() -> None:
    contents = evidence.contents()
    contents["metrics"]["precision"] |= {"value": None, "low": None, "high": None}
    shown = {
        value.label: value.text
        for value in model_card.card(contents, evidence.versions()).values
        if len(value.place) == 1
    }
    assert shown["precision (positive predictive value)"] == "n/a"


def test_a_metric_of_the_cross_validation_has_the_mean_that_its_interval_belongs_to() -> None:
    shown = {value.label: value.text for value in card().values}
    assert shown["accuracy, logistic"] == "0.9711 ± 0.0021; of folds 0.9622 [0.9299, 0.9945]"
    assert shown["compared pairs of recipes"] == "1"
    contents = evidence.contents()
    metric = contents["cross_validation"]["recipes"]["logistic"]["accuracy"]
    del metric["of_folds"]
    metric.update(low=None, high=None)
    shown = {value.label: value.text for value in model_card.card(contents, evidence.versions()).values}
    assert shown["accuracy, logistic"] == "0.9711 ± 0.0021"


def test_a_card_of_an_unevaluated_recipe_is_an_error_with_a_hint() -> None:
    with pytest.raises(WdbcError, match="svc, was not evaluated") as refused:
        model_card.card(evidence.contents("svc"), evidence.versions())
    assert refused.value.hint == "Run `wdbc evaluate --recipe svc`."


@pytest.mark.parametrize("write", [model_card_pages.markdown, model_card_pages.html])
def test_the_head_names_version_owner_licences_and_what_to_cite(write: Any) -> None:
    page = write(model_card.card(evidence.contents(), evidence.versions(), owner="Pathology <ward 3>"))
    assert evidence.versions()["fitted_pipeline"] in page
    assert "Pathology &lt;ward 3" in page
    assert "<ward" not in page
    for stated in ("MIT", "CC BY 4.0", "10.24432/C5DW2B", "10.1117/12.148698", "43:570-577"):
        assert stated in page
    assert "WDBC_OWNER" in write(card())
    assert "WDBC_OWNER" not in page


def test_date_and_code_come_from_the_manifest_and_not_from_the_card() -> None:
    recorded = model_card_pages.recorded(made_at="2026-11-26T13:03:05+00:00", code_version="0123abcd", package="0.1.0")
    shown = model_card_pages.html_head(card(), recorded)
    assert "<td>2026-11-26 13:03 UTC</td>" in shown
    assert "<code>0123abcd</code>, shown by wdbc_assets 0.1.0" in shown
    stored = model_card_pages.html(card())
    assert "2026" not in stored
    assert "that of the manifest of this version" in stored


@pytest.mark.fault("X04")
def test_markup_in_names_and_values_is_shown_as_text() -> None:
    evil = "<script>alert(1)</script>|x"
    section = Section("Title", (evil,), (CitedValue(evil, evil, "metrics", (evil,)),))
    page = replace(card(), recipe=evil, sections=(section,))
    assert "<script" not in model_card_pages.html(page)
    assert "&lt;script&gt;" in model_card_pages.html(page)
    assert "<script" not in model_card_pages.markdown(page).replace(model_card_pages.cited_place(section.values[0]), "")


def test_a_card_can_be_restored_from_plain_values() -> None:
    plain = parsing.plain(card())
    assert parsing.build(ModelCard, plain) == card()
