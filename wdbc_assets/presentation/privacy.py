"""What may be shown of a patient, and what stands in its place: nothing, unless WDBC_SHOW_VALUES allows it.

Values are redacted here, where text is shown to people: the rows of a failed check, the preview of a table, the error
block of a command, and the text of an unexpected error. The domain does not redact, because it does not know its
readers. Stored versions and the files of `wdbc export` are the data itself and are never redacted.
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
"""The only key of a description whose entry holds patients' values. The entry is a function."""


class UnforeseenError(Exception):
    """A bug in the project. It replaces the original error, whose text may quote a cell."""


def redact_finding(finding: Finding, *, shown: bool) -> tuple[Finding, dict[str, str]]:
    """Return a finding as it may be shown, and a note if values are withheld."""
    redacted = finding if shown else findings.without_values(finding)
    return redacted, {} if redacted == finding else {"values": HOW_TO_SHOW}


def redact_description(described: Mapping[str, Any], *, shown: bool) -> dict[str, Any]:
    """Return a description with its preview, or with a note on how to show it."""
    import dagster as dg

    if PREVIEW not in described:
        return dict(described)
    return {**described, PREVIEW: described[PREVIEW]() if shown else dg.MetadataValue.text(HOW_TO_SHOW)}


def holds_for(described: Mapping[str, Any], *, shown: bool) -> bool:
    """Return whether a description from Dagster's history has the current visibility of patients' values."""
    import dagster as dg

    return PREVIEW not in described or isinstance(described[PREVIEW], dg.MarkdownMetadataValue) == shown


def redact_details(error: WdbcError) -> str:
    """Return the details of an error as the terminal may show them."""
    if error.detail == error.places or settings.load().show_values:
        return error.detail
    return "\n".join(part for part in (error.places, HOW_TO_SHOW) if part)


def redact_error(error: Exception, asset: str, *, shown: bool) -> UnforeseenError:
    """Return what Dagster's history may keep of an unexpected error: its type and its traceback.

    Its text is included only if values may be shown, and without secrets.
    """
    text = (
        safe_text.redact(str(error))
        if shown
        else f"Its text is withheld, because it may quote a patient's value; {_VARIABLE}=true shows it."
    )
    message = f"{type(error).__name__} in {asset}: this is a bug in wdbc, not a problem with your input. {text}"
    return UnforeseenError(message).with_traceback(error.__traceback__)
