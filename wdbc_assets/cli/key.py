"""`wdbc key`: who may use the prediction service."""

from pathlib import Path

import click

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.serving import api_keys


@click.group()
def key() -> None:
    """Keys of the prediction service; only digests of them are kept."""


@key.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(api_keys.SCOPES),
    multiple=True,
    default=("predict",),
    show_default=True,
    help="What it opens: predict, the answers; admin, the metrics. Can be given twice.",
)
def create(*, name: str, scopes: tuple[str, ...]) -> None:
    """Create a key and print it, once: it cannot be shown again."""
    created, whole = api_keys.create(_path(), name, scopes)
    terminal.say(f"key {created.name!r} ({created.id}) opens: {', '.join(created.scopes)}. It is shown once:", err=True)
    terminal.say(whole)


@key.command("list")
def list_() -> None:
    """List the keys: id, when it was created, what it opens, name."""
    known = api_keys.read_if_any(_path())
    for one in known.values():
        terminal.say(f"  {one.id}  {one.created_at[:19]}  {','.join(one.scopes):<13}  {one.name}")
    if not known:
        terminal.say("  there is no key; `wdbc key create NAME` makes one", err=True)


@key.command()
@click.argument("name")
def revoke(*, name: str) -> None:
    """Revoke the key of this name or id; a running service refuses it within seconds."""
    gone = api_keys.revoke(_path(), name)
    terminal.say(f"revoked {gone.name!r} ({gone.id})")


def _path() -> Path:
    return api_keys.place(settings.load().serve_keys, relative_to=settings.project_root())
