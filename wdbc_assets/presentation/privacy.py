"""What may be shown of a patient, and what stands in its place: nothing, unless WDBC_SHOW_VALUES allows it.

Values are withheld here, where they would leave for people to read: the rows of a failed check, the preview of a table,
the block of an error at the terminal, the text of an error that nobody foresaw. The domain says them all; it does not
know who reads. What is stored as a version, and what `wdbc export` writes, is the data itself and stays whole.
"""

from collections.abc import Mapping
from typing import Any

from wdbc_assets import safe_text, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import findings
from wdbc_assets.domain.rules.findings import Finding

_VARIABLE = settings.variable("show_values")
HOW_TO_SHOW = f"values are withheld; {_VARIABLE}=true shows them"
PREVIEW = "preview"
"""The one key of a description whose entry holds patients' values; what is found there is called to make it."""


class UnforeseenError(Exception):
    """A fault of the project, without the text of the error that it was: it may quote a cell."""


def redact_finding(finding: Finding, *, shown: bool) -> tuple[Finding, dict[str, str]]:
    """Return a finding as it may be shown, and a note for whoever misses the values; no note if none is withheld."""
    told = finding if shown else findings.without_values(finding)
    return told, {} if told == finding else {"values": HOW_TO_SHOW}


def redact_description(described: Mapping[str, Any], *, shown: bool) -> dict[str, Any]:
    """Return a description with its preview made, or with how to see one in its place."""
    import dagster as dg

    if PREVIEW not in described:
        return dict(described)
    return {**described, PREVIEW: described[PREVIEW]() if shown else dg.MetadataValue.text(HOW_TO_SHOW)}


def holds_for(described: Mapping[str, Any], *, shown: bool) -> bool:
    """Return whether a description from Dagster's history shows of patients what may be shown now."""
    import dagster as dg

    return PREVIEW not in described or isinstance(described[PREVIEW], dg.MarkdownMetadataValue) == shown


def redact_details(error: WdbcError) -> str:
    """Return what may be shown at the terminal of what a refusal found."""
    if error.detail == error.places or settings.load().show_values:
        return error.detail
    return "\n".join(part for part in (error.places, HOW_TO_SHOW) if part)


def redact_error(error: Exception, asset: str, *, shown: bool) -> UnforeseenError:
    """Return what Dagster's history may keep of an error that nobody foresaw: its kind, and the lines of code.

    Its text follows only where values may be shown, and without the secrets of an address in it.
    """
    text = (
        safe_text.redact(str(error))
        if shown
        else f"Its text is withheld, for it may quote a patient's value; {_VARIABLE}=true shows it."
    )
    told = f"{type(error).__name__} in {asset}: this is a fault of wdbc, not of your input. {text}"
    return UnforeseenError(told).with_traceback(error.__traceback__)
