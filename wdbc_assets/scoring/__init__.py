"""Batch scoring of files of any size. Rows are read in batches, validated, scored or set aside, and written.

`files` scores a file into another. `readers` opens a file, `csv_reader` and `parquet_reader` split it into `batches`,
`writers` formats the results, and `output_files` makes a file appear only when it is complete. Memory holds a few
batches, however long the file is.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy
from wdbc_assets.domain.rules import rows
from wdbc_assets.scoring.batches import Batch
from wdbc_assets.scoring.writers import Rejects, Scored
from wdbc_assets.store import arrays
from wdbc_assets.store.bundle_loader import Served

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRONGEST = 3
"""How many contributions an explanation names."""
_VECTORS = 32  # rows; a multiple of the length of every processor's vectors


@dataclass
class Tally:
    """Counts of the rows so far. Every row is either scored or set aside.

    `triage` counts the scored rows by outcome, `above_threshold` those at or above the policy's threshold, `rules` the
    violations of each rule. `first` has the number of the first row that violates each rule, and `first_file` its file
    if a folder is scored.
    """

    rows: int = 0
    scored: int = 0
    set_aside: int = 0
    triage: Counter[str] = field(default_factory=Counter)
    above_threshold: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    first_file: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Tally", file: str) -> None:
        """Add the counts of rows that follow, of a file of a folder."""
        self.rows += other.rows
        self.scored += other.scored
        self.set_aside += other.set_aside
        self.triage += other.triage
        self.above_threshold += other.above_threshold
        self.rules += other.rules
        for rule, row in other.first.items():
            if rule not in self.first:
                self.first[rule], self.first_file[rule] = row, file

    @property
    def reasons(self) -> str:
        """Why rows were set aside: each rule, how often it was violated, and where first."""
        return "; ".join(
            f"{rule} {count:,} time{'' if count == 1 else 's'}, first in row {self.first[rule]}"
            + (f" of {self.first_file[rule]}" if rule in self.first_file else "")
            for rule, count in self.rules.most_common()
        )


def score(
    batches: Iterable[Batch],
    served: Served,
    scored: Scored,
    rejects: Rejects | None,
    *,
    explain: bool = False,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Score every row with valid measurements and set the others aside.

    Raises:
        WdbcError: A batch cannot be read or written, or the row counts do not add up, which is a bug.
    """
    tally = Tally()
    for batch in batches:
        valid, broken = rows.validate(batch.X)
        for violation in broken:
            _count_rule(tally, violation.rule, batch.number(violation.position))
        for malformed in batch.malformed:
            _count_rule(tally, malformed.rule, malformed.row)
        if rejects is not None:
            rejects.write(batch, broken)
        all_valid = bool(valid.all())
        X = batch.X if all_valid else np.asfortranarray(batch.X[valid])
        ids = batch.ids if all_valid or batch.ids is None else batch.ids.filter(pa.array(valid))
        if len(X):
            scored.write(_predictions(X, ids, served, tally, explain=explain))
        tally.rows += batch.rows
        tally.scored += len(X)
        tally.set_aside += int((~valid).sum()) + len(batch.malformed)
        progress(tally)
    if tally.rows != tally.scored + tally.set_aside or scored.rows != tally.scored:
        raise WdbcError(
            f"{scored.rows} rows scored and {tally.set_aside} set aside do not add up to {tally.rows} rows read",
            hint="This is a bug; please report it. Nothing was written.",
        )
    return tally


def schema(ids: "pa.DataType | None", *, explain: bool) -> pa.Schema:
    """Return the schema of the output: id if there is one, probability, triage, above_threshold, model.

    If `explain`, pairs of measurement and contribution follow, strongest first.
    """
    words = pa.dictionary(pa.int8(), pa.string())
    fields = [("id", ids)] if ids is not None else []
    fields += [("probability", pa.float64()), ("triage", words), ("above_threshold", pa.bool_())]
    fields.append(("model", words))
    if explain:
        for rank in range(1, STRONGEST + 1):
            fields += [(f"measurement_{rank}", words), (f"contribution_{rank}", pa.float64())]
    return pa.schema(fields)


def _count_rule(tally: Tally, rule: str, row: int) -> None:
    tally.rules[rule] += 1
    tally.first.setdefault(rule, row)


def _predictions(
    X: "NDArray[np.float64]", ids: "pa.Array | None", served: Served, tally: Tally, *, explain: bool
) -> pa.RecordBatch:
    p = _probabilities(X, served)
    triage = served.triage_codes(p)
    counts = np.bincount(triage, minlength=len(decision_policy.OUTCOMES)).tolist()
    tally.triage.update({name: count for name, count in zip(decision_policy.OUTCOMES, counts, strict=True) if count})
    above_threshold = decision_policy.is_above(p, served.policy.threshold)
    tally.above_threshold += int(above_threshold.sum())
    columns = [ids] if ids is not None else []
    columns += [
        arrays.from_numpy(served.recalibrated(p)),
        arrays.dictionary(triage, decision_policy.OUTCOMES),
        arrays.booleans(above_threshold),
        arrays.dictionary(np.zeros(len(p), dtype=np.int8), (served.version,)),
    ]
    if explain:
        columns += _strongest(X, served)
    return pa.RecordBatch.from_arrays(columns, schema=schema(ids and ids.type, explain=explain))


def _probabilities(X: "NDArray[np.float64]", served: Served) -> "NDArray[np.float64]":
    """Return the probabilities, which do not depend on where a batch begins and ends.

    BLAS sums the last rows of an array in another way if their number is not a multiple of its vectors' length, so
    that the last digit may differ: the last row is repeated until it is.
    """
    if over := -len(X) % _VECTORS:
        padded = np.empty((len(X) + over, X.shape[1]), order="F")
        padded[: len(X)], padded[len(X) :] = X, X[-1]
        return served.probabilities(padded)[: len(X)]
    return served.probabilities(X)


def _strongest(X: "NDArray[np.float64]", served: Served) -> list[pa.Array]:
    """Return names and values of the contributions with the largest absolute value in each row."""
    explained = served.contributions(X)
    if explained is None:
        raise cannot_explain(served)
    _, terms = explained
    size = -np.abs(terms)
    columns = []
    for _ in range(STRONGEST):
        column = size.argmin(axis=1)
        row = np.arange(len(X))
        columns += [arrays.dictionary(column.astype(np.int8), contract.FEATURES), arrays.from_numpy(terms[row, column])]
        size[row, column] = np.inf
    return columns


def cannot_explain(served: Served) -> WdbcError:
    """Return the error for --explain with a model whose predictions have no additive contributions."""
    return WdbcError(
        f"the recipe {served.recipe} is not linear: its predictions have no additive contributions",
        where="--explain",
        hint="Leave out --explain, or promote a recipe that ends in a single logistic regression.",
    )
