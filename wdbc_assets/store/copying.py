"""Copy a whole store to another location, such as a folder to a bucket.

First versions and records, then the pointers, and last the audit log and the champion's pointer. Pointers and audit log
are those from the beginning of the copy, and are created only where there are none. A copy that was killed has no
pointer and can be continued: what it copied is compared by digest, not copied again.

Nothing is written to the store that is copied, and nothing that already exists in the other one is changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from wdbc_assets import temporary_files
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import paths
from wdbc_assets.store.backends import Backend, CannotRead
from wdbc_assets.store.manifest import Manifest, StoredFile, stored_file, stored_stream, version_of
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.reader import StoreReader

Report = Callable[[int, int, int], None]
"""Called with the number of files that are done, of all files, and of bytes that were copied."""

FindProblems = Callable[[Mapping[str, bytes]], Iterable[str]]
"""Returns what is wrong with pointers and audit log, given by path, besides what each states about itself."""

_AT_ONCE = 8  # requests to an object store mostly wait
_PIECE = 1024**2
_READS = 5
_LAST = (paths.HISTORY, paths.pointer(paths.CHAMPION), paths.EXPERIMENT, paths.HISTORY_HEAD)
_POINTERS = frozenset({paths.CURRENT, paths.REMOVED, "refused.json"})


@dataclass(frozen=True)
class Copy:
    """What a copy did: files that were copied, with their bytes, and files that the other store had already."""

    files: int
    bytes: int
    present: int
    verified: bool


def copy(
    source: Backend,
    target: Backend,
    *,
    verify: bool = False,
    report: Report = lambda *_: None,
    find_problems: FindProblems = lambda _: (),
) -> Copy:
    """Copy every file of a store, each verified by its digest.

    Args:
        source: The store to copy.
        target: An empty location, or one with an unfinished copy of the same store.
        verify: Whether to read every file again from the target afterwards.
        report: Called after each file.
        find_problems: Checks the audit log, which this folder of the package cannot read.

    Raises:
        WdbcError: the target has other content, or one store lies in the other.
        DamagedStore: files of the source are damaged; no pointer was copied.
        CannotRead: a store cannot be read, or the source changes too often.
        CannotWrite: the target cannot be written.
    """
    _require_apart(source, target)
    StoreReader(source).require_known_format()
    pointers, files = _snapshot(source)
    if not files:
        raise WdbcError(
            "no store was found to copy", where=source.url, hint="Check the address: it has no file store.json."
        )
    present = {file.path: file.size for file in target.listed() if _is_content(file.path)}
    _require_same(target, present, {**files, **{path: len(content) for path, content in pointers.items()}})
    work = _Work(source, target, frozenset(present), report, len(files) + len(pointers))
    stored = work.copy_files(files)
    altered = filter(None, map(_damage, pointers, pointers.values()))
    damaged = [*work.damaged, *_damaged_versions(stored), *altered, *find_problems(pointers)]
    if damaged:
        raise _refused(source, damaged)
    work.copy_pointers(pointers)
    if verify:
        _verify(target, stored | {path: stored_file(content) for path, content in pointers.items()})
    return Copy(work.files, work.bytes, work.done - work.files, verify)


class _Work:
    """The copying of files, and what was done so far."""

    def __init__(self, source: Backend, target: Backend, present: frozenset[str], report: Report, total: int) -> None:
        self._source = source
        self._target = target
        self._present = present
        self._report = report
        self._total = total
        self.files = self.bytes = self.done = 0
        self.damaged: list[str] = []

    def copy_files(self, files: Mapping[str, int]) -> dict[str, StoredFile]:
        """Copy files several at once, and return the digest of each that could be read."""
        from concurrent.futures import ThreadPoolExecutor

        stored: dict[str, StoredFile] = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for path, result in zip(files, pool.map(self._copy_file, files), strict=True):
                if result is not None:
                    stored[path] = result
                    self._count(path, result.size)
        return stored

    def copy_pointers(self, pointers: Mapping[str, bytes]) -> None:
        """Create the pointers, and last the audit log."""
        with self._target.commit_lock():
            for path, content in pointers.items():
                if not self._target.compare_and_swap(path, None, content):
                    raise _other_content(self._target, path)
                self._count(path, len(content))

    def _copy_file(self, path: str) -> StoredFile | None:
        try:
            with self._source.open(path) as file, temporary_files.unnamed() as local:
                while piece := file.read(_PIECE):
                    local.write(piece)
                local.seek(0)
                stated = stored_stream(local)
                local.seek(0)
                content = local.read() if stated.size <= _PIECE else None
                if problem := _damage(path, content, stated):
                    self.damaged.append(problem)
                elif path in self._present:
                    self._require_equal(path, stated)
                elif content is None:
                    self._target.put_file(path, local)
                elif not self._target.compare_and_swap(path, None, content):
                    raise _other_content(self._target, path)
        except (FileNotFoundError, DamagedStore) as error:
            self.damaged.append(f"{path} {error.what if isinstance(error, DamagedStore) else 'is missing'}")
            return None
        return stated

    def _require_equal(self, path: str, stated: StoredFile) -> None:
        with self._target.open(path) as file:
            if stored_stream(file) != stated:
                raise _other_content(self._target, path)

    def _count(self, path: str, size: int) -> None:
        self.done += 1
        if path not in self._present:
            self.files += 1
            self.bytes += size
        self._report(self.done, self._total, self.bytes)


def _snapshot(source: Backend) -> tuple[dict[str, bytes], dict[str, int]]:
    """Return the pointers with their content, the audit log last, and all other files with their sizes.

    The pointers are read twice, because a decision moves several of them.
    """
    for _ in range(_READS):
        files = {file.path: file.size for file in source.listed() if _is_content(file.path)}
        moving = sorted(
            (path for path in files if _is_pointer(path)),
            key=lambda path: (_LAST.index(path) if path in _LAST else -1, path),
        )
        try:
            first, again = ({path: source.read(path) for path in moving} for _ in range(2))
        except FileNotFoundError:
            continue
        if first == again:
            return first, {path: size for path, size in files.items() if path not in first}
    raise CannotRead(
        "the store changes while it is read", where=source.url, hint="Copy it again while nothing runs on it."
    )


def _is_content(path: str) -> bool:
    """Return whether a file is not a lock, an unfinished write, or a record of reuse, which is of this store only."""
    name = PurePosixPath(path).name
    return not paths.is_reuse(path) and name != ".lock" and not name.startswith(".tmp-")


def _is_pointer(path: str) -> bool:
    return PurePosixPath(path).name in _POINTERS or path in {*_LAST, paths.NEXT_EXPERIMENT}


def _damage(path: str, content: bytes | None, stated: StoredFile | None = None) -> str | None:
    """Return what is wrong with a file that states its own digest, in its name or its content."""
    folder, name = PurePosixPath(path).parent.name, PurePosixPath(path)
    if folder in ("evidence", "references") and path.startswith(f"{paths.CHAMPION}/"):
        return None if stated is None or stated.sha256 == name.stem else f"{path} was altered"
    is_manifest = path.startswith("runs/") or folder in ("promoted", paths.CHALLENGERS) or name.name == paths.CURRENT
    if not is_manifest or name.suffix != ".json":
        return None
    partition = name.parent.name if folder and name.parent.parent.name == "partitions" else None
    if path.startswith("runs/") and len(name.parts) == 4:
        partition = name.stem
    try:
        Manifest.from_json(content or b"", where=path, partition=partition)
    except DamagedStore:
        return f"{path} was altered"
    return None


def _damaged_versions(stored: Mapping[str, StoredFile]) -> list[str]:
    """Return the versions whose files do not give the digest in their name."""
    versions: dict[str, dict[str, StoredFile]] = defaultdict(dict)
    for path, stated in stored.items():
        parts = PurePosixPath(path).parts
        if len(parts) == 4 and parts[1] == "versions":
            versions["/".join(parts[:3])][parts[3]] = stated
    return [
        f"{folder}: a file is missing or was altered"
        for folder, files in versions.items()
        if version_of(files) != PurePosixPath(folder).name
    ]


def _verify(target: Backend, stored: Mapping[str, StoredFile]) -> None:
    """Read everything again from where it was copied to."""
    for path, stated in stored.items():
        with target.open(path) as file:
            if stored_stream(file) != stated:
                raise _other_content(target, path)


def _require_apart(source: Backend, target: Backend) -> None:
    one, other = (f"{backend.url.rstrip('/')}/" for backend in (source, target))
    if one.startswith(other) or other.startswith(one):
        raise WdbcError(
            "a store cannot be copied to itself, or into or out of its own folder",
            where=target.url,
            hint="Name another folder or bucket.",
        )


def _require_same(target: Backend, present: Mapping[str, int], files: Mapping[str, int]) -> None:
    """Raise WdbcError if the target has a file that is not one of the copy, or that has another size."""
    for path, size in present.items():
        if files.get(path) != size:
            raise _other_content(target, path)


def _other_content(target: Backend, path: str) -> WdbcError:
    return WdbcError(
        "the target already has other content",
        where=f"{target.url.rstrip('/')}/{path}",
        hint="Nothing there was changed. Copy to an empty folder or bucket; only an unfinished copy of the same store"
        " is continued.",
    )


def _refused(source: Backend, damaged: Iterable[str]) -> DamagedStore:
    listed = sorted(damaged)
    return DamagedStore(
        "the store to copy is damaged: " + "; ".join(listed[:5]) + (" ..." if len(listed) > 5 else ""),
        where=source.url,
        hint=f"Damaged files or versions: {len(listed)}. No pointer and no audit log was copied. `wdbc run` rebuilds"
        " what is current, and `wdbc gc --apply` removes what is not used; restore a damaged audit log from a backup."
        " Then copy to an empty location.",
    )
