"""Write .env.example from the settings: `python -m tools.env_example`. A test keeps it current."""

from pathlib import Path

from wdbc_assets import settings

PAGE = Path(__file__).parent.parent / ".env.example"

_HEAD = """\
# Settings. `wdbc` and `dagster` read them from the file .env in the folder where they start. `make` copies this file to
# .env, which git ignores. To change a setting, remove the # before it there and edit the value.
#
# Keep the form NAME="${NAME:-value}": it lets an environment variable win in both programs. (`wdbc` prefers the
# environment to .env anyway; `dagster` prefers .env.)
#
# Generated from wdbc_assets/settings by `python -m tools.env_example`.
"""


def page() -> str:
    """Return the text of the file."""
    lines = [_HEAD]
    fields = settings.Settings.model_fields
    for name in sorted(fields, key=_position):
        field, variable = fields[name], settings.variable(name)
        value = "..." if field.default is None else f'"${{{variable}:-{field.default}}}"'
        lines.append(f"# {field.description}\n# {variable}={value}\n")
    return "\n".join(lines)


def _position(name: str) -> int:
    """Return the sort key of a setting: settings outside the groups first, then group by group."""
    names = [
        *settings.SourceParameters.model_fields,
        *settings.SplitParameters.model_fields,
        *settings.SearchParameters.model_fields,
        *settings.MetricsParameters.model_fields,
        *settings.PolicyParameters.model_fields,
        *settings.StabilityParameters.model_fields,
        *settings.ImportanceParameters.model_fields,
        *settings.CardParameters.model_fields,
        *settings.FetchLimits.model_fields,
    ]
    return names.index(name) if name in names else -1


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
