"""Problems that are found in the store, the settings and the file system, without Dagster.

Each function yields the occurrences that exist now, and what cannot be read as damage. No remote source is contacted.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from wdbc_assets import clock, settings, sources
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batches
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.monitoring.inbox import open_inbox
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.registry import audit_log, challenger, retraining
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.paths import CHAMPION
from wdbc_assets.store.store import Store


def away(store: Store, config: settings.Settings) -> tuple[Occurrence, ...]:
    """Return that the store was moved or emptied, if it was."""
    try:
        batches.require_store(store, open_inbox(config))
    except batches.StoreAway as error:
        return (_damage("the store", message(error)),)
    except WdbcError:  # another function says what is damaged
        return ()
    return ()


def assets(store: Store) -> Iterator[Occurrence]:
    """Yield each asset whose last attempt was refused, or whose current version is damaged."""
    for asset in specs.ASSETS:
        yield from _of_asset(store, asset)


def _of_asset(store: Store, asset: str) -> Iterator[Occurrence]:
    try:
        if refusal := store.refusal(asset):
            text = f"the attempt at {refusal.at[:19]} UTC was refused: {'; '.join(refusal.reasons)}"
            yield Occurrence(
                cause="refused-asset", subject=asset, text=text, version=refusal.run_id, since=clock.time_of(refusal.at)
            )
        # The files of all batches would take too long to read: the latest one is looked at.
        manifest = None if asset == CHAMPION else staleness.latest(store, asset)
        if manifest is not None and (damage := store.damage(manifest)):
            yield _damage(asset, damage, manifest.version)
    except WdbcError as error:
        yield _damage(asset, message(error))


def production(store: Store) -> Iterator[Occurrence]:
    """Yield each damage of the champion, the audit log, the versions that a rollback restores, and the experiment."""
    try:
        registry = open_registry(store)
        standing = registry.standing()
        for problem in (*standing.problems, *registry.lost_evidence()):
            yield _damage(CHAMPION, problem)
        for way in registry.ways_back(standing):
            if way.damage and way.version != standing.version:
                yield _damage(CHAMPION, str(way), way.version)
        challenger.current(store)
    except WdbcError as error:
        yield _damage(CHAMPION, message(error))


def refused_promotion(store: Store) -> Iterator[Occurrence]:
    """Yield the last decision of the audit log, if it kept the champion and its candidate is still the current one."""
    last = open_registry(store).standing().history.last
    candidate = store.current("fitted_pipeline")
    if last is None or candidate is None or last.action != audit_log.KEPT or last.candidate != candidate.version:
        return
    text = f"the candidate {formatting.short(candidate.version)} was compared and not promoted: {last.verdict}"
    yield Occurrence(
        cause="refused-promotion", subject=CHAMPION, text=text, version=last.digest, since=clock.time_of(last.at)
    )


def refits(store: Store) -> Iterator[Occurrence]:
    """Yield the last retraining, if its refit was compared with the present champion and was never in production."""
    standing = open_registry(store).standing()
    history = standing.history.entries
    last = next(reversed(retraining.entries(history)), None)
    if last is None or last.after not in standing.versions_of_model or retraining.was_promoted(history, last.candidate):
        return
    passed = last.verdict in retraining.PASSING
    yield Occurrence(
        cause="waiting-refit" if passed else "refused-refit",
        subject=CHAMPION,
        text=f"the refit {formatting.short(last.candidate)} was compared with the champion: {last.verdict};"
        f" retrained because of: {last.reason}",
        version=last.digest,
        since=clock.time_of(last.at),
    )


_OWN_CAUSES = {"drift_report": "drift", "served_drift": "drift", "live_metrics": "predictions-wrong"}
"""The causes of assets whose checks that do not block mean more than that a value is unusual."""


def patients(store: Store) -> Iterator[Occurrence]:
    """Yield drift in the latest batch or window of the service, and predictions that do not agree with outcomes."""
    yield from _failed_checks(store, _OWN_CAUSES)


def failed_checks(store: Store) -> Iterator[Occurrence]:
    """Yield each other asset for whose current version, or latest batch, rules that do not block have failed."""
    reported_elsewhere = _OWN_CAUSES.keys() | {"incoming_batch"}  # see `arrival_problems.set_aside_rows`
    yield from _failed_checks(store, [asset for asset in specs.ASSETS if asset not in reported_elsewhere])


def _failed_checks(store: Store, names: Iterable[str]) -> Iterator[Occurrence]:
    for asset in names:
        manifest = staleness.latest(store, asset)
        if manifest is not None and (failed := _failed(manifest)):
            yield Occurrence(
                cause=_OWN_CAUSES.get(asset, "failed-check"),
                subject=asset,
                text=f"version {formatting.short(manifest.version)} failed {failed}",
                version=manifest.version,
                since=clock.time_of(manifest.made_at),
            )


def _failed(manifest: Manifest) -> str:
    """Return the failed checks that do not block. Only the summaries of results are shown: others may quote a value."""
    failed = [check for check in manifest.checks if not check.passed and not check.blocking]
    shown = (check.summary if manifest.asset in _OWN_CAUSES else check.rule for check in failed)
    return ", ".join(shown)


def local_source(config: settings.Settings) -> Iterator[Occurrence]:
    """Yield the configured source, if it is local and cannot be read."""
    try:
        source = sources.parse(config.source)
        if not source.remote:
            source.fingerprint(limits=config.limits())
    except WdbcError as error:
        yield Occurrence(cause="unreadable-source", subject="the source", text=f"it cannot be read: {message(error)}")


def disk_space(store: Store, config: settings.Settings) -> Iterator[Occurrence]:
    """Yield each disk on which a folder that this platform writes to has too little free space."""
    folders = {"DAGSTER_HOME": settings.home()}
    if "://" not in store.url:
        folders = {"the store": Path(store.url)} | folders
    disks = set()
    for name, folder in folders.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        disk, free = existing.stat().st_dev, shutil.disk_usage(existing).free
        if free < config.alerts_free_bytes and disk not in disks:
            text = f"{free / 2**20:,.0f} MiB are free; at least {config.alerts_free_bytes / 2**20:,.0f} MiB should be"
            yield Occurrence(cause="low-disk", subject=name, text=text)
        disks.add(disk)


def message(error: WdbcError) -> str:
    """Return what is wrong and where."""
    return f"{error.what} ({error.where})" if error.where else error.what


def _damage(subject: str, text: str, version: str = "") -> Occurrence:
    return Occurrence(cause="damaged-store", subject=subject, text=text, version=version)
