"""The types of a model card: sections, and values that cite an artifact and the place in it that they come from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wdbc_assets.domain import formatting

DATE, CODE = "Date", "Code"
"""Labels of the facts that a manifest knows, and a card does not."""

Form = Literal["count", "decimal", "share", "interval", "mean", "folds", "length", "spread", "text"]


@dataclass(frozen=True)
class CitedValue:
    """One value: its label, its formatted text, the artifact it comes from, and its place in that artifact."""

    label: str
    text: str
    artifact: str
    place: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """One line of the head of a card, such as the licence of the data."""

    label: str
    text: str


@dataclass(frozen=True)
class Section:
    """A heading, its paragraphs, and the values that support them."""

    title: str
    sentences: tuple[str, ...]
    values: tuple[CitedValue, ...] = ()


@dataclass(frozen=True)
class ModelCard:
    """A model card: its head, its sections, and the version of each artifact that it cites."""

    recipe: str
    head: tuple[Fact, ...]
    sections: tuple[Section, ...]
    versions: Mapping[str, str]

    @property
    def values(self) -> tuple[CitedValue, ...]:
        """All values of the card."""
        return tuple(value for section in self.sections for value in section.values)


class Cited:
    """Reads values from artifacts and records their source."""

    def __init__(self, artifacts: Mapping[str, Any]) -> None:
        self.artifacts = artifacts

    def __call__(self, label: str, artifact: str, *place: str, form: Form = "decimal") -> CitedValue:
        """Return the value at a place of an artifact."""
        return CitedValue(label, shown(lookup(self.artifacts[artifact], place), form), artifact, place)


def lookup(content: Any, place: tuple[str, ...]) -> Any:
    """Return what is at a place in an artifact's content: keys of mappings, positions in lists."""
    for step in place:
        content = content[int(step)] if isinstance(content, list) else content[step]
    return content


def shown(value: Any, form: Form) -> str:
    """Format a value as a count, four decimals, a percentage, a value with its interval or spread, or text.

    The form `folds` is that of a metric of a cross-validation: its mean and standard deviation over the repeats, and
    its mean over the folds with the interval, which belongs to that.
    """
    if value is None:
        return formatting.UNDEFINED
    return _FORMS[form](value)


def _bounded(middle: float | None, value: Mapping[str, Any], otherwise: str) -> str:
    if middle is None or value["low"] is None:
        return shown(middle, "decimal") + ("" if middle is None else otherwise)
    return f"{middle:.4f} [{value['low']:.4f}, {value['high']:.4f}]"


def _spread(value: Mapping[str, Any]) -> str:
    return "cannot be said" if value["mean"] is None else f"{value['mean']:.4f} ± {value['sd']:.4f}"


def _with_folds(value: Mapping[str, Any]) -> str:
    over_repeats = formatting.UNDEFINED if value["mean"] is None else _spread(value)
    of_folds = value.get("of_folds")
    return over_repeats if of_folds is None else f"{over_repeats}; of folds {_bounded(of_folds, value, '')}"


_FORMS: Mapping[Form, Callable[[Any], str]] = {
    "count": lambda value: f"{value:,}",
    "decimal": lambda value: f"{value:.4f}",
    "folds": _with_folds,
    "interval": lambda value: _bounded(value["value"], value, ", no interval"),
    "length": lambda value: f"{len(value):,}",
    "mean": lambda value: _bounded(value["mean"], value, ""),
    "share": lambda value: f"{100 * value:.1f} %",
    "spread": _spread,
    "text": str,
}


def paragraphs(text: str) -> tuple[str, ...]:
    """Split a text at blank lines and join the lines of each paragraph."""
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
