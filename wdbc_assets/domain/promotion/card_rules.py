"""The rule for a model card. This module imports no heavy libraries."""

from collections.abc import Mapping
from typing import Any

from wdbc_assets.domain.promotion import card_parts
from wdbc_assets.domain.rules.base import Rule

citations_hold = Rule(
    "citations_hold",
    "Every value of the card occurs in the artifact that it cites, and the card names the version of that artifact.",
    "Report a bug: the card cites what does not exist.",
)
RULES = (citations_hold,)


def broken_citations(card: card_parts.ModelCard, artifacts: Mapping[str, Any]) -> list[str]:
    """Return a message for each citation of an artifact or place that does not exist.

    Args:
        card: The card.
        artifacts: The content of each artifact, as plain values.
    """
    return [
        f"{value.label} is cited from {value.artifact} {' '.join(value.place)}, which does not exist"
        for value in card.values
        if value.artifact not in card.versions or not _exists(artifacts.get(value.artifact), value.place)
    ]


def _exists(content: Any, place: tuple[str, ...]) -> bool:
    try:
        card_parts.lookup(content, place)
    except (LookupError, TypeError, ValueError):
        return False
    return True
