"""Deriving current versions again from what they were made of, and finding out why one is not what is stored.

Nothing is written into the store, no pointer is moved, and no run of Dagster's is started.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import specs, validation
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Store
from wdbc_assets.verification import causes, configuration, files
from wdbc_assets.verification.causes import Cause
from wdbc_assets.verification.configuration import Configuration
from wdbc_assets.verification.differences import Difference
from wdbc_assets.verification.findings import Finding
from wdbc_assets.verification.inputs import Again, Inventory
from wdbc_assets.verification.rederive import Case, Derived, Inputs, NotAsked, Workshop

CHEAP_SECONDS = 30.0
"""What took longer is not derived once more to tell one cause from another."""


def verify(store: Store, chosen: settings.Settings, assets: Iterable[str], *, deep: bool) -> Iterator[Finding]:
    """Derive the current version of each asset again and compare; yields each finding as soon as it is found.

    `assets` come inputs first. `deep` asks remote sources too, and does all of the work that is else done in part.

    Raises:
        WdbcError: a pointer is damaged, or the store is of a newer release.
    """
    from wdbc_assets.orchestration import definitions  # noqa: F401 -- the assets that it imports make their functions known

    with tempfile.TemporaryDirectory(prefix="wdbc-verify-") as place:
        verification = _Verification(store, chosen, Workshop(store, chosen, Path(place), deep=deep))
        for asset in assets:
            manifest = store.current(asset)
            if manifest is None:
                yield Finding(asset, None, "not derived", reason="it has never been made")
            else:
                yield verification.of(Case(asset, manifest, store.found(manifest)))


class _Verification:
    """One verification: each case in turn, with what was derived before it."""

    def __init__(self, store: Store, chosen: settings.Settings, workshop: Workshop) -> None:
        self._store = store
        self._chosen = chosen
        self._workshop = workshop
        self._inventory = Inventory(store)

    def of(self, case: Case) -> Finding:
        """Derive one version again, and say how that ended."""
        damage = tuple(causes.damage(case.manifest, case.found, self._made(case.manifest)))
        setting = Configuration(None, None, ())
        try:
            setting = configuration.resolve(case.asset, case.manifest, self._chosen)
            inputs = self._inventory.present(case.asset, case.manifest)
            started = time.monotonic()
            as_stated = not (inputs.changes or setting.changes)
            derived = self._workshop.derive(case, inputs, setting.now, as_stated=as_stated)
            cheap = time.monotonic() - started <= CHEAP_SECONDS
        except NotAsked as error:
            return _unasked(case, damage, setting, error)
        except WdbcError as error:
            return Finding(
                case.asset, case.manifest, "diverged" if damage else "not derived", causes=damage, reason=error.what
            )
        same = derived.is_what_is_stated(case.manifest)
        found = damage if same else (*damage, *self._causes(case, setting, inputs, derived, cheap=cheap))
        if found:
            validated = validation.validate(case.asset, derived.value, inputs.values, where=case.asset)
            refusal = None if same else validated.refusal
            self._inventory.again[case.asset] = Again(case.manifest.version, derived.draft, refusal)
        return Finding(
            case.asset,
            case.manifest,
            "diverged" if found else "same",
            derived=derived.draft.manifest.version,
            compared=files.described(derived.draft.contents),
            causes=found,
            differences=_differences(case, derived, inputs) if found else (),
            notes=(*derived.notes, *inputs.notes, *self._beside(case, setting, found)),
        )

    def _made(self, manifest: Manifest) -> Manifest | None:
        try:
            return self._store.made_by(manifest.run_id, manifest.asset)
        except DamagedStore:
            return None

    def _causes(
        self, case: Case, setting: Configuration, inputs: Inputs, derived: Derived, *, cheap: bool
    ) -> tuple[Cause, ...]:
        """Return why what was derived is not what is stated, the likeliest cause first.

        What can be put back (inputs, configuration) is, if that is cheap: what comes out then tells whether they are
        the cause, the whole cause, or none of it.
        """
        turned = (*inputs.changes, *setting.changes)
        if not turned:
            return self._rest(case, derived)
        before = self._stated(case) if cheap and (setting.stated or not setting.changes) else None
        back = None if before is None else self._attempt(case, before, setting.stated, as_stated=True)
        if before is None or back is None:
            return (*turned, *causes.around(case.manifest, specs.code_version(case.asset)))
        if not back.is_what_is_stated(case.manifest):
            return (*turned, *self._rest(case, back))
        if inputs.changes and setting.changes:
            for given, parameters, others in (
                (inputs, setting.stated, setting.changes),
                (before, setting.now, inputs.changes),
            ):
                alone = self._attempt(case, given, parameters, as_stated=False)
                if alone is not None and alone.is_what_is_stated(case.manifest):
                    return others
        return turned

    def _stated(self, case: Case) -> Inputs | None:
        try:
            return self._inventory.stated(case.asset, case.manifest)
        except WdbcError:
            return None

    def _attempt(self, case: Case, inputs: Inputs, parameters: BaseModel | None, *, as_stated: bool) -> Derived | None:
        """Derive once more; None if that cannot be done."""
        try:
            return self._workshop.derive(case, inputs, parameters, as_stated=as_stated)
        except WdbcError:
            return None

    def _rest(self, case: Case, derived: Derived) -> tuple[Cause, ...]:
        """Return what else can be the cause of what came out of the stated inputs and parameters."""
        came, stated = derived.draft.manifest.origin, case.manifest.origin
        if came and stated and came["sha256"] != stated.get("sha256"):
            return (Cause("data", f"at {came['shown']}", stated.get("sha256"), came["sha256"]),)
        if not stated and (found := tuple(causes.around(case.manifest, specs.code_version(case.asset)))):
            return found
        return tuple(causes.forged(case.manifest, derived.draft.manifest))

    def _beside(self, case: Case, setting: Configuration, found: tuple[Cause, ...]) -> Iterator[str]:
        """Yield what differs from the manifest without being among the causes."""
        for cause in (*setting.changes, *causes.around(case.manifest, specs.code_version(case.asset))):
            if cause not in found:
                yield f"differs too, but is not the cause: {cause}" if found else f"same in spite of {cause}"


def _differences(case: Case, derived: Derived, inputs: Inputs) -> tuple[Difference, ...]:
    whole, asked = case.whole(), files.patients(inputs.values)
    return tuple(
        files.compare(name, case.found.get(name), derived.draft.contents.get(name), whole=name in whole, asked=asked)
        for name in dict.fromkeys([*case.manifest.files, *derived.draft.contents])
        if case.found.get(name) != derived.draft.contents.get(name)
    )


def _unasked(case: Case, damage: tuple[Cause, ...], setting: Configuration, error: NotAsked) -> Finding:
    """Judge what came from a source that is not asked: by the digest that it had when it came."""
    asset, manifest = case.asset, case.manifest
    if not damage and any(change.name == "source" for change in setting.changes):
        change = next(change for change in setting.changes if change.name == "source")
        return Finding(asset, manifest, "not derived", reason=f"{error.what} ({change})")
    came = (manifest.origin or {}).get("sha256")
    if not damage and came not in {file.sha256 for file in manifest.files.values()}:
        damage = tuple(Cause("stored file", name, came, "is not what came from the source") for name in manifest.files)
    return Finding(
        asset,
        manifest,
        "diverged" if damage else "same",
        derived=manifest.version,
        compared=f"{files.described(case.whole())}, by the digest that its source had",
        causes=damage,
        notes=(error.what,),
    )
