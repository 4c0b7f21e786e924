"""One attempt to re-derive a value: the asset's function called with given inputs, in a temporary folder."""

import contextlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import BaseModel

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import calls, specs
from wdbc_assets.pipeline.engines import choice
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets.pipeline.progress import Progress
from wdbc_assets.safe_text import HIDDEN
from wdbc_assets.store.backends import open_backend
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import Manifest, StoredFile, stored_file
from wdbc_assets.store.reader import MOST_COMPARED
from wdbc_assets.store.store import Draft, Handle, Store
from wdbc_assets.verification.causes import Deviation

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.rebased import RebasedReference


class NotDerived(WdbcError):
    """The value cannot be derived in this environment."""


class RemoteSourceSkipped(NotDerived):
    """The source is remote, and `--deep` was not given."""


@dataclass(frozen=True)
class StoredVersion:
    """A version to re-derive, with its stored files by name; None for a missing file.

    Of a large table that is read in parts, size and digest stand for a file, see `Store.found`. `then` is what was done
    with the value of the asset before it was stored, if anything.
    """

    asset: str
    manifest: Manifest
    contents: Mapping[str, bytes | StoredFile | None]
    then: Callable[[Any], Any] | None = None

    def intact(self) -> dict[str, bytes]:
        """Return the files in memory that match the manifest."""
        return {
            name: content
            for name, stated in self.manifest.files.items()
            if isinstance(content := self.contents[name], bytes) and stored_file(content) == stated
        }

    def large(self) -> dict[str, StoredFile]:
        """Return size and digest of the files that are not held in memory."""
        return {name: content for name, content in self.contents.items() if isinstance(content, StoredFile)}


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


@dataclass(frozen=True)
class Derived:
    """The re-derived value, its draft, and notes about what was only sampled."""

    value: Any
    draft: Draft
    notes: tuple[str, ...]

    def contents(self) -> dict[str, bytes | StoredFile]:
        """Return the files by name, as `StoredVersion.contents` has them."""
        tables = {
            name: stated if (stated := self.draft.manifest.files[name]).size > MOST_COMPARED else _content(table.file)
            for name, table in self.draft.tables.items()
        }
        return {**self.draft.contents, **tables}

    def matches(self, manifest: Manifest) -> bool:
        """Return whether files, codec and number of rows are those of a manifest."""
        drafted = self.draft.manifest
        return (drafted.files, drafted.codec, drafted.rows) == (manifest.files, manifest.codec, manifest.rows)


@dataclass(frozen=True)
class Inputs:
    """Values and versions by name, the versions that differ from the manifest, and notes.

    Of an asset with batches also its versions of earlier batches, the reference that a person has accepted, and what
    held in production.
    """

    values: Mapping[str, Any]
    versions: Mapping[str, str]
    changes: tuple[Deviation, ...] = ()
    notes: tuple[str, ...] = ()
    earlier: tuple[Handle, ...] = ()
    rebased: "RebasedReference | None" = None
    scoring_context: calls.ScoringContext = field(default_factory=calls.ScoringContext)


class Sandbox:
    """Runs asset calls. It reads the source and a temporary folder, and writes only to that folder."""

    def __init__(self, store: Store, config: settings.Settings, folder: Path, *, deep: bool) -> None:
        self._store = store
        self._config = config
        self._folder = folder
        self._deep = deep
        self._attempts = 0

    def derive(self, case: StoredVersion, inputs: Inputs, parameters: BaseModel | None, *, as_stated: bool) -> Derived:
        """Call the asset's function and encode its result as files.

        Args:
            case: The version to re-derive.
            inputs: Values and versions of the inputs.
            parameters: Parameters of the asset.
            as_stated: Whether inputs and parameters are those of the manifest.

        Raises:
            RemoteSourceSkipped: The source is remote, and the verification is not deep.
            NotDerived: The value cannot be derived in this environment.
            WdbcError: The source or the function refuses.
        """
        notes: list[str] = []
        outcome = calls.call(
            case.asset,
            inputs.values,
            versions=inputs.versions,
            parameters=parameters,
            source=_Source(self._config, case.manifest, deep=self._deep),
            known=None,
            report=Progress(case.asset, {"event": "progress", "asset": case.asset}),
            engine=lambda: choice.engine(self._config, rows=0) if self._deep else Local(1),
            checkpoints=lambda: self._checkpoints(case, inputs.values, notes, as_stated=as_stated),
            partition=case.manifest.partition,
            earlier=lambda: [handle.load() for handle in inputs.earlier],
            rebased=lambda: inputs.rebased,
            scoring_context=inputs.scoring_context,
        )
        value, origin = outcome, None
        if isinstance(outcome, calls.External):
            value, origin = outcome.value, outcome.origin
        if case.then is not None:
            value = case.then(value)
        draft = self._store.draft(case.asset, value, run_id=case.manifest.run_id, origin=origin)
        return Derived(value, draft, tuple(notes))

    def _checkpoints(
        self, case: StoredVersion, inputs: Mapping[str, Any], notes: list[str], *, as_stated: bool
    ) -> Checkpoints:
        self._attempts += 1  # each attempt gets its own checkpoints
        backend = open_backend(str(self._folder), relative_to=self._folder)
        checkpoints = Checkpoints(backend, case.asset, [case.manifest.version, self._attempts])
        sampler = specs.ASSETS[case.asset].sample
        if self._deep or not sampler:
            return checkpoints
        if not as_stated:
            raise NotDerived(
                "inputs or configuration changed, so that nothing can be sampled: `--deep` evaluates everything"
            )
        try:
            sample = pkgutil.resolve_name(sampler)(checkpoints, case.intact(), inputs, case.manifest.version)
        except LookupError:
            raise NotDerived("the stored predictions are damaged: `--deep` evaluates everything again") from None
        if sample:
            notes.append(f"{sample}; `--deep` evaluates all")
        return checkpoints


class _Source:
    """Source of a verification: fetches like a run, but contacts a remote source only if the verification is deep."""

    def __init__(self, config: settings.Settings, manifest: Manifest, *, deep: bool) -> None:
        self._limits = config.limits()
        self._stated_origin: sources.Origin | None = None
        self._stated_pin = manifest.parameters.get("source_sha256")
        self._deep = deep
        with contextlib.suppress(WdbcError):
            self._stated_origin = sources.Origin.from_json(manifest.origin or {})

    def fetch(
        self,
        parameters: settings.SourceParameters,
        *,
        known: sources.Origin | None,
        stored: Callable[[], sources.Snapshot | None],
        report: Callable[[str], None],
    ) -> sources.Snapshot | None:
        """Fetch the source. The manifest's own pin is ignored: a list of changed cells helps more than a refusal.

        Raises:
            RemoteSourceSkipped: The source is remote, and the verification is not deep.
            NotDerived: The manifest hides credentials of the source.
        """
        source = sources.parse(parameters.source)
        if source.remote:
            if not self._deep:
                raise RemoteSourceSkipped("its source is remote; `--deep` fetches it", where=source.shown)
            if HIDDEN in parameters.source:
                raise NotDerived("the manifest hides the source's credentials: set WDBC_SOURCE to the full address")
        pin = parameters.source_sha256
        return source.fetch(
            known=known,
            stored=stored,
            until=self._stated_origin,
            sha256=None if pin == self._stated_pin else pin,
            limits=self._limits,
            report=report,
        )
