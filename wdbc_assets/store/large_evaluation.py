"""The evaluation of a table larger than memory: predictions in a file, with one row per patient."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.store import table_files
from wdbc_assets.store.table_files import TableFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.evaluation.cross_validation import Winner
    from wdbc_assets.domain.evaluation.out_of_fold import RecipePredictions
    from wdbc_assets.domain.evaluation.results import EvaluationSummary
    from wdbc_assets.domain.evaluation.summed_cross_validation import FoldModel, PartitionPredictions

FOLD = "fold"
"""What the name of a column of folds begins with."""


@dataclass(frozen=True)
class PredictionsInFile:
    """Out-of-fold predictions in a file: `diagnosis`, `fold REPEAT` and `RECIPE REPEAT`, the P(malignant)."""

    table: TableFile

    @classmethod
    def write(cls, predictions: "Iterable[PartitionPredictions]") -> "PredictionsInFile":
        """Write the predictions of a table's partitions, in their order, to a temporary file.

        Raises:
            WdbcError: the file cannot be written.
        """
        return cls(table_files.write(_frames(predictions)))

    @property
    def recipes(self) -> tuple[str, ...]:
        """The evaluated recipes."""
        names = (name.partition(" ")[0] for name in self.table.columns if name != contract.DIAGNOSIS)
        return tuple(dict.fromkeys(name for name in names if name != FOLD))

    @property
    def repeats(self) -> tuple[int, ...]:
        """The numbers of the repeats."""
        folds = (name.partition(" ") for name in self.table.columns)
        return tuple(int(number) for name, _, number in folds if name == FOLD)

    def of(self, recipe: str) -> "RecipePredictions":
        """Return the predictions of a recipe, which are then in memory: P(malignant) and folds, shape (repeats, rows).

        Raises:
            IndexError: the recipe was not evaluated.
        """
        import numpy as np

        from wdbc_assets.domain.evaluation.out_of_fold import RecipePredictions

        p, fold_of = (
            np.array([self.table.column(f"{name} {repeat}") for repeat in self.repeats]) for name in (recipe, FOLD)
        )
        return RecipePredictions(self.table.column(contract.DIAGNOSIS), p, fold_of, self.repeats)

    def parts(self, recipe: str) -> "Iterator[np.ndarray]":
        """Yield P(malignant) of a recipe in parts, shape (repeats, rows of the part)."""
        for part in self.table.parts([f"{recipe} {repeat}" for repeat in self.repeats]):
            yield part.to_numpy().T


def _frames(predictions: "Iterable[PartitionPredictions]") -> "Iterator[pd.DataFrame]":
    import pandas as pd

    for part in predictions:
        folds = {f"{FOLD} {repeat}": fold_of for repeat, fold_of in enumerate(part.fold_of)}
        p = {
            f"{recipe} {repeat}": probabilities
            for recipe, repeats in part.p.items()
            for repeat, probabilities in enumerate(repeats)
        }
        yield pd.DataFrame({contract.DIAGNOSIS: part.y, **folds, **p})


@dataclass(frozen=True)
class LargeCrossValidation:
    """An evaluation: the predictions, the models they are from, and the summary."""

    evaluated: PredictionsInFile
    models: "tuple[FoldModel, ...]"
    summary: "EvaluationSummary"

    @property
    def winners(self) -> "tuple[Winner, ...]":
        """The parameters that the search of each fold selected."""
        return tuple(model.selected for model in self.models)
