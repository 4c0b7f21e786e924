"""A job in this process, through Dagster, so that it stands in its history; or nothing, if nothing is to be done."""

from collections.abc import Mapping, Sequence
from typing import Any

from wdbc_assets import freshness, lineage, logs, settings, sources
from wdbc_assets.cli import instance as dagsters
from wdbc_assets.cli import terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.store import Store


def job(
    name: str,
    store: Store,
    chosen: settings.Settings,
    options: Mapping[str, Any],
    *,
    force: bool,
    debug: bool,
    assets: Sequence[str] | None = None,
    decision: Mapping[str, Any] | None = None,
) -> str | None:
    """Make what a job is to make, or only `assets` of it; returns the run's id, or None if all was up to date.

    After a refusal the success is recorded by a run, so that Dagster's history does not end with the failure.

    `options` are settings given on the command line; those that are None were not given. `decision` is the
    configuration of what is decided anew, be all up to date or not.

    Raises:
        WdbcError: the run failed.
    """
    assets = lineage.JOBS[name] if assets is None else assets
    states = freshness.survey(store, chosen, assets=assets)
    # A remote source is asked inside a run, so that its answer stands in Dagster's history.
    remote = "raw_data" in assets and sources.parse(chosen.source).kind in ("http", "object")
    refused = any(store.refusal(asset) for asset in assets)
    if decision is not None or remote or force or refused or not all(state.up_to_date for state in states):
        given = {option: value for option, value in options.items() if value is not None}
        return _through_dagster(name, assets, given, decision, force=force, debug=debug)
    for state in states:
        if state.passport:
            terminal.asset_line(state.asset, "unchanged", state.passport.rows, None, state.passport.version)
    return None


def _through_dagster(
    job: str,
    assets: Sequence[str],
    options: Mapping[str, Any],
    decision: Mapping[str, Any] | None,
    *,
    force: bool,
    debug: bool,
) -> str:
    # Before Dagster: skops looks for each function of scipy in every module that is loaded when it is imported.
    import skops.io  # noqa: F401, I001
    import dagster as dg

    from wdbc_assets.assets.versioned import FORCE_TAG
    from wdbc_assets.definitions import defs

    configuration: dict[str, Any] = {}
    for asset in assets:
        parameters = lineage.DERIVATIONS[asset].parameters
        names = parameters.model_fields if parameters else {}
        if own := {name: value for name, value in options.items() if name in names}:
            configuration[asset] = {"config": own}
        if lineage.DERIVATIONS[asset].decided and decision is not None:
            configuration[asset] = {"config": dict(decision)}
    lines = terminal.Lines()
    logs.logger.addHandler(lines)
    try:
        with dagsters.opened() as instance:
            result = defs.resolve_job_def(job).execute_in_process(
                instance=instance,
                run_config={
                    "ops": configuration,
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                tags={dagsters.PROCESS_TAG: dagsters.this_process()} | ({FORCE_TAG: "true"} if force else {}),
                asset_selection=[dg.AssetKey(asset) for asset in assets],
                raise_on_error=debug,
            )
    finally:
        logs.logger.removeHandler(lines)
    if lines.errors:  # also of a run that succeeded: a promotion without evidence leaves production as it is
        raise lines.errors[0]
    if result.success:
        return result.run_id
    raise WdbcError(
        f"run {result.run_id} failed",
        where="Dagster's history",
        mend="See the run's log in the UI (`wdbc ui`), or run `wdbc --debug ...`.",
    )
