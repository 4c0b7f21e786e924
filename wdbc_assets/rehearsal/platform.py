"""The platform as the rehearsal uses it: commands as people type them, ticks of sensors, the store, and the service.

Commands and runs are executed in this process, because starting a process for each would take most of the time. What
they print goes to a transcript.
"""

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import adding, batches
from wdbc_assets.monitoring.inbox import open_inbox
from wdbc_assets.orchestration import launch
from wdbc_assets.pipeline import specs
from wdbc_assets.registry import referral
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.registry import open_registry

if TYPE_CHECKING:
    import dagster as dg
    import pandas as pd

    from wdbc_assets.domain.monitoring.drift import DriftReport
    from wdbc_assets.domain.monitoring.live import LiveMetrics

_DELIVERY_SECONDS, _LOOK_SECONDS = 60.0, 0.5

_MOST_RUNS = 10
"""Runs of one week: more mean that a run is requested again and again."""


@dataclass(frozen=True)
class Console:
    """How the command line is used.

    Attributes:
        run: Runs a `wdbc` command with these arguments and returns its exit code.
        reporter: Makes what shows the progress of a run.
    """

    run: Callable[[Sequence[str]], int]
    reporter: Callable[[], launch.Reporter]


@dataclass(frozen=True)
class Printed:
    """The exit code of a command and what it printed."""

    code: int
    text: str


