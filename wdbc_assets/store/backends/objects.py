"""A backend on an object store, or in memory, through obstore (the extra `cloud`).

A PUT replaces a whole object or nothing. A conditional PUT (If-Match, If-None-Match, or a generation) decides between
writers on several machines. Address and credentials come from the environment variables of each cloud: `AWS_*`,
`GOOGLE_*`, `AZURE_*`.
"""

import contextlib
import io
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from wdbc_assets import locks, safe_text
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.backends.backend import MOST_BYTES, CannotRead, CannotWrite, Listed, too_large
from wdbc_assets.store.backends.object_errors import cut_answers_ignored, explained, repeated_if_cut
from wdbc_assets.store.manifest import stored_stream
from wdbc_assets.store.parsing import DamagedStore

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore import PutMode, ReadableFile, UpdateVersion
    from obstore.store import ObjectStore, RetryConfig

_TRIES = 4
_RETRIES: "RetryConfig" = {"max_retries": 10, "retry_timeout": timedelta(seconds=60)}  # some 6 s without a server


class ObjectFolder:
    """A folder on an object store, or in the memory of this process."""

    _locks: ClassVar[dict[str, threading.Lock]] = {}  # one lock for each URL in this process
    _memory: ClassVar[dict[str, "ObjectStore"]] = {}

    def __init__(self, url: str) -> None:
        self.url = safe_text.redact_url(url)
        self._lock = self._locks.setdefault(url, threading.Lock())
        try:
            from obstore.store import MemoryStore, from_url

            if url.startswith("memory:"):
                self._store = self._memory.setdefault(url, MemoryStore())
            else:
                self._store = from_url(url, retry_config=_RETRIES)
        except ModuleNotFoundError:
            raise WdbcError(
                "the store's address cannot be used: the package obstore is not installed",
                where="WDBC_STORAGE",
                hint='Install the extra: pip install "wdbc_assets[cloud]", or use a folder.',
            ) from None
        except Exception as error:  # noqa: BLE001 -- obstore's errors have no common class that is documented
            reason = str(error).partition("\n")[0]  # what follows is obstore's own representation of the error
            raise WdbcError(
                f"the store's address cannot be used: {safe_text.redact(safe_text.conceal(reason, url))}",
                where="WDBC_STORAGE",
                hint="Write s3://bucket/folder, gs://bucket/folder or az://container/folder (with"
                " AZURE_STORAGE_ACCOUNT_NAME set).",
            ) from None

    def read(self, path: str) -> bytes:
        """Return an object's content; raise FileNotFoundError if it does not exist."""
        return self._versioned(path)[0]

    def _versioned(self, path: str) -> "tuple[bytes, PutMode]":
        """Return an object's content, and the condition that it is still the same object."""
        import obstore

        with explained(CannotRead, self._where(path)):
            result = repeated_if_cut(lambda: obstore.get(self._store, path))
            if result.meta["size"] > MOST_BYTES:
                raise too_large(result.meta["size"], self._where(path))
            condition: UpdateVersion = {}
            if e_tag := result.meta["e_tag"]:
                condition["e_tag"] = e_tag
            if version := result.meta["version"]:
                condition["version"] = version
            return bytes(result.bytes()), condition

    def open(self, path: str) -> BinaryIO:
        """Open an object for reading, in requests of some megabytes each."""
        import obstore

        with explained(CannotRead, self._where(path)):
            reader = repeated_if_cut(lambda: obstore.open_reader(self._store, path))
            return io.BufferedReader(_Raw(self._where(path), reader))

    def replace(self, path: str, content: bytes) -> None:
        """Write a whole object."""
        self._put(path, content, lambda: self.read(path) == content)

    def put_file(self, path: str, source: BinaryIO) -> None:
        """Write a whole object, in parts if it is large. It becomes visible once all parts have arrived."""
        self._put(path, source, lambda: self._has_content_of(source, path))

    def _put(self, path: str, content: bytes | BinaryIO, arrived: Callable[[], bool]) -> None:
        """Write an object. After an error the content decides: perhaps only the answer was lost."""
        import obstore

        def put() -> None:
            if not isinstance(content, bytes):
                content.seek(0)
            obstore.put(self._store, path, content)

        try:
            with explained(CannotWrite, self._where(path)):
                repeated_if_cut(put)
        except CannotWrite:
            with contextlib.suppress(FileNotFoundError, CannotRead, DamagedStore):
                if arrived():
                    return
            raise

    def _has_content_of(self, source: BinaryIO, path: str) -> bool:
        source.seek(0)
        with self.open(path) as file:
            return stored_stream(file) == stored_stream(source)

    def compare_and_swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        """Replace `old` by `new` on the condition that the object did not change since it was compared.

        An object store also rejects a write whose earlier attempt succeeded, if the answer to that was lost, and S3
        one that meets a removal. So after a rejection or an error the content decides.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        rejected = contextlib.suppress(AlreadyExistsError, PreconditionError)
        for _ in range(_TRIES):
            content: bytes | None
            mode: PutMode
            try:
                content, mode = self._versioned(path)
            except FileNotFoundError:
                content, mode = None, "create"
            if content == new or content != old:
                return content == new
            try:
                with explained(CannotWrite, self._where(path)), rejected, cut_answers_ignored():
                    obstore.put(self._store, path, new, mode=mode)
                    return True
            except CannotWrite:
                with contextlib.suppress(FileNotFoundError, CannotRead, DamagedStore):
                    if self.read(path) == new:
                        return True
                raise
        return False

    def set_aside(self, path: str) -> None:
        """Move the object to another name beside it."""
        import obstore

        with explained(CannotWrite, self._where(path)), contextlib.suppress(FileNotFoundError):
            aside = f"{path}.damaged-{secrets.token_hex(4)}"
            repeated_if_cut(lambda: obstore.rename(self._store, path, aside))

    def listed(self, below: str = "") -> list[Listed]:
        """Return every object below a folder."""
        with explained(CannotRead, self._where(below)):
            return repeated_if_cut(lambda: self._listed(below))

    def _listed(self, below: str) -> list[Listed]:
        import obstore

        return [
            Listed(item["path"], item["size"], item["last_modified"].timestamp())
            for items in obstore.list(self._store, below or None)
            for item in items
        ]

    def remove(self, folder: str) -> None:
        """Remove every object below a folder, or one object."""
        with explained(CannotWrite, self._where(folder)):
            repeated_if_cut(lambda: self._remove([file.path for file in self.listed(folder)] or [folder]))

    def _remove(self, files: list[str]) -> None:
        import obstore

        try:
            obstore.delete(self._store, files)
        except FileNotFoundError:
            # One is gone, perhaps by a request whose answer was lost. On Google's store the others then remain.
            for path in files:
                with contextlib.suppress(FileNotFoundError):
                    obstore.delete(self._store, path)

    def _where(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/{path}"

    @contextlib.contextmanager
    def commit_lock(self) -> Iterator[None]:
        """Hold a lock within this process. Across machines, `compare_and_swap` decides."""
        locks.wait(lambda: self._lock.acquire(blocking=False), "the store's lock", where=self.url)
        try:
            yield
        finally:
            self._lock.release()

    def is_locked(self) -> bool:
        """Return whether this process holds the lock."""
        return self._lock.locked()


class _Raw(io.RawIOBase):
    """An open object as Python's own kind of file, whose errors are the store's."""

    def __init__(self, where: str, file: "ReadableFile") -> None:
        self._where = where
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        with explained(CannotRead, self._where):
            content = self._file.read(len(view))
        view[: len(content)] = memoryview(content)
        return len(content)
