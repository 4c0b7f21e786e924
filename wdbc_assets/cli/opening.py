"""What the commands that change the store begin with: the settings, the log and the store."""

from wdbc_assets import logs, settings
from wdbc_assets.store.store import Store


def opened(**options: object) -> tuple[settings.Settings, Store]:
    """Load the settings, where `options` of the command take precedence, open the log, and return them and the store.

    Raises:
        WdbcError: a setting is invalid, the log cannot be written, or the store's address cannot be used.
    """
    config = settings.load(**options)
    logs.open_log(config.log, relative_to=settings.project_root())
    return config, config.open_store()
