"""The Python API: `import wdbc_assets as wdbc`, then `wdbc.load("clean_frame")`.

It reads the store, and everything that it reads is verified. To compute or change something, use a command (`wdbc run`,
`wdbc promote`) or a run in Dagster. Importing this module loads neither Dagster nor pandas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain import formatting

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from wdbc_assets.domain.errors import WdbcError
    from wdbc_assets.scoring import Tally
    from wdbc_assets.store.bundle_loader import Served
    from wdbc_assets.store.store import Store


def load(
    asset: str, *, partition: str | None = None, version: str | None = None, store: str | Path | None = None
) -> Any:
    """Return the value of an asset, verified against its manifest.

    Args:
        asset: The name of the asset, such as `"clean_frame"` (a DataFrame) or `"metrics"`
            (`wdbc_assets.domain.evaluation.metrics_result.Metrics`).
        partition: The partition of the asset, if it is partitioned: the key of an incoming batch.
        version: The digest of an older version, or its first digits. The current version if omitted. It needs no
            partition, because a digest names one version of the asset.
        store: The folder or URL of the store. `WDBC_STORAGE` if omitted.

    Raises:
        WdbcError: there is no such asset or version, or its files are damaged.
    """
    opened = _open(store)
    _require_known(asset)
    if not isinstance(partition, str | None):
        raise _wrong_type("A partition is named by a str", partition)
    if version is None:
        _require_partition(opened, asset, partition)
        return opened.handle(asset, partition=partition).load()
    from wdbc_assets.store import index

    _require_digits(version)
    return opened.value(index.find(opened, asset, version))


def versions(asset: str, *, store: str | Path | None = None) -> pd.DataFrame:
    """Return one row for each stored version of an asset, the newest first.

    The columns are `version`, `made_at` (UTC), `run_id`, `inputs`, `parameters`, `code_version` and `current`, and for
    an asset with partitions also `partition`. The table is empty if the asset was never materialized.

    Raises:
        WdbcError: there is no such asset, or the store cannot be read.
    """
    import pandas as pd

    from wdbc_assets.pipeline import specs
    from wdbc_assets.store import index

    opened = _open(store)
    _require_known(asset)
    partitioned = specs.ASSETS[asset].partitioned
    pointers = (opened.current(asset, name) for name in (opened.partitions(asset) if partitioned else [None]))
    current = {manifest.version for manifest in pointers if manifest}
    manifests = sorted(index.read(opened).whole(asset, ""), key=lambda manifest: manifest.made_at, reverse=True)
    columns = ["version", "made_at", "run_id", "inputs", "parameters", "code_version", *["partition"] * partitioned]
    rows = [[getattr(manifest, name) for name in columns] for manifest in manifests]
    table = pd.DataFrame(rows, columns=columns)
    table["made_at"] = pd.to_datetime(table["made_at"], utc=True)
    return table.assign(current=table["version"].isin(current))


def champion(*, store: str | Path | None = None) -> Model:
    """Return the champion: the model that serves predictions.

    Raises:
        WdbcError: there is no champion yet, or its bundle is damaged.
    """
    from wdbc_assets.registry import referral

    return Model(referral.open_champion(_open(store))[0])


def predict(
    source: str | Path,
    target: str | Path,
    *,
    rejects: str | Path | None = None,
    explain: bool = False,
    strict: bool = False,
    store: str | Path | None = None,
) -> Tally:
    """Score a file of any size with the champion, as `wdbc predict IN OUT` does, and return the counts of its rows.

    Args:
        source: A CSV or Parquet file with the 30 measurements, which may be compressed, or a folder of Parquet files,
            also in a bucket: `s3://bucket/folder/`.
        target: The file to write, whose name ends in .csv, .csv.gz or .parquet, or, if the source is a folder, a new
            folder. It appears only when it is complete.
        rejects: A CSV file for the rows that break a rule of the data, with the reason. They are only counted if
            omitted.
        explain: Whether to add the three strongest contributions to the log-odds of each row.
        strict: Whether to reject unknown columns instead of ignoring them.
        store: The folder or URL of the store. `WDBC_STORAGE` if omitted.

    Raises:
        WdbcError: there is no champion, the input cannot be read, none of its rows can be scored, or an output cannot
            be written.
    """
    from wdbc_assets import settings, user_paths
    from wdbc_assets.registry import referral
    from wdbc_assets.scoring import files

    named = files.parse(
        user_paths.given(source, name="source"),
        user_paths.given(target, name="target"),
        rejects=None if rejects is None else user_paths.given(rejects, name="rejects"),
    )
    packed, _ = referral.packed_champion(_open(store))
    options = settings.load()
    if isinstance(named, files.Folder):
        from wdbc_assets.pipeline.engines import predicting

        return predicting.score_folder(named, packed, options, explain=explain, strict=strict).tally
    served = packed.opened()
    tally, _ = files.score_file(named, served, explain=explain, strict=strict, show_values=options.show_values)
    return tally


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A model that serves predictions, with its decision policy.

    Each method takes a table with the 30 measurements as columns, in any order, one row per patient; other columns are
    ignored. A table that lacks a measurement, or breaks a rule of the data, raises WdbcError.
    """

    _served: Served

    def __repr__(self) -> str:
        """Return the recipe and the version."""
        return f"Model(recipe={self.recipe!r}, version={formatting.short(self.version)!r})"

    @property
    def recipe(self) -> str:
        """The recipe that the model was fitted by, such as `"logistic"`."""
        return self._served.recipe

    @property
    def version(self) -> str:
        """The digest of the model's files, as the store names it."""
        return self._served.version

    @property
    def prevalence(self) -> float:
        """The share of malignant patients that the probabilities are for: see `wdbc recalibrate`."""
        return self._served.policy.prevalence

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probabilities of benign and malignant, shape (n, 2), as scikit-learn does.

        They are for patients of whom `prevalence` are malignant.
        """
        import numpy as np

        malignant = self._served.recalibrated(self._served.probabilities(_measurements(X)))
        return np.column_stack([1 - malignant, malignant])

    def triage(self, X: pd.DataFrame) -> NDArray[np.str_]:
        """Return `"benign"`, `"refer"` or `"malignant"` for each patient, shape (n,), by the decision policy.

        While `wdbc refer-all` is on when the model is loaded, every patient is `"refer"`.
        """
        return self._served.triage(self._served.probabilities(_measurements(X)))

    def explain(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each measurement adds to the log-odds of malignant, with the intercept as the first column.

        Each row sums to the log-odds of that patient.

        Raises:
            WdbcError: the recipe is not linear in its measurements, so that there is no such sum.
        """
        import pandas as pd

        from wdbc_assets.domain.errors import WdbcError

        explained = self._served.contributions(_measurements(X))
        if explained is None:
            raise WdbcError(
                f"The recipe {self.recipe} is not linear: its predictions have no exact contributions.",
                where=self.recipe,
                hint="Promote a linear recipe, such as logistic, or materialize `importance`.",
            )
        intercept, terms = explained
        table = pd.DataFrame(terms, index=X.index, columns=list(self._served.features))
        table.insert(0, "intercept", intercept)
        return table


