"""Whether the service asks for keys. It is decided once for all workers, and later only ever towards more.

The decision stands in the environment of the service's processes, so a worker that is replaced takes the same one.
"""

from enum import StrEnum
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving import addresses, api_keys


class Access(StrEnum):
    """Whom the service answers."""

    KEYED = "keyed"
    LOCAL = "local"  # no key was ever created: every program of this machine
    OPEN = "open"  # asked for by name: everyone who reaches the address


def decide(host: str, path: Path, *, insecure: bool) -> Access:
    """Return whom a service that starts now answers.

    Raises:
        WdbcError: keys were created but their file is missing or cannot be read, or no key was created and others than
            this machine could reach the service.
    """
    if insecure:
        return Access.OPEN
    if api_keys.ever_created(path):
        try:
            api_keys.read(path)
        except api_keys.MissingKeyFile:
            raise WdbcError(
                "keys were created, but the key file is missing",
                where=str(path),
                hint="Restore it, or correct WDBC_SERVE_KEYS; or create a key: `wdbc key create NAME`; or answer"
                " everyone who reaches the address: --insecure-no-key.",
            ) from None
        return Access.KEYED
    if not addresses.is_loopback(host):
        raise WdbcError(
            "there is no key, so that everybody who reaches this address would be answered",
            where=host,
            hint="Create one: `wdbc key create NAME --scope predict`. Or serve this machine alone: leave out --host. Or"
            " ask for it by name: --insecure-no-key.",
        )
    return Access.LOCAL


def follow(path: Path) -> None:
    """Hand the workers to come that keys are asked for, as soon as one was created."""
    if decided() is Access.LOCAL and api_keys.ever_created(path):
        settings.hand_over_access(Access.KEYED)


def decided() -> Access:
    """Return what was decided for this process; nothing handed over means that keys are asked for."""
    return Access(settings.service_access() or Access.KEYED)
