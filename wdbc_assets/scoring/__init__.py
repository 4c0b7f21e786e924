"""Scoring files of any size: rows come in pieces, are judged, scored or set aside, and go out in pieces.

`chunks` says what a piece is, `texts` and `parquet` how a file becomes pieces, `outputs` how the scored ones are
written, `places` how a file appears only when it is whole. What is in memory at a time is a few pieces, however many
rows there are.
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
from wdbc_assets.scoring import arrays
from wdbc_assets.scoring.batches import Chunk
from wdbc_assets.scoring.writers import Rejects, Scored
from wdbc_assets.store.bundle_loader import Served

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRONGEST = 3
"""How many contributions an explanation names."""


@dataclass
class Tally:
    """What became of the rows so far: every one is scored or set aside.

    `decisions` and `sets` count the scored, `rules` what broke each rule, `first` names the row that did so first.
    """

    rows: int = 0
    scored: int = 0
    set_aside: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    sets: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)


def score(
    chunks: Iterable[Chunk],
    served: Served,
    scored: Scored,
    rejects: Rejects | None,
    *,
    explain: bool = False,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Score every row that keeps the rules of its measurements, and set the others aside.

    Raises:
        WdbcError: a row was lost on its way, which is a fault of the program; or a chunk could not be read or written.
    """
    tally = Tally()
    for chunk in chunks:
        kept, faults = rows.validate(chunk.X)
        for fault in faults:
            _note(tally, fault.rule, chunk.number(fault.position))
        for torn in chunk.torn:
            _note(tally, torn.rule, torn.row)
        if rejects is not None:
            rejects.write(chunk, faults)
        everything = bool(kept.all())
        X = chunk.X if everything else np.asfortranarray(chunk.X[kept])
        ids = chunk.ids if everything or chunk.ids is None else chunk.ids.filter(pa.array(kept))
        if len(X):
            scored.write(_answers(X, ids, served, tally, explain=explain))
        tally.rows += chunk.rows
        tally.scored += len(X)
        tally.set_aside += int((~kept).sum()) + len(chunk.torn)
        progress(tally)
    if tally.rows != tally.scored + tally.set_aside or scored.rows != tally.scored:
        raise WdbcError(
            f"{tally.rows} rows came in, {scored.rows} were scored and {tally.set_aside} set aside: some were lost.",
            hint="This is a fault of the program: report it. Nothing was written.",
        )
    return tally


def schema(ids: "pa.DataType | None", *, explain: bool) -> pa.Schema:
    """Return the columns of what is scored: id if there is one, probability, decision, set, model."""
    words = pa.dictionary(pa.int8(), pa.string())
    fields = [("id", ids)] if ids is not None else []
    fields += [("probability", pa.float64()), ("decision", words), ("set", words), ("model", words)]
    if explain:
        for rank in range(1, STRONGEST + 1):
            fields += [(f"measurement_{rank}", words), (f"contribution_{rank}", pa.float64())]
    return pa.schema(fields)


def _note(tally: Tally, rule: str, row: int) -> None:
    tally.rules[rule] += 1
    tally.first.setdefault(rule, row)


def _answers(
    X: "NDArray[np.float64]", ids: "pa.Array | None", served: Served, tally: Tally, *, explain: bool
) -> pa.RecordBatch:
    p = served.probabilities(X)
    decisions = decision_policy.called_malignant(p, served.policy).astype(np.int8)
    sets = decision_policy.codes(p, served.policy)
    for counter, codes in ((tally.decisions, decisions), (tally.sets, sets)):
        counts = np.bincount(codes, minlength=len(decision_policy.OUTCOMES)).tolist()
        counter.update({name: count for name, count in zip(decision_policy.OUTCOMES, counts, strict=True) if count})
    columns = [ids] if ids is not None else []
    columns += [
        arrays.of_numpy(p),
        arrays.of_words(decisions, decision_policy.OUTCOMES),
        arrays.of_words(sets, decision_policy.OUTCOMES),
    ]
    columns.append(arrays.of_words(np.zeros(len(p), dtype=np.int8), (served.version,)))
    if explain:
        columns += _strongest(X, served)
    return pa.RecordBatch.from_arrays(columns, schema=schema(ids and ids.type, explain=explain))


def _strongest(X: "NDArray[np.float64]", served: Served) -> list[pa.Array]:
    """Name the measurements that move the log-odds of each row most, either way, and by how much."""
    explained = served.contributions(X)
    if explained is None:
        raise not_explained(served)
    _, terms = explained
    size = -np.abs(terms)
    columns = []
    for _ in range(STRONGEST):
        place = size.argmin(axis=1)
        line = np.arange(len(X))
        columns += [arrays.of_words(place.astype(np.int8), contract.FEATURES), arrays.of_numpy(terms[line, place])]
        size[line, place] = np.inf
    return columns


def not_explained(served: Served) -> WdbcError:
    """Return the error of asking for contributions that the recipe does not have."""
    return WdbcError(
        f"The recipe {served.recipe} is not linear: its answer is no sum of what single measurements contribute.",
        where="--explain",
        hint="Leave out --explain, or promote a recipe that ends in one logistic regression.",
    )
