"""The functions of what the service leaves: the sketches of its patients, their drift, and kept predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wdbc_assets import clock, logs, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.calls import External, NotModified
from wdbc_assets.pipeline.served_files import ServedFiles

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.monitoring.drift import DriftReport
    from wdbc_assets.domain.monitoring.served import ServedWindows
    from wdbc_assets.store.large_evaluation import LargeCrossValidation
    from wdbc_assets.store.table_files import TableFile

T = TypeVar("T")


def served_windows(recorded: "tuple[str, ServedWindows] | None", service: ServedFiles) -> External | NotModified:
    """The sketch of the patients that the service scored in each week or day: sums over at least 30 patients.

    Windows are only added, once they have ended. A sketch that comes late is added to its window.
    """
    from wdbc_assets.domain.monitoring.served import ServedWindow, ServedWindows

    paths = service.ended_windows(clock.now())
    if recorded is not None and not paths:
        return NotModified()
    version, before = recorded or ("", ServedWindows())
    read, damaged = _read(service, ServedWindow, paths)
    after = before.with_deliveries(((path.name, window) for path, window in read), [path.name for path in damaged])
    return _external(service, after, paths, damaged, version)


def served_drift(
    served_windows: "ServedWindows",
    clean_frame: "pd.DataFrame | TableFile",
    cross_validation: "CrossValidation | LargeCrossValidation",
    parameters: settings.DriftParameters,
) -> "DriftReport":
    """Whether the patients of the service's last windows still are like those that the model was developed on.

    Windows that were made with another reference are left out. If all were, it is too early to say.
    """
    from wdbc_assets.domain.monitoring import drift, served, streams
    from wdbc_assets.pipeline.batch_functions import drift_reference

    windows, cadence = served_windows.windows, parameters.drift_cadence
    if not windows:
        raise WdbcError(
            "no window of the service has ended yet",
            where="the service",
            hint="A window is a week or a day (WDBC_DRIFT_CADENCE). It counts once it has ended.",
        )
    references = [drift_reference(clean_frame, cross_validation, recipe) for recipe in served.recipes(windows)]
    for reference in references:
        if sketches := served_windows.sketches(reference.digest, cadence):
            return drift.report(reference, sketches[:-1], sketches[-1], cadence=cadence)
    nothing = drift.BatchSketch(windows[-1].window, streams.EMPTY)
    return drift.report(references[0], [], nothing, cadence=cadence)


def served_predictions(recorded: "tuple[str, pd.DataFrame] | None", service: ServedFiles) -> External | NotModified:
    """What the service answered, if it keeps predictions: under the pseudonym of a request's id, no measurement."""
    import pandas as pd

    from wdbc_assets.pipeline.served_files import ServedPrediction, ServedPredictions

    paths = service.kept_predictions()
    if recorded is not None and not paths:
        return NotModified()
    version, before = recorded or ("", None)
    read, damaged = _read(service, ServedPredictions, paths)
    answers = [vars(answer) for _, answers in read for answer in answers.predictions]
    types = dict.fromkeys(ServedPrediction.__annotations__, "str")
    types |= {"probability": "float64", "above_threshold": "bool"}
    table = pd.DataFrame(answers, columns=list(types)).astype(types)
    if before is not None:
        table = pd.concat([before, table], ignore_index=True)
    # An earlier run may have stored a file, and have been killed before it removed it.
    return _external(service, table.drop_duplicates(ignore_index=True), paths, damaged, version)


def _read(service: ServedFiles, kind: type[T], paths: Sequence[Path]) -> tuple[list[tuple[Path, T]], list[Path]]:
    """Return the contents of files, and those that are damaged: one must not hold up the others."""
    from wdbc_assets.store.parsing import DamagedStore

    read: list[tuple[Path, T]] = []
    damaged: list[Path] = []
    for path in paths:
        try:
            read.append((path, service.read(kind, path)))
        except DamagedStore as error:
            logs.logger.warning("%s (%s): set aside", error.what, error.where)
            damaged.append(path)
    return read, damaged


def _external(
    service: ServedFiles, value: Any, paths: Sequence[Path], damaged: Sequence[Path], version: str
) -> External:
    def acknowledge() -> None:
        service.set_aside(damaged)
        service.acknowledge(path for path in paths if path not in damaged)

    origin = {"shown": f"{len(paths)} files of the service", "damaged": len(damaged), "continues": version}
    return External(value, origin, acknowledge=acknowledge, continues=version)
