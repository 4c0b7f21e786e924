"""The store: writes immutable versions, moves pointers, and verifies everything it reads.

    store.json                          the format of the whole store
    <asset>/current.json                the pointer: manifest of the current version
    <asset>/versions/<digest>/<files>   one immutable version, named by its content digest
    <asset>/refused.json                why the last attempt was rejected, until one succeeds
    champion/...                        also what is in production, since when and why: see `registry`
    runs/<run id>/<asset>.json          what a run made or kept

Write order: the files of the version, then the run's manifest, then the pointer. A process killed in between leaves a
version without a pointer, never a pointer to an incomplete version.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import backends, codecs, environment, parsing, paths
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import FORMAT, POINTER, RUN_MANIFEST, Manifest, stored_file, unsupported, version_of
from wdbc_assets.store.parsing import DamagedStore, Malformed

_TRIES = 4

# A run does not rebuild the champion: it changes by promotion only.
_HINTS = {paths.CHAMPION: "Roll back to an earlier champion (`wdbc rollback --reason TEXT`), or promote another."}


class NeverMade(WdbcError):
    """An asset has no current version yet."""


@dataclass(frozen=True)
class _Format:
    format: int


@dataclass(frozen=True)
class Refusal:
    """The last rejected attempt at an asset: when (UTC in ISO 8601), in which run, and the reasons."""

    at: str
    run_id: str
    reasons: list[str]


@dataclass(frozen=True)
class Handle:
    """A stored version that has not been read yet."""

    store: "Store"
    manifest: Manifest

    def load(self) -> Any:
        """Read the version, verify it, and return its value.

        Raises:
            DamagedStore: a file is missing, was altered, or does not contain such a value.
        """
        return self.store.value(self.manifest)


@dataclass(frozen=True)
class Draft:
    """A value ready to be stored: its files and its manifest."""

    value: Any = field(repr=False)  # it may hold patients' rows
    contents: Mapping[str, bytes] = field(repr=False)
    manifest: Manifest


class Store:
    """Versions and pointers in one location."""

    def __init__(self, backend: backends.Backend) -> None:
        self.backend = backend
        self.url = backend.url

    # Reading

    @cached_property
    def _understood(self) -> bool:
        try:
            number = parsing.read(_Format, self.backend.read(paths.FORMAT_FILE)).format
        except FileNotFoundError:
            return True
        except (Malformed, DamagedStore) as error:
            raise DamagedStore(
                f"the store's format file is damaged: {getattr(error, 'what', error)}",
                where=self._where(paths.FORMAT_FILE),
                hint="Delete it: the next run recreates it. All versions are unchanged.",
            ) from None
        if number != FORMAT:
            raise unsupported(number, self._where(paths.FORMAT_FILE))
        return True

    def require_known_format(self) -> None:
        """Reject a store of another format.

        Raises:
            DamagedStore: the store's format file is damaged.
            UnsupportedFormat: another release wrote the store.
        """
        _ = self._understood

    def current(self, asset: str) -> Manifest | None:
        """Return the manifest of the current version, or None if there is none.

        Raises:
            DamagedStore: the pointer is damaged.
            UnsupportedFormat: the store has a format that this release does not read.
        """
        return self._manifest(paths.pointer(asset), asset)

    def made_by(self, run_id: str, asset: str) -> Manifest | None:
        """Return what a run made or kept of an asset, so that one run uses one version throughout."""
        return self._manifest(paths.made_by(run_id, asset), asset, RUN_MANIFEST)

    def handle(self, asset: str, *, run_id: str | None = None) -> Handle:
        """Return the version that a run made of the asset, or else the current one.

        Raises:
            NeverMade: there is neither.
        """
        manifest = (self.made_by(run_id, asset) if run_id else None) or self.current(asset)
        if manifest is None:
            raise NeverMade(
                f"{asset} has never been materialized",
                where=self.url,
                hint=f"Materialize {asset} first, or run `wdbc run`.",
            )
        return Handle(self, manifest)

    def files(self, manifest: Manifest) -> dict[str, bytes]:
        """Read the files of a version and verify each against the manifest.

        Raises:
            DamagedStore: a file is missing or was altered.
        """
        contents = {}
        for name, stated in manifest.files.items():
            path = paths.version_file(manifest, name)
            try:
                content = self.backend.read(path)
            except FileNotFoundError:
                raise self._damage(manifest, path, "is missing") from None
            except DamagedStore as error:
                raise self._damage(manifest, path, f"cannot be read: {error.what}") from None
            if stored_file(content) != stated:
                raise self._damage(manifest, path, "was altered: its digest does not match the manifest")
            contents[name] = content
        if version_of(manifest.files) != manifest.version:
            raise self._damage(manifest, paths.version(manifest), "does not match the digest in its name")
        return contents

    def value(self, manifest: Manifest) -> Any:
        """Read a version, verify it, and return its value.

        Raises:
            DamagedStore: a file is missing, was altered, or does not contain such a value.
        """
        contents = self.files(manifest)
        try:
            return codecs.decode(manifest.codec, contents)
        except (WdbcError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 -- libraries raise anything for files with other content
            raise self._damage(
                manifest, "", f"cannot be decoded, although its digest matches ({type(error).__name__})"
            ) from None

    def document(self, manifest: Manifest, name: str) -> dict[str, Any]:
        """Read and verify the JSON object in one file of a version.

        Raises:
            DamagedStore: a file is missing, was altered, or does not contain a JSON object.
        """
        try:
            plain = parsing.decode(self.files(manifest)[name])
        except (Malformed, KeyError):
            plain = None
        if not isinstance(plain, dict):
            raise self._damage(manifest, paths.version_file(manifest, name), "does not contain a JSON object")
        return plain

    def found(self, manifest: Manifest) -> dict[str, bytes | None]:
        """Read the files of a version without verification, None for a missing one.

        Use it to find out what has changed, never to compute anything.
        """
        return {name: self._content(paths.version_file(manifest, name)) for name in manifest.files}

    def damage(self, manifest: Manifest) -> str | None:
        """Return what is wrong with the stored files of a version, or None if they are intact."""
        try:
            self.files(manifest)
        except DamagedStore as error:
            return error.what
        return None

    def refusal(self, asset: str) -> dict[str, Any] | None:
        """Return when and why the last attempt at an asset was rejected, or None if a later one succeeded.

        A damaged record counts as a rejection. The next success clears it.
        """
        try:
            note = parsing.decode(self.backend.read(paths.refusal(asset)))
            return asdict(parsing.build(Refusal, note)) if note else None
        except FileNotFoundError:
            return None
        except (Malformed, DamagedStore) as error:
            why = f"the record of it is damaged ({paths.refusal(asset)}): {getattr(error, 'what', error)}"
            return asdict(Refusal("unknown", "unknown", [why]))

    # Writing

    def draft(
        self,
        asset: str,
        value: Any,
        *,
        run_id: str,
        seconds: float = 0.0,
        inputs: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        code_version: str = "",
        checks: Iterable[Mapping[str, Any]] = (),
        origin: Mapping[str, Any] | None = None,
    ) -> Draft:
        """Convert a value to files and a manifest. Nothing is written yet.

        Raises:
            WdbcError: the asset's name is not a valid folder name, or the value has no storage format.
        """
        codec, contents, rows = codecs.encode(paths.asset_name(asset), value)
        files = {paths.file_name(name): stored_file(content) for name, content in contents.items()}
        manifest = Manifest(
            asset=asset,
            version=version_of(files),
            codec=codec,
            files=files,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            run_id=paths.run_name(run_id),
            seconds=round(seconds, 3),
            rows=rows,
            inputs=dict(inputs or {}),
            parameters=dict(parameters or {}),
            code_version=code_version,
            libraries=environment.libraries(),
            machine=environment.machine(),
            checks=[dict(check) for check in checks],
            origin=dict(origin) if origin else None,
        )
        return Draft(value, contents, manifest)

    def commit(self, draft: Draft, *, run_id: str) -> bool:
        """Write a version, then move the asset's pointer to it; return whether the pointer moved.

        The pointer does not move if another run replaced an input since it was read. The result is then kept as a
        version but does not become current.

        Raises:
            CannotWrite: runs on other machines moved the pointer again and again meanwhile.
        """
        self.write(draft)
        self.backend.replace(paths.made_by(run_id, draft.manifest.asset), draft.manifest.to_json())
        with self.backend.commit_lock():
            self.write(draft)  # before the lock is held, garbage collection may remove it
            return self._point(draft.manifest)

    def write(self, draft: Draft) -> None:
        """Write the missing and the damaged files of a version. No pointer changes."""
        self._mark_format()
        for name, content in draft.contents.items():
            path = paths.version_file(draft.manifest, name)
            if not self._holds(path, content) and not self.backend.compare_and_swap(path, None, content):
                self.backend.replace(path, content)

    def keep(self, manifest: Manifest, *, run_id: str) -> None:
        """Record that a run found the current version up to date."""
        self._mark_format()
        self.forget_refusal(manifest.asset)
        self.backend.replace(paths.made_by(run_id, manifest.asset), manifest.to_json())

    def note_refusal(self, asset: str, *, run_id: str, reasons: Iterable[str]) -> None:
        """Record why an attempt was rejected, for `wdbc status`."""
        note = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "run_id": run_id,
            "reasons": list(reasons),
        }
        self._mark_format()
        self.backend.replace(paths.refusal(asset), json.dumps(note, indent=2).encode())

    def forget_refusal(self, asset: str) -> None:
        """Record that an attempt succeeded, or that the asset is up to date."""
        if self.refusal(asset):
            self.backend.replace(paths.refusal(asset), b"{}")

    def checkpoints(self, asset: str, depends_on: Any, *, fresh: bool = False) -> Checkpoints:
        """Return the checkpoints of unfinished work. With `fresh`, ignore those of earlier attempts."""
        self._mark_format()
        return Checkpoints(self.backend, paths.asset_name(asset), depends_on, fresh=fresh)

    def _point(self, manifest: Manifest) -> bool:
        path = paths.pointer(manifest.asset)
        for _ in range(_TRIES):
            stored = self._content(path)
            for name, version in manifest.inputs.items():
                now = self._current_or_damaged(name)
                if now is None or now.version != version:
                    return False
            earlier = self._current_or_damaged(manifest.asset)
            if (earlier is not None and earlier.derivation() == manifest.derivation()) or (
                self.backend.compare_and_swap(path, stored, manifest.to_json())
            ):
                self.forget_refusal(manifest.asset)
                return True
        raise backends.CannotWrite(
            f"the pointer of {manifest.asset} was moved by other runs meanwhile, {_TRIES} times",
            where=self._where(path),
            hint="Run again. The version is stored, and the pointer is at one of those runs' versions.",
        )

    def _current_or_damaged(self, asset: str) -> Manifest | None:
        # A good pointer replaces a damaged one; refusing would leave the store broken forever.
        try:
            return self.current(asset)
        except DamagedStore:
            return None

    # Places

    def _manifest(self, path: str, asset: str, name: str = POINTER) -> Manifest | None:
        if not self._understood:
            return None
        try:
            content = self.backend.read(path)
        except FileNotFoundError:
            return None
        return Manifest.from_json(content, where=self._where(path), name=name, asset=asset)

    def _mark_format(self) -> None:
        content = json.dumps({"format": FORMAT}).encode() + b"\n"
        if self._understood and not self._holds(paths.FORMAT_FILE, content):
            self.backend.replace(paths.FORMAT_FILE, content)

    def _holds(self, path: str, content: bytes) -> bool:
        return self._content(path) == content

    def _content(self, path: str) -> bytes | None:
        try:
            return self.backend.read(path)
        except (FileNotFoundError, DamagedStore):
            return None

    def folder(self, manifest: Manifest) -> str:
        """Return the path or URL of a version's folder."""
        return self._where(paths.version(manifest))

    def _where(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/{path}"

    def _damage(self, manifest: Manifest, path: str, problem: str) -> DamagedStore:
        return DamagedStore(
            f"stored file of {manifest.asset} {problem}",
            where=self._where(path or paths.version(manifest)),
            hint=_HINTS.get(manifest.asset, "Run `wdbc run` to rebuild this asset.")
            + " The damaged file is never used.",
        )


def open_store(location: str, *, relative_to: Path) -> Store:
    """Return the store at a folder or URL. A relative folder is resolved against `relative_to`."""
    return Store(backends.open_backend(location, relative_to=relative_to))
