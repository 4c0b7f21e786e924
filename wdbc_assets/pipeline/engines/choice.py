"""The choice of the engine by the settings and the size of the table."""

from importlib.util import find_spec

from wdbc_assets import logs, settings
from wdbc_assets.pipeline.engines.engine import Engine
from wdbc_assets.pipeline.engines.local import Local


def engine(config: settings.Computing, *, rows: int) -> Engine:
    """Return the engine for a table of this many rows. It starts nothing before its first unit."""
    if config.engine == "dask" or (config.engine == "auto" and rows > config.rows_in_memory and _dask_is_installed()):
        from wdbc_assets.pipeline.engines.dask import Dask

        return Dask(config)
    return Local(config.processes())


def _dask_is_installed() -> bool:
    if find_spec("distributed"):
        return True
    logs.logger.info("engine: local, because the extra `dask` is not installed", extra={"event": "note"})
    return False
