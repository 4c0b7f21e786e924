"""`wdbc exporter`: Prometheus metrics of jobs, assets, the daemon, the champion, batches and alerts."""

import threading
from pathlib import Path

import click

from wdbc_assets.cli import ports, terminal
from wdbc_assets.cli.opening import opened
from wdbc_assets.domain.errors import WdbcError

PORT = 9464
HISTORY_SECONDS = 5.0
"""How long a scrape waits for Dagster's history. Prometheus gives up a scrape after 10 s, with all its metrics."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port to listen on.")
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the metrics once to FILE, which ends in .prom, for the textfile collector of the node exporter.",
)
def exporter(*, host: str, port: int, textfile: Path | None) -> None:
    """Serve Prometheus metrics of the platform on /metrics, until it is stopped.

    The metrics are read from the store and from Dagster's history at every scrape: the last run of each job, the age of
    each asset, failing checks, ticks and heartbeats of the daemon, the champion, drift and live metrics. A part that
    cannot be read is exported as wdbc_exporter_failed, and the others as usual; so is a history that does not answer
    within 5 seconds.
    """
    from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile

    from wdbc_assets.monitoring.exporter.collector import PlatformCollector
    from wdbc_assets.orchestration.instance import open_instance

    config, store = opened()
    registry = CollectorRegistry()
    limit = None if textfile else HISTORY_SECONDS
    registry.register(PlatformCollector(store, config, open_instance, limit))
    if textfile is not None:
        if textfile.suffix != ".prom":
            raise WdbcError(
                "the node exporter reads only files that end in .prom", where=str(textfile), hint="Rename FILE."
            )
        try:
            write_to_textfile(str(textfile), registry)
        except OSError as error:
            raise WdbcError(
                f"the metrics cannot be written: {error.strerror}",
                where=str(textfile),
                hint="Check the folder and its permissions.",
            ) from None
        return
    import dagster  # noqa: F401 -- this takes seconds, which are not part of the first scrape

    ports.refuse_taken(host, port, hint="Choose another address: `wdbc exporter --host ADDRESS --port N`.")
    server, _ = start_http_server(port, host, registry)
    terminal.say(f"  metrics on http://{host}:{port}/metrics; Ctrl-C stops", err=True)
    try:
        threading.Event().wait()
    finally:
        server.shutdown()
