"""Writes .env.example from the settings: `python -m docs.env_example`. A test keeps it current."""

from pathlib import Path

from wdbc_assets import settings

PAGE = Path(__file__).parent.parent / ".env.example"

_HEAD = """\
# Settings, read by `wdbc` and by `dagster` from .env in the folder where they start. `make` copies this file to .env,
# which git ignores; remove a # there to set one. Derived from wdbc_assets/settings by `python -m docs.env_example`.
#
# In the form NAME="${NAME:-value}" a variable of the environment wins in both: `dagster` puts what .env says above the
# environment, and `wdbc` the environment above .env.
"""


def page() -> str:
    """Return the file as it should be."""
    lines = [_HEAD]
    fields = settings.Settings.model_fields
    for name in sorted(fields, key=_place):
        field, variable = fields[name], settings.variable(name)
        value = "..." if field.default is None else f'"${{{variable}:-{field.default}}}"'
        lines.append(f"# {field.description}\n# {variable}={value}\n")
    return "\n".join(lines)


def _place(name: str) -> int:
    """Where to put a setting: those of the store and the log first, then by group."""
    names = [
        *settings.SourceParameters.model_fields,
        *settings.SplitParameters.model_fields,
        *settings.SearchParameters.model_fields,
        *settings.MetricsParameters.model_fields,
        *settings.PolicyParameters.model_fields,
        *settings.ImportanceParameters.model_fields,
        *settings.FetchLimits.model_fields,
    ]
    return names.index(name) if name in names else -1


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
