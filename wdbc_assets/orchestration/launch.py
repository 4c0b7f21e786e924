"""Execution of a job in this process, as a run in Dagster's history. Nothing runs if everything is up to date."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from wdbc_assets import logs, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.orchestration import instance as dagsters
from wdbc_assets.pipeline import pending, specs, staleness
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import dagster as dg


class Reporter(Protocol):
    """Shows the progress of a run. Its log handler keeps the errors that ended the run."""

    errors: list[WdbcError]

    def handler(self) -> logging.Handler:
        """Return the handler to add to the package's logger during the run."""

    def unchanged(self, manifest: Manifest) -> None:
        """Show an asset that is up to date and needs no run."""


def job(
    name: str,
    store: Store,
    config: settings.Settings,
    options: Mapping[str, Any],
    *,
    reporter: Reporter,
    force: bool,
    debug: bool,
    assets: Sequence[str] | None = None,
    decision: Mapping[str, Any] | None = None,
) -> str | None:
    """Run a job, or some of its assets, unless everything is up to date.

    Args:
        name: Name of the job.
        store: The store.
        config: The current settings.
        options: Settings given on the command line; None means not given.
        reporter: Receives the progress.
        force: Whether to materialize up-to-date assets too.
        debug: Whether to raise the original error.
        assets: The assets to materialize; None for all assets of the job.
        decision: Configuration of the promoted asset. It requests a promotion, even if everything is up to date.

    Returns:
        The id of the run, or None if everything was up to date.

    Raises:
        WdbcError: The run failed.
    """
    assets = specs.JOBS[name] if assets is None else assets
    states = staleness.assess(store, config, assets=assets)
    if decision is not None or force or pending.is_pending(store, config, states):
        given = {option: value for option, value in options.items() if value is not None}
        return _through_dagster(name, assets, given, decision, reporter=reporter, force=force, debug=debug)
    for state in states:
        if state.manifest:
            reporter.unchanged(state.manifest)
    return None


def batch(key: str, *, reporter: Reporter, debug: bool, assets: Sequence[str] = specs.JOBS["monitor"]) -> str:
    """Run the job `monitor`, or some of its assets, on one batch; return the id of the run.

    Raises:
        WdbcError: The run failed.
    """
    return _through_dagster("monitor", assets, {}, None, reporter=reporter, force=False, debug=debug, partition=key)


def live(*, reporter: Reporter, debug: bool, assets: Sequence[str] = specs.JOBS["live"]) -> str:
    """Run the job `live`, or some of its assets; return the id of the run.

    Raises:
        WdbcError: The run failed.
    """
    return _through_dagster("live", assets, {}, None, reporter=reporter, force=False, debug=debug)


def retrain(why: str, *, reporter: Reporter, debug: bool) -> str:
    """Run the job `retrain` for a stated reason; return the id of the run.

    Raises:
        WdbcError: The run failed.
    """
    from wdbc_assets.orchestration.retrain import REASON_TAG

    assets, tags = specs.JOBS["retrain"], {REASON_TAG: why}
    return _through_dagster("retrain", assets, {}, None, reporter=reporter, force=False, debug=debug, tags=tags)


def evaluate_labelled(options: Mapping[str, Any], *, reporter: Reporter, force: bool, debug: bool) -> str:
    """Run the job `evaluate_labelled` with settings given on the command line; return the id of the run.

    Raises:
        WdbcError: The run failed.
    """
    assets, given = specs.JOBS["evaluate_labelled"], {name: value for name, value in options.items() if value}
    return _through_dagster("evaluate_labelled", assets, given, None, reporter=reporter, force=force, debug=debug)


def served(*, reporter: Reporter, debug: bool, assets: Sequence[str] = specs.JOBS["served"]) -> str:
    """Run the job `served`, or some of its assets; return the id of the run.

    Raises:
        WdbcError: The run failed.
    """
    return _through_dagster("served", assets, {}, None, reporter=reporter, force=False, debug=debug)


def _through_dagster(
    job: str,
    assets: Sequence[str],
    options: Mapping[str, Any],
    decision: Mapping[str, Any] | None,
    *,
    reporter: Reporter,
    force: bool,
    debug: bool,
    partition: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    # Before Dagster, because importing skops searches every loaded module for each function of scipy.
    import skops.io  # noqa: F401, I001
    import dagster as dg

    from wdbc_assets.orchestration.materialize import FORCE_TAG
    from wdbc_assets.orchestration.definitions import defs
    from wdbc_assets.orchestration.partitions import BATCH

    configuration: dict[str, Any] = {}
    for asset in assets:
        parameters = specs.ASSETS[asset].parameters
        names = parameters.model_fields if parameters else {}
        if own := {name: value for name, value in options.items() if name in names}:
            configuration[asset] = {"config": own}
        if specs.ASSETS[asset].promoted and decision is not None:
            configuration[asset] = {"config": dict(decision)}
    logs.logger.addHandler(reporter.handler())
    try:
        with (
            dagsters.open_instance() as instance,
            dagsters.as_launched(instance, job) as own_tags,
            dagsters.without_log_errors(instance),
        ):
            if partition is not None:
                instance.add_dynamic_partitions(BATCH, [partition])
            result = defs.resolve_job_def(job).execute_in_process(
                instance=instance,
                run_config={
                    "ops": configuration,
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                tags=own_tags
                | {dagsters.PROCESS_TAG: dagsters.this_process(), **(tags or {})}
                | ({FORCE_TAG: "true"} if force else {}),
                asset_selection=[dg.AssetKey(asset) for asset in assets],
                raise_on_error=debug,
                partition_key=partition,
            )
    finally:
        logs.logger.removeHandler(reporter.handler())
    if reporter.errors:  # a successful run can have errors: a promotion without evidence leaves the champion in place
        raise reporter.errors[0]
    if result.success:
        return result.run_id
    if any(_is_interruption(event) for event in result.all_events):
        raise KeyboardInterrupt  # Dagster has recorded it as a failure and gone on
    raise WdbcError(
        f"run {result.run_id} failed",
        where="Dagster's history",
        hint="See the run's log in the UI (`wdbc ui`), or run `wdbc --debug ...`.",
    )


def _is_interruption(event: "dg.DagsterEvent") -> bool:
    error = event.step_failure_data.error if event.is_step_failure else None
    return error is not None and error.cls_name == "DagsterExecutionInterruptedError"
