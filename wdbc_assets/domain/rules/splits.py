"""Rules for a train/test split and the clean frame that it was made from."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract, membership
from wdbc_assets.domain.rules.base import SplitFaults, SplitRule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.data import splitting

_HINT = "Recreate the split from the clean frame."
FRAME = "clean_frame"
_IMPOSSIBLE = 1e-9
"""A split by hash that chance makes less often than this is a fault, or a seed that was chosen."""


@rule(SplitRule, hint=_HINT)
def rows_are_renumbered(split: "splitting.Split", _frame: "pd.DataFrame") -> SplitFaults:
    """The rows of each set are numbered from 0, because their original order predicts malignancy."""
    import pandas as pd

    for name, X, y, _ in _sets(split):
        for table, rows in ((f"X_{name}", X), (f"y_{name}", y)):
            if not rows.index.equals(pd.RangeIndex(len(rows))):
                yield None, table, "the rows are not numbered 0, 1, 2, ..."


@rule(SplitRule, hint=_HINT)
def sets_are_disjoint(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """No row of the frame is in both sets, or more than once in one set."""
    import numpy as np

    train, test = _times_in_sets(split, frame)
    for row in np.flatnonzero((train > 0) & (test > 0)):
        yield int(row) + 1, FRAME, "in both sets"
    for name, times in (("training", train), ("test", test)):
        for row in np.flatnonzero(times > 1):
            yield int(row) + 1, FRAME, f"more than once in the {name} set"


@rule(SplitRule, hint=_HINT)
def sets_are_complete(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """Every row of the frame is in one of the sets, and every row of a set has a diagnosis."""
    import numpy as np

    train, test = _times_in_sets(split, frame)
    for row in np.flatnonzero(train + test == 0):
        yield int(row) + 1, FRAME, "in neither set"
    for name, X, y, rows in _sets(split):
        if not len(X) == len(y) == len(rows):
            yield None, f"X_{name}", f"{len(X)} rows of features, {len(y)} diagnoses, {len(rows)} rows of the frame"


@rule(SplitRule, hint=_HINT)
def sets_are_rows_of_the_frame(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """Each row of a set has the measurements and the diagnosis of its row in the clean frame."""
    import numpy as np

    for name, X, y, rows in _sets(split):
        length = min(len(X), len(y), len(rows))
        real = (rows[:length] >= 0) & (rows[:length] < len(frame))
        source = rows[:length][real]
        differs = ~real
        for column in (*contract.FEATURES, contract.DIAGNOSIS):
            values = (y if column == contract.DIAGNOSIS else X[column]).to_numpy()[:length]
            differs[real] |= values[real] != frame[column].to_numpy()[source]
        for position in np.flatnonzero(differs):
            yield int(position) + 1, f"X_{name}", f"differs from row {rows[position] + 1} of the clean frame"


@rule(SplitRule, hint="Enable stratification, choose another seed, or recreate the split.")
def sets_are_stratified(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """In a stratified split, each set has the frame's share of malignant rows, to within one row.

    In a split by hash, the number of rows of each class in the test set is one that chance gives: its binomial tail is
    at least one in a billion.
    """
    share = float(frame[contract.DIAGNOSIS].mean())
    for name, _, y, _ in _sets(split):
        malignant, expected = int((y == contract.MALIGNANT).sum()), share * len(y)
        if split.stratified and abs(malignant - expected) >= 1:
            yield None, f"y_{name}", f"{malignant} of {len(y)} are malignant, {expected:.1f} expected"
    if split.by_hash:
        faults = improbable(split.by_hash, split.y_test.to_numpy(), frame[contract.DIAGNOSIS].to_numpy())
        yield from ((None, place, text) for place, text in faults)


@rule(SplitRule, hint=_HINT)
def sets_follow_the_hash(split: "splitting.Split", _frame: "pd.DataFrame") -> SplitFaults:
    """In a split by hash, a row is in the test set exactly if the hash of its measurements and the seed says so."""
    import numpy as np

    for name, X, _, _ in _sets(split) if split.by_hash else ():
        digests = membership.digests(X)
        chosen = membership.in_test_set(digests, **vars(split.by_hash))
        for row in np.flatnonzero(chosen != (name == "test")):
            yield int(row) + 1, f"X_{name}", "belongs to the other set by the hash of its measurements"


@rule(SplitRule, hint="Remove the duplicate patient from the raw table.")
def no_measurements_in_both_sets(split: "splitting.Split", _frame: "pd.DataFrame") -> SplitFaults:
    """No row of the test set has the same thirty measurements as a row of the training set."""
    import numpy as np
    import pandas as pd

    features = list(contract.FEATURES)
    # Three columns select candidates, which are then compared in all thirty columns.
    few = pd.concat([X[features[:3]] for X in (split.X_train, split.X_test)], ignore_index=True)
    suspects = np.flatnonzero(few.duplicated(keep=False))
    in_training = suspects < len(split.X_train)
    training = split.X_train.iloc[suspects[in_training]]
    test = split.X_test.iloc[suspects[~in_training] - len(split.X_train)]
    known = set(training[features].itertuples(index=False, name=None))
    for position, row in zip(suspects[~in_training], test[features].itertuples(index=False, name=None), strict=True):
        if row in known:
            yield int(position) - len(split.X_train) + 1, "X_test", "the training set has the same measurements"


def improbable(draw: "splitting.Draw", test: "np.ndarray", frame: "np.ndarray") -> "Iterator[tuple[str, str]]":
    """Yield what is wrong with the diagnoses (1 or 0) of a test set that was drawn by hash from those of the frame."""
    for label, code in contract.LABELS.items():
        drawn, total = int((test == code).sum()), int((frame == code).sum())
        if drawn > total or membership.tail(drawn, total, draw.test_size) < _IMPOSSIBLE:
            yield "y_test", f"{drawn} of {total} of class {label}, {draw.test_size * total:.1f} expected by the hash"


def _sets(split: "splitting.Split") -> "Iterator[tuple[str, pd.DataFrame, pd.Series[int], np.ndarray]]":
    train, test = split.rows()
    yield "train", split.X_train, split.y_train, train
    yield "test", split.X_test, split.y_test, test


def _times_in_sets(split: "splitting.Split", frame: "pd.DataFrame") -> "list[np.ndarray]":
    """Return how often each row of the frame is in the training set, and how often in the test set."""
    import numpy as np

    counts = []
    for rows in split.rows():
        real = rows[(rows >= 0) & (rows < len(frame))]
        counts.append(np.bincount(real, minlength=len(frame)))
    return counts
