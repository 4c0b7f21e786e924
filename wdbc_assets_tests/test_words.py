"""The retired words are in no identifier and in no sentence; CHANGELOG.md lists them with the new ones."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RETIRED = (
    "mend", "mends", "amiss", "passport", "passports", "workbench", "whoever", "anew", "patience", "exam project",
    "seed_baseline", "told", "judged",
)  # fmt: skip
EXCEPT = {
    "CHANGELOG.md",
    "wdbc_assets/domain/modeling/recipes/__init__.py",  # "renamed to airflow_baseline"
    "wdbc_assets_tests/domain/modeling/test_recipes.py",
    "wdbc_assets_tests/test_words.py",
}
TEXTS = {".py", ".md", ".html", ".css", ".toml", ".yaml", ".yml", ".json", ".example", ""}


def retired(text: str) -> list[str]:
    """The retired words in a text, as words of their own or as parts of names_with_underscores and CamelCase."""
    plain = " ".join(re.sub(r"([a-z])([A-Z])", r"\1 \2", text).replace("_", " ").lower().split())
    return [word for word in RETIRED if re.search(rf"\b{word.replace('_', ' ')}\b", plain)]


@pytest.mark.parametrize(
    "text",
    [
        "mend: str",
        "what_time_can_mend",
        "class Workbench:",
        "The exam\n  project",
        "isJudged()",
        "seed_baseline",
        "_TOLD = 1",
    ],
)
def test_a_retired_word_is_found_wherever_it_hides(text: str) -> None:
    assert retired(text)


@pytest.mark.parametrize("text", ["recommendation", "judgement", "a new one", "outpatience", "the random seed"])
def test_a_word_that_only_holds_one_is_not_found(text: str) -> None:
    assert not retired(text)


def test_no_retired_word_is_left() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = [name for name in listed if name not in EXCEPT and Path(name).suffix in TEXTS]
    assert len(files) > 300
    found = {name: words for name in files if (words := retired((ROOT / name).read_text(encoding="utf-8")))}
    assert found == {}
