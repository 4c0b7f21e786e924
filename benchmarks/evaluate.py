"""Repeated nested cross-validation against plain scikit-learn: same folds, candidates, seeds and probabilities.

Each runs alone in a separate process, on one thread, and is measured without the imports. Ours stores each fold as a
checkpoint, as it does in a run. GridSearchCV around `airflow_baseline` takes a quarter of a minute for one outer fold,
so it evaluates one fold of each repeat, and its cost is multiplied by the number of folds in a repeat.
"""

import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import Spread, cost_of, environment_in
from benchmarks.report import Row, Table

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_LARGEST = {"spline": 1e-6, "logistic": 1e-8, "airflow_baseline": 1e-6}  # largest allowed difference of a probability
_FOLDS_DONE = {
    "spline": 10,
    "logistic": 10,
    "airflow_baseline": 1,
}  # evaluated by plain scikit-learn, of 10 in each repeat
_FULL = ("spline", "logistic")  # measured under the full protocol


def evaluate(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Compare the quick protocol of the recipes that are always evaluated, and measure the full one of two of them."""
    names = ("spline",) if quick else tuple(_LARGEST)
    ours = [_child(folder, "ours", names, quick=quick) for _ in range(repetitions)]
    theirs = _child(folder, "theirs", names, quick=quick)
    rows = []
    for name in names:
        own, plain = Spread.of([round_[name]["cpu"] for round_ in ours]), Spread.of([theirs[name]["cpu"]])
        rows += [
            Row(f"{name}, ours, CPU time", own, "s"),
            Row(f"{name}, plain scikit-learn, CPU time", plain, "s"),
            Row(f"{name}, CPU time, ours to plain", _ratio(ours, theirs, (name,)), "x"),
            Row(f"{name}, largest difference of a probability", _difference(name, ours[0], theirs), "", _LARGEST[name]),
        ]
    if not quick:
        rows.append(Row("all, CPU time, ours to plain", _ratio(ours, theirs, names), "x", 1 / 5))
        full = Spread.of([round_["full"] for round_ in ours])
        rows.append(Row(f"{' and '.join(_FULL)}, full protocol, ours, CPU time", full, "s", 90))
    title = "one repeat" if quick else "the quick protocol"
    return Table(
        "evaluate", f"Nested cross-validation, {title}, against plain scikit-learn: same probabilities", tuple(rows)
    )


def _ratio(ours: list[dict[str, Any]], theirs: Mapping[str, Any], names: tuple[str, ...]) -> Spread:
    plain = sum(theirs[name]["cpu"] for name in names)
    return Spread.of([sum(round_[name]["cpu"] for name in names) / plain for round_ in ours])


def _difference(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Spread:
    """Return the largest difference.

    Raises:
        ValueError: the difference is too large for the comparison to mean anything.
    """
    own, plain = ours[name]["probabilities"], theirs[name]["probabilities"]
    largest = max(abs(own[patient] - probability) for patient, probability in plain.items())
    if largest > _LARGEST[name]:
        raise ValueError(f"{name}: a probability of ours differs from plain scikit-learn's by {largest}")
    return Spread.of([largest])


def _child(folder: Path, which: str, names: tuple[str, ...], *, quick: bool) -> dict[str, Any]:
    output = folder / f"evaluate-{which}.json"
    repeats = "1" if quick else "3"
    command = (sys.executable, "-m", "benchmarks.evaluate", which, repeats, str(output), *names)
    cost_of(command, environment=environment_in(folder) | _ONE_THREAD)
    measured: dict[str, Any] = json.loads(output.read_bytes())
    return measured


def _ours(repeats: int, names: list[str], folder: Path) -> dict[str, Any]:
    from wdbc_assets.domain.modeling import recipes

    _evaluated(names[0], 1, folder / "warm")
    measured: dict[str, Any] = {}
    for name in names:
        cpu, value = _evaluated(name, repeats, folder / name)
        rows = value.predictions[["repeat", "patient", "probability"]].itertuples(index=False)
        probabilities = {f"{repeat}-{patient}": probability for repeat, patient, probability in rows}
        measured[name] = {"cpu": cpu, "probabilities": probabilities}
    if repeats > 1:
        full = recipes.PROTOCOLS["full"]
        measured["full"] = sum(_evaluated(name, full, folder / f"full-{name}")[0] for name in _FULL)
    return measured


def _evaluated(name: str, repeats: int, folder: Path) -> tuple[float, Any]:
    from wdbc_assets.domain.modeling import recipes
    from wdbc_assets.pipeline.engines import folds
    from wdbc_assets.pipeline.engines.local import Local
    from wdbc_assets.store.store import open_store

    recipes.PROTOCOLS["measured"] = repeats
    checkpoints = open_store(str(folder), relative_to=folder).checkpoints("cross_validation", [])
    frame = _frame()
    begun = time.process_time()
    value = folds.evaluate(
        frame, recipes=[name], protocol="measured", engine=Local(1), checkpoints=checkpoints, report=lambda *_: None
    )
    return time.process_time() - begun, value


def _theirs(repeats: int, names: list[str]) -> dict[str, Any]:
    return {name: _plain(name, repeats) for name in names}


def _plain(name: str, repeats: int) -> dict[str, Any]:
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    from wdbc_assets.domain.data import contract
    from wdbc_assets.domain.modeling import recipes

    frame, recipe = _frame(), recipes.named(name)
    X, y = frame[list(contract.FEATURES)], frame[contract.DIAGNOSIS]
    grid = [{key: [value] for key, value in candidate.items()} for candidate in recipe.candidates("full")]
    inner = (
        [StratifiedKFold(5)]
        if recipe.as_published
        else [
            StratifiedKFold(recipes.SEARCH_FOLDS, shuffle=True, random_state=recipes.SEARCH_SEED + repeat)
            for repeat in range(recipes.SEARCH_REPEATS)
        ]
    )
    search = GridSearchCV(recipe.build(42), grid, scoring=recipe.scoring, cv=_Repeated(inner), error_score="raise")

    def fitted(X: Any, y: Any) -> Any:
        model = search.fit(X, y).best_estimator_
        if recipe.temperature is not None:
            model.set_params(**{recipe.temperature: _best_temperature(model, X, y, inner)}).fit(X, y)
        return model

    probabilities: dict[str, float] = {}
    cpu = 0.0
    for repeat in range(repeats):
        outer = StratifiedKFold(10, shuffle=True, random_state=repeat)
        begun = time.process_time()
        for fit_on, patients in itertools.islice(outer.split(X, y), _FOLDS_DONE[name]):
            predicted = fitted(X.iloc[fit_on], y.iloc[fit_on]).predict_proba(X.iloc[patients])[:, 1]
            probabilities |= {f"{repeat}-{patient}": float(p) for patient, p in zip(patients, predicted, strict=True)}
        cpu += (time.process_time() - begun) * outer.n_splits / _FOLDS_DONE[name]
    return {"cpu": cpu, "probabilities": probabilities}


def _best_temperature(model: Any, X: Any, y: Any, inner: Sequence[Any]) -> float:
    """Return the factor of the log-odds with the least log-loss on the inner folds."""
    import numpy as np
    from sklearn.metrics import log_loss
    from sklearn.model_selection import cross_val_predict

    log_odds = np.concatenate([cross_val_predict(model, X, y, cv=folds, method="decision_function") for folds in inner])
    truth = np.tile(y, len(inner))
    factors = np.linspace(0.8, 2, 61)
    losses = [log_loss(truth, 1 / (1 + np.exp(-factor * log_odds))) for factor in factors]
    return float(factors[int(np.argmin(losses))].round(2))


class _Repeated:
    """Several cross-validators, one after the other, as one."""

    def __init__(self, folds: Sequence[Any]) -> None:
        self._folds = folds

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[Any]:
        """Yield the rows to fit on and the rows to score, of each fold."""
        for one in self._folds:
            yield from one.split(X, y, groups)

    def get_n_splits(self, *_: Any, **__: Any) -> int:
        """Return the number of folds."""
        return sum(one.get_n_splits() for one in self._folds)


def _frame() -> Any:
    from wdbc_assets.domain.data import cleaning, reading
    from wdbc_assets.sources import bundled

    return cleaning.clean(reading.read(bundled.content()))


if __name__ == "__main__":
    import tempfile

    which, repeats, output, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        measured = _ours(int(repeats), names, Path(folder)) if which == "ours" else _theirs(int(repeats), names)
    Path(output).write_text(json.dumps(measured))
