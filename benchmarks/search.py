"""The search over 60 candidates against scikit-learn's GridSearchCV, with the same pipeline and folds.

Each runs alone in a separate process, on one thread, and is measured without the imports.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import Spread, cost_of, environment_in
from benchmarks.report import Row, Table

_FEW = 12  # some ridge candidates and some that saga fits: all kinds, within seconds
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def search(folder: Path, *, repetitions: int, quick: bool) -> Table:
    """Compare the two. GridSearchCV takes over a minute, so it runs once for all repetitions of ours."""
    count = _FEW if quick else 60
    environment = environment_in(folder) | _ONE_THREAD
    measured: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    for which, times in (("ours", repetitions), ("theirs", 1)):
        for _ in range(times):
            output = folder / f"search-{which}.json"
            cost_of(
                (sys.executable, "-m", "benchmarks.search", which, str(count), str(output)), environment=environment
            )
            measured[which].append(json.loads(output.read_bytes()))
    (theirs,), ours = measured["theirs"], measured["ours"]
    differences = [abs(a - b) for a, b in zip(ours[0]["scores"], theirs["scores"], strict=True)]
    if ours[0]["winner"] != theirs["winner"]:
        raise ValueError(f"the winners differ: {ours[0]['winner']} and {theirs['winner']}")
    return Table(
        "search",
        f"The search over {count} candidates against GridSearchCV: same winner",
        (
            Row("ours, CPU time", Spread.of([run["cpu"] for run in ours]), "s"),
            Row("GridSearchCV, CPU time", Spread.of([theirs["cpu"]]), "s"),
            Row("CPU time, ours to GridSearchCV", Spread.of([run["cpu"] / theirs["cpu"] for run in ours]), "x", 1 / 25),
            Row("largest difference of a mean score", Spread.of([max(differences)]), "", 1e-6),
        ),
    )


def _measured(which: str, count: int) -> dict[str, Any]:
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from threadpoolctl import threadpool_limits

    from wdbc_assets.domain.data import cleaning, reading, splitting
    from wdbc_assets.domain.modeling import recipes
    from wdbc_assets.domain.modeling import search as own
    from wdbc_assets.sources import bundled

    split = splitting.split(cleaning.clean(reading.read(bundled.content())))
    recipe = recipes.named("pca_logistic")
    every = recipe.candidates("full")
    candidates = every[:: len(every) // count]
    begun = time.process_time()
    if which == "ours":
        with threadpool_limits(limits=1):
            result = own.search(
                recipe.build(42),
                candidates,
                split.X_train,
                split.y_train,
                scoring=recipe.scoring,
                folds=5,
                on_fit=lambda _: None,
            )
        cpu = time.process_time() - begun
        scores, winner = [candidate.mean_score for candidate in result.candidates], dict(result.winner.params)
    else:
        grid = [{name: [value] for name, value in candidate.items()} for candidate in candidates]
        fitted = GridSearchCV(
            recipe.build(42), grid, scoring=recipe.scoring, cv=StratifiedKFold(5), refit=False, error_score="raise"
        ).fit(split.X_train, split.y_train)
        cpu = time.process_time() - begun
        scores = [float(score) for score in fitted.cv_results_["mean_test_score"]]
        winner = dict(candidates[int(fitted.best_index_)])
    return {"cpu": cpu, "scores": scores, "winner": winner}


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(_measured(sys.argv[1], int(sys.argv[2]))))
