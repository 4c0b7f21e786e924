"""The call of an asset's function, shared by runs and verification, and what a function that reads a source returns."""

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from wdbc_assets import settings, sources
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring.outcome_events import Delivery
from wdbc_assets.pipeline import specs
from wdbc_assets.pipeline.engines import large
from wdbc_assets.pipeline.engines.engine import Engine
from wdbc_assets.pipeline.progress import Report
from wdbc_assets.pipeline.served_files import ServedFiles
from wdbc_assets.store import parsing
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.manifest import Manifest

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.rebased import RebasedReference
    from wdbc_assets.store.bundle_loader import Served


@dataclass(frozen=True)
class External:
    """A value from an external source, with its origin.

    `acknowledge` is called once the value is stored. `continues` is the version that the value was made from, empty if
    there was none: it becomes current only if that version still is, so that no run undoes another.
    """

    value: Any
    origin: Mapping[str, Any]
    acknowledge: Callable[[], None] = lambda: None
    continues: str | None = None


@dataclass(frozen=True)
class ReceivedFile:
    """A file of the inbox: its path, its name as it arrived, and the SHA-256 of its content."""

    path: Path
    name: str
    sha256: str


class MovedMeanwhile(WdbcError):
    """Another run has stored the batch, and moved its file, while this one was reading it."""


class Batches(Protocol):
    """The inbox: in a run, the configured one."""

    def reading(self, batch: str) -> AbstractContextManager[ReceivedFile]:
        """Return the file of a batch. It is refused if the block in which it is read raises WdbcError.

        Raises:
            MovedMeanwhile: another run has moved the file. It can be read in its new place.
        """

    def acknowledge(self, batch: str) -> None:
        """Move the file of a batch out of the way, after its patients are stored."""

    def pseudonym_key(self) -> bytes:
        """Return the key by which ids of patients are replaced."""


class NotModified:
    """Returned by an asset whose source has not changed since the known version."""


class Fetcher(Protocol):
    """Fetches the source: in a run, or in a verification."""

    def fetch(
        self,
        parameters: settings.SourceParameters,
        *,
        known: sources.Origin | None,
        stored: Callable[[], sources.Snapshot | None],
        report: Callable[[str], None],
    ) -> sources.Snapshot | None:
        """Return the content, or None if the server reports that it is the known one."""


class Deliveries(Protocol):
    """Outcomes that were delivered and are not recorded yet."""

    def waiting(self) -> list[Path]:
        """Return the files of the deliveries, oldest first."""

    def read(self, path: Path) -> Delivery:
        """Return a delivery."""

    def acknowledge(self, paths: Iterable[Path]) -> None:
        """Remove the files of deliveries whose events are stored."""


@dataclass(frozen=True)
class ScoringContext:
    """What holds in production while the champion scores a batch.

    Attributes:
        previous: The model that a rollback would restore, which scores the batch too; None if there is none.
        problem: Why the model before the champion cannot score; empty if it can, or if there is none.
        refers_everyone: Whether every patient is referred to a person, whatever the champion says.
    """

    previous: "Served | None" = None
    problem: str = ""
    refers_everyone: bool = False

    def stated(self) -> dict[str, str | bool]:
        """Return what the manifest of the predictions states of it."""
        return {"previous": self.previous.version if self.previous else "", "refers_everyone": self.refers_everyone}


def takes_scoring_context(asset: str) -> bool:
    """Return whether an asset depends on what holds in production besides the champion."""
    return _takes(asset, "scoring_context")


def digest_of_batches(manifests: Iterable[Manifest]) -> str:
    """Return the digest of batches and their versions, by which a manifest states what a value was made from."""
    return parsing.digest([[manifest.partition, manifest.version] for manifest in manifests])


def takes_earlier(asset: str) -> bool:
    """Return whether a partitioned asset depends on its own versions of earlier batches."""
    return _takes(asset, "earlier")


def takes_rebased(asset: str) -> bool:
    """Return whether a partitioned asset depends on the reference that a person has accepted."""
    return _takes(asset, "rebased")


def _takes(asset: str, argument: str) -> bool:
    return argument in inspect.signature(pkgutil.resolve_name(specs.ASSETS[asset].function)).parameters


def call(
    asset: str,
    inputs: Mapping[str, Any],
    *,
    versions: Mapping[str, str],
    parameters: BaseModel | None,
    source: Fetcher | None,
    known: Manifest | None,
    report: Report,
    engine: Callable[[], Engine],
    checkpoints: Callable[[], Checkpoints],
    stored: Callable[[], sources.Snapshot | None] = lambda: None,
    partition: str | None = None,
    inbox: Batches | None = None,
    earlier: Callable[[], Sequence[Any]] = list,
    rebased: "Callable[[], RebasedReference | None]" = lambda: None,
    recorded: Callable[[], tuple[str, Any] | None] = lambda: None,
    deliveries: Deliveries | None = None,
    scoring_context: ScoringContext = ScoringContext(),
    service: ServedFiles | None = None,
) -> Any:
    """Call an asset's function with the arguments that its signature names.

    Args:
        asset: Name of the asset.
        inputs: Values of the inputs. An input that `specs.batch_inputs` lists is a mapping from batches to values.
        versions: Versions of the inputs.
        parameters: Parameters of the asset, if it has any.
        source: The source resource.
        known: Manifest of the current version, if it is up to date except possibly for the source.
        report: Receives progress: a message, and optionally the number of finished units and the total.
        engine: Chooses where the units of a long computation run. Called only if the function requests it.
        checkpoints: Creates the checkpoints for long computations. Called only if the function requests them.
        stored: Reads the current version of an asset that is made from a source, with its origin.
        partition: The incoming batch, if the asset is partitioned.
        inbox: The inbox, if the asset is partitioned.
        earlier: Reads the values of the batches before this one, oldest first.
        rebased: Reads the reference that a person has accepted for this batch, if there is one.
        recorded: Reads the current version of the asset itself: its digest and its value.
        deliveries: Outcomes that were delivered and are not recorded yet.
        scoring_context: What holds in production, if the asset scores a batch.
        service: What the service left and was not taken up yet.
    """
    arguments: dict[str, Callable[[], Any]] = {
        "versions": lambda: versions,
        "parameters": lambda: parameters,
        "source": lambda: source,
        "known": lambda: known,
        "report": lambda: report,
        "stored": lambda: stored,
        "engine": engine,
        "checkpoints": checkpoints,
        "partition": lambda: partition,
        "inbox": lambda: inbox,
        "earlier": earlier,
        "rebased": rebased,
        "recorded": recorded,
        "deliveries": lambda: deliveries,
        "scoring_context": lambda: scoring_context,
        "service": lambda: service,
    }
    spec = specs.ASSETS[asset]
    if not spec.takes_large:
        large.refuse(asset, inputs)
    function = pkgutil.resolve_name(spec.function)
    names = inspect.signature(function).parameters
    return function(**{name: inputs[name] if name in inputs else arguments[name]() for name in names})
