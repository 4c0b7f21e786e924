"""Access mode: whether the service requires keys. Determined once for all workers; it can only become stricter.

The mode is passed on in the environment of the service's processes, so that a replacement worker has the same one.
"""

from enum import StrEnum
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.loopback import is_loopback
from wdbc_assets.serving import api_keys


class Access(StrEnum):
    """Who may use the service."""

    KEYED = "keyed"
    LOCAL = "local"  # no key was ever created: every local client
    OPEN = "open"  # requested with --insecure-no-key: every client that reaches the address


def decide(host: str, path: Path, *, insecure: bool) -> Access:
    """Return the access mode of a service that starts now.

    Raises:
        WdbcError: Keys were created, but the key file is missing or cannot be read; or no key was ever created, and
            the host is reachable from other machines.
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
                hint="Restore it, correct WDBC_SERVE_KEYS, or create a key with `wdbc key create NAME`. To serve every"
                " client without a key, use --insecure-no-key.",
            ) from None
        return Access.KEYED
    if not is_loopback(host):
        raise WdbcError(
            "no API key exists, and this address is reachable from other machines",
            where=host,
            hint="Create a key: `wdbc key create NAME --scope predict`. To serve local clients only, leave out --host."
            " To serve every client without a key, use --insecure-no-key.",
        )
    return Access.LOCAL


def require_keys_once_created(path: Path) -> None:
    """Switch workers started from now on to KEYED once a key was created."""
    if inherited() is Access.LOCAL and api_keys.ever_created(path):
        settings.hand_over_access(Access.KEYED)


def inherited() -> Access:
    """Return the access mode passed on to this process. If there is none, keys are required."""
    return Access(settings.service_access() or Access.KEYED)
