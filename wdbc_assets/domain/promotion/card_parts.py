"""What a model card is made of: sections, and figures that name the artifact and the place in it that they are from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Form = Literal["count", "decimal", "share", "interval", "mean", "text"]


@dataclass(frozen=True)
class CitedValue:
    """One figure: what it is, how it is shown, the artifact that it comes from, and its place in there."""

    label: str
    text: str
    artifact: str
    place: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A heading, what is said under it, and the figures that it rests on."""

    title: str
    sentences: tuple[str, ...]
    values: tuple[CitedValue, ...] = ()


@dataclass(frozen=True)
class ModelCard:
    """The card: its sections, and the version of each artifact that it cites."""

    recipe: str
    sections: tuple[Section, ...]
    versions: Mapping[str, str]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ModelCard:
        """Return the card that `dataclasses.asdict` made plain."""
        sections = (
            Section(
                section["title"],
                tuple(section["sentences"]),
                tuple(CitedValue(**{**figure, "place": tuple(figure["place"])}) for figure in section["values"]),
            )
            for section in plain["sections"]
        )
        return cls(plain["recipe"], tuple(sections), plain["versions"])

    @property
    def values(self) -> tuple[CitedValue, ...]:
        """Every figure of the card."""
        return tuple(figure for section in self.sections for figure in section.values)


class Cited:
    """Takes figures out of artifacts, and notes whence."""

    def __init__(self, artifacts: Mapping[str, Any]) -> None:
        self.artifacts = artifacts

    def __call__(self, label: str, artifact: str, *place: str, form: Form = "decimal") -> CitedValue:
        """Take the figure that stands at a place of an artifact."""
        return CitedValue(label, shown(lookup(self.artifacts[artifact], place), form), artifact, place)


def lookup(content: Any, place: tuple[str, ...]) -> Any:
    """Look a place up in an artifact's content: names of a mapping, numbers of a list."""
    for step in place:
        content = content[int(step)] if isinstance(content, list) else content[step]
    return content


def shown(value: Any, form: Form) -> str:
    """Show a figure: a count, four decimals, a share in percent, a value or mean with its interval, or text."""
    if value is None:
        return "n/a"
    if form == "count":
        return f"{value:,}"
    if form == "share":
        return f"{100 * value:.1f} %"
    if form == "decimal":
        return f"{value:.4f}"
    if form in ("interval", "mean"):
        middle = value["value" if form == "interval" else "mean"]
        if middle is None or value["low"] is None:
            return shown(middle, "decimal")
        return f"{middle:.4f} [{value['low']:.4f}, {value['high']:.4f}]"
    return str(value)


def paragraphs(text: str) -> tuple[str, ...]:
    """Part a text at its blank lines, and make each part one line."""
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
