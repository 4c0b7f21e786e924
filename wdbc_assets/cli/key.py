"""`wdbc key`: manage the API keys of the prediction service."""

from pathlib import Path

import click

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.serving import api_keys


@click.group()
def key() -> None:
    """Manage the API keys of the prediction service. Only their digests are stored."""


@key.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(api_keys.SCOPES),
    multiple=True,
    default=("predict",),
    show_default=True,
    help="Scope of the key: predict for the API, admin for the metrics. Can be repeated.",
)
def create(*, name: str, scopes: tuple[str, ...]) -> None:
    """Create a key and print it. It is shown only once."""
    created, token = api_keys.create(_path(), name, scopes)
    scope = ", ".join(created.scopes)
    terminal.say(f"created key {created.name!r} ({created.id}), scope: {scope}. It is shown only once:", err=True)
    terminal.say(token)


@key.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """List the keys: id, creation time, scopes, name."""
    keys = api_keys.read_if_any(_path())
    if as_json:
        names = ("id", "created_at", "scopes", "name")
        terminal.document([{name: getattr(entry, name) for name in names} for entry in keys.values()])
        return
    for entry in keys.values():
        terminal.say(f"  {entry.id}  {entry.created_at[:19]}  {','.join(entry.scopes):<13}  {entry.name}")
    if not keys:
        terminal.say("  no keys; create one with `wdbc key create NAME`", err=True)


@key.command()
@click.argument("name")
def revoke(*, name: str) -> None:
    """Revoke the key with this name or id. A running service rejects it within seconds."""
    revoked = api_keys.revoke(_path(), name)
    terminal.say(f"revoked {revoked.name!r} ({revoked.id})")


def _path() -> Path:
    return api_keys.locate(settings.load().serve_keys, relative_to=settings.project_root())
