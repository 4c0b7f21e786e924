"""The choice of the engine by the settings and the size of the table."""

from importlib.util import find_spec

from wdbc_assets import logs, settings
from wdbc_assets.pipeline.engines.engine import Engine
from wdbc_assets.pipeline.engines.local import Local

LARGEST_LOCAL_ROWS = 2_000_000
"""The rows of a table up to which `auto` is `local`."""


def engine(config: settings.Computing, *, rows: int) -> Engine:
    """Return the engine for a table of this many rows. It starts nothing before its first unit."""
    if config.engine == "dask" or (config.engine == "auto" and rows > LARGEST_LOCAL_ROWS and _dask_is_installed()):
        from wdbc_assets.pipeline.engines.dask import Dask

        return Dask(config)
    return Local(config.processes())


def _dask_is_installed() -> bool:
    if find_spec("distributed"):
        return True
    logs.logger.info("engine: local, because the extra `dask` is not installed", extra={"event": "note"})
    return False