def _open(location: str | Path | None) -> Store:
    from wdbc_assets import settings, user_paths

    return settings.load().open_store(None if location is None else user_paths.given(location, name="store"))


def _require_known(asset: str) -> None:
    from wdbc_assets.domain.errors import WdbcError
    from wdbc_assets.pipeline import specs

    if asset not in specs.ASSETS:
        raise WdbcError(
            f"There is no asset {asset!r}.", where="asset", hint=f"Choose one of: {', '.join(specs.ASSETS)}."
        )


def _require_partition(opened: Store, asset: str, partition: str | None) -> None:
    from wdbc_assets.domain.errors import WdbcError
    from wdbc_assets.pipeline import specs

    if specs.ASSETS[asset].partitioned and partition is None:
        stored = opened.partitions(asset)
        raise WdbcError(
            f"{asset} has a version for each of {len(stored)} batches, and no batch is named.",
            where="partition",
            hint=f"Pass partition={stored[-1]!r} for the latest." if stored else "Run `wdbc monitor` first.",
        )


def _wrong_type(needed: str, value: object) -> WdbcError:
    """Return the error for an argument of another type. The argument is not shown: it may hold patients' values."""
    from wdbc_assets.domain.errors import WdbcError

    return WdbcError(
        f"{needed}, not an object of type {type(value).__name__}.",
        where="the arguments",
        hint="See docs/python-api.md for what each function takes.",
    )


def _require_digits(version: object) -> None:
    import re

    from wdbc_assets.domain.errors import WdbcError

    if not isinstance(version, str) or not re.fullmatch("[0-9a-f]{1,64}", version):
        raise WdbcError(
            "A version is named by the first digits of its digest.",
            where="version",
            hint="Pass a str of hexadecimal digits, as `wdbc.versions` lists them.",
        )


def _measurements(X: pd.DataFrame) -> NDArray[np.float64]:
    """Return the measurements of a table as an array of shape (n, 30), if they satisfy the rules of the data."""
    import pandas as pd

    from wdbc_assets.domain.rules import callers_tables

    if not isinstance(X, pd.DataFrame):
        raise _wrong_type("A pandas DataFrame is needed", X)
    return callers_tables.measurements(X)
