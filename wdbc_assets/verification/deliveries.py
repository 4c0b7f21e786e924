"""Verification of what was delivered: batches, outcomes and what the service left, which no code can derive.

A batch is read again if its file is still in the inbox's folder of taken files, and its key is the present one. The
outcomes and the predictions that the service kept are append-only, so they begin with those of the version before, if
that is still stored. Otherwise the stored bytes are compared with their digest.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from wdbc_assets.domain.data.incoming import IncomingBatch
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batch_keys
from wdbc_assets.pipeline import pseudonym_key
from wdbc_assets.store import codecs, index
from wdbc_assets.verification import files
from wdbc_assets.verification.asset_verification import AssetVerification
from wdbc_assets.verification.causes import Deviation

if TYPE_CHECKING:
    from wdbc_assets.monitoring.inbox import Inbox
    from wdbc_assets.store.store import Store
    from wdbc_assets.verification.rederive import StoredVersion

_APPENDED = ("outcomes", "served_predictions")
ASSETS = ("incoming_batch", "served_windows", *_APPENDED)

_PSEUDONYM = r"(?:[0-9a-f]{32})?"
_BY_DIGEST = "compared by its digest"


def check(store: "Store", inbox: "Inbox", case: "StoredVersion", damage: tuple[Deviation, ...]) -> AssetVerification:
    """Return whether a delivery is what was received, as far as that can be known; `damage` is that of its files."""
    causes, how = list(damage), _BY_DIGEST
    if not damage:
        try:
            causes += _foreign_ids(store, case)
            changes, how = _compare(store, inbox, case)
            causes += changes
        except (WdbcError, LookupError, ValueError, TypeError) as error:
            what = error.what if isinstance(error, WdbcError) else type(error).__name__
            causes.append(_altered("its table", f"cannot be compared: {what}"))
    return AssetVerification(
        case.asset,
        case.manifest,
        "diverged" if causes else "same",
        derived=case.manifest.version,
        compared=f"{files.describe({**case.intact(), **case.large()})}, {how}",
        causes=tuple(causes),
    )


def _compare(store: "Store", inbox: "Inbox", case: "StoredVersion") -> tuple[list[Deviation], str]:
    """Return what differs, and with what the delivery was compared."""
    if case.asset == "incoming_batch":
        return _read_again(store, inbox, case)
    return _compared(store, case) if case.asset in _APPENDED else ([], _BY_DIGEST)


def _foreign_ids(store: "Store", case: "StoredVersion") -> Iterator[Deviation]:
    value = store.value(case.manifest)
    if isinstance(value, IncomingBatch):
        ids = (part["id"] for part in value.patients.parts(["id"]))
    else:
        tables = (content for name, content in case.intact().items() if name.endswith(".parquet"))
        ids = (codecs.from_parquet(content)["id"] for content in tables)
    if not all(part.str.fullmatch(_PSEUDONYM).all() for part in ids):
        yield _altered("its table", "has ids that are no pseudonyms")


def _read_again(store: "Store", inbox: "Inbox", case: "StoredVersion") -> tuple[list[Deviation], str]:
    """Read the file of a batch again, and compare."""

    from wdbc_assets.domain.data import incoming as batches
    from wdbc_assets.scoring import incoming

    origin, key = case.manifest.origin or {}, inbox.present_key()
    path = inbox.taken_file(str(case.manifest.partition))
    if path is None:
        return [], f"{_BY_DIGEST}: its file is gone"
    if key is None or pseudonym_key.fingerprint(key) != origin.get("pseudonym_key"):
        return [], f"{_BY_DIGEST}: its pseudonyms have another key"
    if batch_keys.digest(path) != origin.get("sha256"):
        return [], f"{_BY_DIGEST}: its file was changed since"
    value = incoming.read(str(path), pseudonym=partial(batches.pseudonym, key))
    derived = store.draft(case.asset, value, run_id=case.manifest.run_id, origin=origin).manifest.files
    names = [name for name in case.manifest.files if derived.get(name) != case.manifest.files[name]]
    return [_altered(name, "is not what its file contains") for name in names], "read from its file again"


def _compared(store: "Store", case: "StoredVersion") -> tuple[list[Deviation], str]:
    """Compare a table with the version that it continues."""
    before = str((case.manifest.origin or {}).get("continues", ""))
    manifest = next(iter(index.read(store).whole(case.asset, before)), None) if before else None
    if manifest is None:
        return [], _BY_DIGEST
    earlier, now = store.value(manifest), store.value(case.manifest)
    if now[: len(earlier)].reset_index(drop=True).equals(earlier):
        return [], "which continue the version before"
    return [_altered("its table", "does not continue the version before")], "compared with the version before"


def _altered(name: str, what: str) -> Deviation:
    return Deviation("stored file", name, None, what)
