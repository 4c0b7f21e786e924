"""The model card: no number in it that does not stand in the artifact that it cites, and nothing of it runs."""

import re
from dataclasses import asdict, replace
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.promotion import model_card, model_card_pages
from wdbc_assets.domain.promotion.card_parts import CitedValue, ModelCard, Section
from wdbc_assets_tests import evidence

NUMBER = re.compile(r"(?<![\w.-])-?\d[\d,]*(?:\.\d+)?")


def card() -> ModelCard:
    return model_card.card(evidence.contents(), evidence.versions())


def numbers_in(content: Any) -> set[float]:
    """Every number in an artifact's content, wherever in it."""
    if isinstance(content, dict):
        return {number for one in content.values() for number in numbers_in(one)}
    if isinstance(content, list):
        return {number for one in content for number in numbers_in(one)}
    return {float(content)} if isinstance(content, int | float) else set()


def at(content: Any, place: tuple[str, ...]) -> Any:
    for step in place:
        content = content[int(step)] if isinstance(content, list) else content[step]
    return content


def uncited(card: ModelCard, contents: dict[str, Any]) -> list[str]:
    """Every number of a figure that is not, to the digits shown, at the place which the figure cites."""
    found = []
    for figure in card.values:
        there = numbers_in(at(contents[figure.artifact], figure.place))
        for shown in NUMBER.findall(figure.text):
            decimals = len(shown.partition(".")[2])
            scale = 100 if figure.text.endswith("%") else 1
            if float(shown.replace(",", "")) not in {round(scale * number, decimals) for number in there}:
                found.append(f"{figure.label}: {shown}")
    return found


def test_every_figure_is_found_in_the_artifact_that_it_cites() -> None:
    assert len(card().values) > 40
    assert uncited(card(), evidence.contents()) == []


def test_a_figure_that_drifted_from_its_artifact_is_found() -> None:
    contents = evidence.contents()
    contents["metrics"]["accuracy"]["value"] = 0.5
    assert uncited(card(), contents) == ["accuracy: 0.9654"]


def test_no_sentence_holds_a_number_so_that_none_stands_there_uncited() -> None:
    assert [said for section in card().sections for said in section.sentences if re.search(r"\d", said)] == []


@pytest.mark.parametrize("write", [model_card_pages.markdown, model_card_pages.html])
def test_every_number_on_a_page_is_one_of_a_figure(write: Any) -> None:
    page = re.sub(r"<style>.*?</style>|<meta[^>]*>|</?h\d|<html.*?>", "", write(card()), flags=re.DOTALL)
    cited = [text for figure in card().values for text in (model_card_pages.cited_place(figure), figure.text)]
    for text in sorted([*cited, *card().versions.values()], key=len, reverse=True):
        page = page.replace(text, "")
    assert NUMBER.findall(page) == []


def test_the_card_says_first_what_it_must_not_be_used_for() -> None:
    titles = [section.title for section in card().sections]
    assert titles.index("What it must not be used for") < titles.index("How good it is")
    assert "not a medical device" in model_card_pages.markdown(card())


def test_measurements_that_say_the_same_are_named_and_lone_ones_not() -> None:
    (factors,) = [section for section in card().sections if section.title == "Factors"]
    assert "radius_mean, area_mean." in factors.sentences[1]
    assert "texture" not in factors.sentences[1]


def test_a_figure_that_is_undefined_is_shown_as_such() -> None:
    contents = evidence.contents()
    contents["metrics"]["precision"] |= {"value": None, "low": None, "high": None}
    shown = {
        one.label: one.text for one in model_card.card(contents, evidence.versions()).values if len(one.place) == 1
    }
    assert shown["precision"] == "n/a"


def test_a_recipe_that_was_not_evaluated_has_no_card_and_the_error_says_how_to_evaluate_it() -> None:
    with pytest.raises(WdbcError, match="svc, was not evaluated") as refused:
        model_card.card(evidence.contents("svc"), evidence.versions())
    assert refused.value.hint == "Run `wdbc evaluate --recipe svc`."


@pytest.mark.fault("X04")
def test_markup_in_names_and_values_is_shown_as_text() -> None:
    evil = "<script>alert(1)</script>|x"
    section = Section("Title", (evil,), (CitedValue(evil, evil, "metrics", (evil,)),))
    page = replace(card(), recipe=evil, sections=(section,))
    assert "<script" not in model_card_pages.html(page)
    assert "&lt;script&gt;" in model_card_pages.html(page)
    assert "<script" not in model_card_pages.markdown(page).replace(model_card_pages.cited_place(section.values[0]), "")


def test_a_card_comes_back_from_plain_values() -> None:
    plain = asdict(card())
    assert ModelCard.from_plain(plain) == card()
