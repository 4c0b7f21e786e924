"""What must be true of a split and the clean frame that it is of."""

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.rules.base import SplitFaults, SplitRule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.data import splitting

_HINT = "Make the split again from the clean frame."
_FRAME = "clean_frame"


@rule(SplitRule, hint=_HINT)
def rows_are_renumbered(split: "splitting.Split", _frame: "pd.DataFrame") -> SplitFaults:
    """The rows of each part are numbered from 0: their place in the frame, which predicts malignancy, is gone."""
    import pandas as pd

    for part, X, y, _ in _parts(split):
        for table, rows in ((f"X_{part}", X), (f"y_{part}", y)):
            if not rows.index.equals(pd.RangeIndex(len(rows))):
                yield None, table, "the rows carry other numbers than 0, 1, 2, ..."


@rule(SplitRule, hint=_HINT)
def sets_are_disjoint(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """No row of the frame is in both parts, or twice in one."""
    import numpy as np

    train, test = _times_in_parts(split, frame)
    for row in np.flatnonzero((train > 0) & (test > 0)):
        yield int(row) + 1, _FRAME, "in both parts"
    for part, times in (("training", train), ("test", test)):
        for row in np.flatnonzero(times > 1):
            yield int(row) + 1, _FRAME, f"more than once in the {part} part"


@rule(SplitRule, hint=_HINT)
def sets_are_complete(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """Every row of the frame is in one of the parts, and every row of a part has its diagnosis."""
    import numpy as np

    train, test = _times_in_parts(split, frame)
    for row in np.flatnonzero(train + test == 0):
        yield int(row) + 1, _FRAME, "in neither part"
    for part, X, y, rows in _parts(split):
        if not len(X) == len(y) == len(rows):
            yield None, f"X_{part}", f"{len(X)} rows of features, {len(y)} diagnoses, {len(rows)} rows of the frame"


@rule(SplitRule, hint=_HINT)
def sets_are_rows_of_the_frame(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """Each row of a part has the measurements and the diagnosis of the frame's row that it is said to be."""
    import numpy as np

    for part, X, y, rows in _parts(split):
        length = min(len(X), len(y), len(rows))
        real = (rows[:length] >= 0) & (rows[:length] < len(frame))
        source = rows[:length][real]
        differs = ~real
        for column in (*contract.FEATURES, contract.DIAGNOSIS):
            values = (y if column == contract.DIAGNOSIS else X[column]).to_numpy()[:length]
            differs[real] |= values[real] != frame[column].to_numpy()[source]
        for position in np.flatnonzero(differs):
            yield int(position) + 1, f"X_{part}", f"differs from row {rows[position] + 1} of the clean frame"


@rule(SplitRule, hint="Switch stratification on, or make the split again.")
def sets_are_stratified(split: "splitting.Split", frame: "pd.DataFrame") -> SplitFaults:
    """The share of malignant rows in each part is that of the frame, to within one row, if that was asked for."""
    share = float(frame[contract.DIAGNOSIS].mean())
    for part, _, y, _ in _parts(split):
        found, expected = int((y == contract.MALIGNANT).sum()), share * len(y)
        if split.stratified and abs(found - expected) >= 1:
            yield None, f"y_{part}", f"{found} of {len(y)} are malignant, {expected:.1f} expected"


@rule(SplitRule, hint="Remove the patient that the raw table holds twice.")
def no_measurements_in_both_sets(split: "splitting.Split", _frame: "pd.DataFrame") -> SplitFaults:
    """No row of the test part has the same thirty measurements as one of the training part."""
    import numpy as np
    import pandas as pd

    features = list(contract.FEATURES)
    # As for twins among the cells: three columns find the suspects, thirty convict them.
    few = pd.concat([part[features[:3]] for part in (split.X_train, split.X_test)], ignore_index=True)
    suspects = np.flatnonzero(few.duplicated(keep=False))
    in_training = suspects < len(split.X_train)
    training = split.X_train.iloc[suspects[in_training]]
    test = split.X_test.iloc[suspects[~in_training] - len(split.X_train)]
    known = set(training[features].itertuples(index=False, name=None))
    for position, row in zip(suspects[~in_training], test[features].itertuples(index=False, name=None), strict=True):
        if row in known:
            yield int(position) - len(split.X_train) + 1, "X_test", "the same measurements are in the training part"


def _parts(split: "splitting.Split") -> "Iterator[tuple[str, pd.DataFrame, pd.Series[int], np.ndarray]]":
    train, test = split.rows()
    yield "train", split.X_train, split.y_train, train
    yield "test", split.X_test, split.y_test, test


def _times_in_parts(split: "splitting.Split", frame: "pd.DataFrame") -> "list[np.ndarray]":
    """Count for each row of the frame how often it is in the training part, and how often in the test part."""
    import numpy as np

    counts = []
    for rows in split.rows():
        real = rows[(rows >= 0) & (rows < len(frame))]
        counts.append(np.bincount(real, minlength=len(frame)))
    return counts
