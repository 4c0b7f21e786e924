"""What a bundle needs of a training set in memory, or of one that is larger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.promotion.bundles import TrainingSet
from wdbc_assets.store.table_files import LargeSplit

if TYPE_CHECKING:
    from wdbc_assets.domain.data import splitting


def training_set(divided: splitting.Split | LargeSplit) -> TrainingSet:
    """Return the training set of a split."""
    if not isinstance(divided, LargeSplit):
        return TrainingSet.of(divided.X_train)
    train = divided.train
    return TrainingSet(train.rows, train.column, lambda: train.parts(contract.FEATURES))
