"""One attempt at deriving a value: the asset's own function, given inputs and parameters, in a place of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import functions
from wdbc_assets.pipeline.progress import Progress
from wdbc_assets.safe_text import HIDDEN
from wdbc_assets.store.backends import open_backend
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import Manifest, stored_file
from wdbc_assets.store.store import Draft, Store
from wdbc_assets.verification.causes import Cause
from wdbc_assets.verification.sampling import SAMPLERS


class NotDerived(WdbcError):
    """A value cannot be derived here and now."""


class NotAsked(NotDerived):
    """The source is remote, and was not to be asked."""


@dataclass(frozen=True)
class Case:
    """A version that is to be derived again, with what lies in its place: content by name, None if it is missing."""

    asset: str
    manifest: Manifest
    found: Mapping[str, bytes | None]

    def whole(self) -> dict[str, bytes]:
        """Return the files that are what the manifest states."""
        return {
            name: content
            for name, stated in self.manifest.files.items()
            if (content := self.found[name]) is not None and stored_file(content) == stated
        }


@dataclass(frozen=True)
class Derived:
    """What came out: the value, the files that would be stored, and what of the work was done in part."""

    value: Any
    draft: Draft
    notes: tuple[str, ...]

    def is_what_is_stated(self, manifest: Manifest) -> bool:
        """Whether the files have the digests that a manifest states, and are what it says that they are."""
        drafted = self.draft.manifest
        return (drafted.files, drafted.codec, drafted.rows) == (manifest.files, manifest.codec, manifest.rows)


@dataclass(frozen=True)
class Inputs:
    """Values and their versions by name, which are not those that the manifest states, and what to know beside."""

    values: Mapping[str, Any]
    versions: Mapping[str, str]
    changes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()


class Workshop:
    """Where values are derived: it reads the source and a temporary folder, and writes into that folder alone."""

    def __init__(self, store: Store, chosen: settings.Settings, place: Path, *, deep: bool) -> None:
        self._store = store
        self._chosen = chosen
        self._place = place
        self._deep = deep
        self._benches = 0

    def derive(self, case: Case, inputs: Inputs, parameters: BaseModel | None, *, as_stated: bool) -> Derived:
        """Call the asset's function and turn what it returns into files.

        `as_stated` says that inputs and parameters are what the manifest states.

        Raises:
            NotAsked, NotDerived: it cannot be done here and now.
            WdbcError: the source or the function refuses.
        """
        notes: list[str] = []
        outcome = functions.call(
            case.asset,
            inputs.values,
            versions=inputs.versions,
            parameters=parameters,
            source=_Source(self._chosen, case.manifest, deep=self._deep),
            known=None,
            report=Progress(case.asset, {"event": "progress", "asset": case.asset}),
            effort=settings.Effort(workers=self._chosen.workers if self._deep else 1),
            checkpoints=lambda: self._checkpoints(case, inputs.values, notes, as_stated=as_stated),
        )
        value, origin = outcome, None
        if isinstance(outcome, functions.External):
            value, origin = outcome.value, outcome.origin
        draft = self._store.draft(case.asset, value, run_id=case.manifest.run_id, origin=origin)
        return Derived(value, draft, tuple(notes))

    def _checkpoints(self, case: Case, inputs: Mapping[str, Any], notes: list[str], *, as_stated: bool) -> Checkpoints:
        self._benches += 1  # a bench of its own for each attempt
        backend = open_backend(str(self._place), relative_to=self._place)
        checkpoints = Checkpoints(backend, case.asset, [case.manifest.version, self._benches])
        sampler = SAMPLERS.get(case.asset)
        if self._deep or sampler is None:
            return checkpoints
        if not as_stated:
            raise NotDerived(
                "inputs or configuration changed: all of its long work would be to do again, which `--deep` does"
            )
        try:
            notes.append(
                sampler(checkpoints, case.whole(), inputs, case.manifest.version) + "; `--deep` does all again"
            )
        except LookupError:
            raise NotDerived("its stored parts are damaged, and `--deep` alone does all of them again") from None
        return checkpoints


class _Source:
    """Stands for the source: asks as a run does, but a remote one only if that is wished."""

    def __init__(self, chosen: settings.Settings, manifest: Manifest, *, deep: bool) -> None:
        self._limits = chosen.limits()
        self._stated_pin = manifest.parameters.get("source_sha256")
        self._deep = deep

    def fetch(self, parameters: settings.SourceParameters, *, known: sources.Origin | None, report: Any) -> Any:
        """Ask the source. A pin that the manifest states is left out: which cells differ says more than a refusal."""
        location = sources.parse(parameters.source)
        if location.kind not in ("bundled", "path"):
            if not self._deep:
                raise NotAsked("its source is not on this machine; `--deep` asks it", where=location.shown)
            if HIDDEN in parameters.source:
                raise NotDerived("its manifest states the source without credentials: set WDBC_SOURCE to all of it")
        pin = parameters.source_sha256
        return sources.fetch(
            location,
            known=known,
            sha256=None if pin == self._stated_pin else pin,
            limits=self._limits,
            report=report,
        )