class Platform:
    """The platform in the current folder."""

    def __init__(self, console: Console, transcript: Path) -> None:
        self._console = console
        self._transcript = transcript
        self.config = settings.load()
        self.store = self.config.open_store()

    @cached_property
    def source(self) -> str:
        """The source of the table that the first champion was trained on."""
        manifest = self.store.current("raw_data")
        return self.config.source if manifest is None else str(manifest.parameters["source"])

    @property
    def results(self) -> Path:
        """The folder of the store."""
        return Path(self.config.storage)

    def command(self, *arguments: str, expect: Sequence[int] = (0,)) -> Printed:
        """Run a command of `wdbc`, as a person types it.

        Raises:
            WdbcError: its exit code is not one of the expected ones.
        """
        with self._recorded(f"$ wdbc {' '.join(arguments)}") as output:
            code = self._console.run(arguments)
        if code not in expect:
            raise WdbcError(
                f"`wdbc {arguments[0]}` ended with exit code {code}",
                where=str(self._transcript),
                hint="Read the end of that file. This is a bug, unless the disk is full.",
            )
        return Printed(code, output.getvalue())

    def receive(self, file: Path) -> str:
        """Put a file into the inbox, and return the key of its batch."""
        return adding.add(file, open_inbox(self.config), batches.stored(self.store)).batch

    def take_up(self) -> list[WdbcError]:
        """Let the sensor of the inbox look, and carry out the runs that it requests; return why some failed."""
        failures: list[WdbcError] = []
        with self._recorded("# the sensor inbox_changed"):
            for _ in range(_MOST_RUNS):
                try:
                    requests = self._requested_batches()
                except WdbcError as error:
                    return [*failures, error]
                for request in requests:
                    try:
                        self._run_on_batch(request)
                    except WdbcError as error:
                        failures.append(error)
                if not requests:
                    break
        return failures

    def _requested_batches(self) -> "Sequence[dg.RunRequest]":
        import dagster as dg

        from wdbc_assets.orchestration import inbox_sensor, resources
        from wdbc_assets.orchestration.instance import open_instance

        used = {"store": resources.StoreResource(), "inbox": resources.InboxResource()}
        with open_instance() as instance, dg.build_sensor_context(instance, resources=used) as context:
            looked = inbox_sensor.inbox_changed(context)
        return (looked.run_requests or ()) if isinstance(looked, dg.SensorResult) else ()

    def _run_on_batch(self, request: "dg.RunRequest") -> None:
        selected = [key.to_user_string() for key in request.asset_selection or ()]
        launch.batch(
            str(request.partition_key),
            reporter=self._console.reporter(),
            debug=False,
            assets=selected or specs.JOBS["monitor"],
        )

    def retrain_if_wanted(self) -> None:
        """Let the sensor of the retraining look, and carry out the run that it requests, if any."""
        import dagster as dg

        from wdbc_assets.orchestration import resources, retrain_sensor
        from wdbc_assets.orchestration.instance import open_instance
        from wdbc_assets.orchestration.retrain import REASON_TAG

        used = {"store": resources.StoreResource()}
        with self._recorded("# the sensor retrain_wanted"):
            with open_instance() as instance, dg.build_sensor_context(instance, resources=used) as context:
                looked = retrain_sensor.retrain_wanted(context)
            if isinstance(looked, dg.RunRequest):
                with suppress(WdbcError):  # the reporter has printed it, and its alert is raised
                    launch.retrain(looked.tags[REASON_TAG], reporter=self._console.reporter(), debug=False)

    def look_for_problems(self) -> None:
        """Let the sensor of the alerts look and send."""
        import dagster as dg

        from wdbc_assets.orchestration import alert_sensor, resources
        from wdbc_assets.orchestration.instance import open_instance

        used = {"store": resources.StoreResource()}
        with (
            self._recorded("# the sensor alerts"),
            open_instance() as instance,
            dg.build_sensor_context(instance, resources=used) as context,
        ):
            alert_sensor.alerts(context)

    def deliver_alerts(self) -> None:
        """Wait until every alert has arrived, but no longer than a minute: a channel that failed is tried later."""
        from wdbc_assets.orchestration import alerting

        end = time.monotonic() + _DELIVERY_SECONDS
        while self.waiting_alerts() and time.monotonic() < end:
            alerting.send(self.config, wait_seconds=1)
            time.sleep(_LOOK_SECONDS)

    def drift(self, batch: str) -> "DriftReport | None":
        """Return the drift report of a batch, or None if there is none."""
        if batch not in self.store.partitions("drift_report"):
            return None
        report: DriftReport = self.store.handle("drift_report", partition=batch).load()
        return report

    def live(self) -> "LiveMetrics | None":
        """Return the live metrics, or None if there are none."""
        if self.store.current("live_metrics") is None:
            return None
        metrics: LiveMetrics = self.store.handle("live_metrics").load()
        return metrics

    def predictions(self, batch: str) -> "pd.DataFrame | None":
        """Return the predictions for the patients of a batch, or None if there are none."""
        if batch not in self.store.partitions("predictions"):
            return None
        table: pd.DataFrame = self.store.handle("predictions", partition=batch).load().table
        return table

    def champion(self) -> str:
        """Return the version in production, or an empty string."""
        return open_registry(self.store).standing().version or ""

    def refers_everyone(self) -> bool:
        """Return whether every patient is referred to a person."""
        return referral.current(open_registry(self.store).standing().history) is not None

    def decisions(self) -> Sequence[Entry]:
        """Return the decisions about the champion, oldest first."""
        return open_registry(self.store).standing().history.entries

    def waiting_alerts(self) -> int:
        """Return how many messages wait until their channel takes them."""
        from wdbc_assets.monitoring.alerts import outbox

        if not outbox.exists(settings.home()):
            return 0
        with outbox.open_outbox(settings.home()) as box:
            return sum(backlog.messages for backlog in box.backlogs())

    def pseudonyms(self, truth: Mapping[str, int]) -> dict[str, int]:
        """Return the diagnoses of patients by their pseudonyms."""
        from wdbc_assets.domain.data import incoming

        key = open_inbox(self.config).pseudonym_key()
        return {incoming.pseudonym(key, patient): diagnosis for patient, diagnosis in truth.items()}

    @contextmanager
    def _recorded(self, heading: str) -> Iterator[io.StringIO]:
        """Add what the block prints to the transcript, also if it fails."""
        output = io.StringIO()
        try:
            with redirect_stdout(output), redirect_stderr(output):
                yield output
        finally:
            with self._transcript.open("a", encoding="utf-8") as transcript:
                transcript.write(f"{heading}\n{output.getvalue()}\n")
