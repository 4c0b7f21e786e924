"""`wdbc report` as people type it: one page that loads nothing, says what is missing, and holds no foreign markup."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from wdbc_assets.domain.promotion.card_parts import ModelCard
from wdbc_assets.pipeline import specs
from wdbc_assets.store import parsing
from wdbc_assets_tests.cli.test_run import wdbc
from wdbc_assets_tests.domain.promotion.test_model_card import uncited

LARGEST = 3 * 2**20
VOID = {"meta", "img", "path", "rect", "link", "br", "hr", "input"}
INLINE = ("#", "data:image/png;base64,", "data:image/svg+xml;base64,")
LOADS = {"src", "href", "action", "data", "poster", "srcset", "xlink:href"}


class Page(HTMLParser):
    """What a page is made of, as a browser would take it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.without_text: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.badly_closed: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.loaded += [named[name] for name in LOADS & named.keys()]
        self.handlers += [name for name in named if name.startswith("on")]
        if tag == "img" and not named.get("alt"):
            self.without_text.append(named["src"][:40])
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in named:
            self.ids.append(named["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.badly_closed.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def page_in(folder: Path) -> Page:
    return Page((folder / "results/report.html").read_text(encoding="utf-8"))


def is_sound(page: Page) -> None:
    """The page loads nothing, runs nothing, is well formed, and can be found one's way in without seeing it."""
    assert page.badly_closed == []
    assert page.open == []
    assert "script" not in page.tags
    assert page.handlers == []
    assert [place for place in page.loaded if not place.startswith(INLINE)] == []
    assert page.without_text == []
    assert page.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert len(page.ids) == len(set(page.ids))
    assert {place[1:] for place in page.loaded if place.startswith("#")} <= set(page.ids)


def test_a_store_in_which_nothing_was_made_gives_a_page_that_says_how_to_make_each(tmp_path: Path) -> None:
    said = wdbc("report")
    assert said.returncode == 0, said.stderr
    assert "report.html" in said.stdout
    page = page_in(tmp_path)
    is_sound(page)
    for asset in specs.MODEL:
        assert re.search(rf"{asset}\s+is not available: never made\.\s+Make it with\s+wdbc \w+", page.text), asset
    assert "not a medical device" in page.text


@pytest.mark.slow
def test_the_page_shows_all_evidence_and_loads_nothing(evidence: Path) -> None:
    page = page_in(evidence)
    is_sound(page)
    assert "is not available" not in page.text
    assert "out of date" not in page.text
    assert (evidence / "results/report.html").stat().st_size < LARGEST
    assert page.tags.count("img") >= 10
    assert "svg" in page.tags
    for asset in specs.MODEL:
        assert json.loads((evidence / f"results/{asset}/current.json").read_text())["version"] in page.text


@pytest.mark.slow
def test_every_figure_of_the_card_stands_in_the_stored_artifact_that_it_cites(evidence: Path) -> None:
    def stored(asset: str, file: str) -> dict[str, object]:
        (path,) = (evidence / f"results/{asset}/versions").glob(f"*/{file}.json")
        content: dict[str, object] = json.loads(path.read_text())
        return content

    card = parsing.build(ModelCard, stored("model_card", "model_card"))
    files = {"fitted_pipeline": "search", "cross_validation": "summary", "stability": "summary"}
    contents = {asset: stored(asset, files.get(asset, asset)) for asset in card.versions}
    assert len(card.values) > 40
    assert uncited(card, contents) == []


@pytest.mark.slow
def test_what_is_damaged_or_lost_is_said_in_its_place_and_the_rest_is_shown(evidence: Path) -> None:
    (stored,) = (evidence / "results/metrics/versions").glob("*/metrics.json")
    stored.write_bytes(stored.read_bytes().replace(b"0.9", b"0.8", 1))
    shutil.rmtree(evidence / "results/cross_validation")
    said = wdbc("report")
    assert said.returncode == 0, said.stderr
    page = page_in(evidence)
    is_sound(page)
    altered = "stored file of metrics was altered: its digest does not match the manifest"
    assert re.search(rf"metrics\s+is not available: {altered}", page.text)
    assert re.search(r"cross_validation\s+is not available: never made\.\s+Make it with\s+wdbc evaluate", page.text)
    assert "Referred to a clinician" in page.text


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_one_block_and_an_earlier_page_stays(evidence: Path) -> None:
    before = (evidence / "results/report.html").read_bytes()
    refused = wdbc("report", "--output", str(evidence / "results/report.html/inside"))
    assert refused.returncode == 1
    assert "error: the report cannot be written" in refused.stderr
    assert (evidence / "results/report.html").read_bytes() == before
    assert list((evidence / "results").glob(".report*")) == []
