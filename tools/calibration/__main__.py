"""Simulate, and store the rates in docs/monitoring.json: `python -m tools.calibration [--years N] [--runs N]`."""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tools.calibration import changes, years
from wdbc_assets.domain.monitoring import outcome_scan, sequential, thresholds
from wdbc_assets.domain.monitoring.population import Population, SimulatedPatients
from wdbc_assets.settings import project_root

FILE = project_root() / "docs" / "monitoring.json"
THRESHOLDS = (4.25, 4.5, 4.61, 4.75, 4.9, 5.0, 5.1, 5.25)
OUTCOME_THRESHOLDS = (3.8, 4.0, 4.2, 4.4)
AFTER_WEEKS = (1, 2, 4, 8, 13)
_WATCHED = max(AFTER_WEEKS)
_FLIPPED, _LOG_ODDS_ADDED = 0.1, 2.0
_EVERYONE = 20_000  # patients by which two models are compared almost exactly
ROLLBACKS = ("trained on 10 % exchanged labels", "log-odds +2")


def main() -> None:
    """Simulate years without a change, the changes, and rollbacks; store the rates."""
    parser = argparse.ArgumentParser(prog="python -m tools.calibration", description=__doc__)
    parser.add_argument("--years", type=int, default=1200, help="simulated years without a change [1200]")
    parser.add_argument("--days", type=int, default=400, help="the same with a batch a day, which takes longer [400]")
    parser.add_argument("--runs", type=int, default=100, help="simulations of each change [100]")
    parser.add_argument("--controls", type=int, default=300, help="years of a champion as good as the one before [300]")
    parser.add_argument("--only-rollback", action="store_true", help="simulate rollbacks, and keep all other rates")
    options = parser.parse_args()
    with ProcessPoolExecutor(os.cpu_count(), initializer=_single_threaded) as pool:

        def simulate(name: str, work: Callable[[int], Any], count: int) -> list[Any]:
            began, results = time.monotonic(), []
            for done, result in enumerate(pool.map(work, range(count), chunksize=4), start=1):
                results.append(result)
                if done % 100 == 0 or done == count:
                    print(f"  {name}: {done} of {count}, {time.monotonic() - began:.0f} s", flush=True)
            return results

        controls = simulate("rollback: as good a model", _control, options.controls)
        rolled = {name: simulate(f"rollback: {name}", partial(_rollback, name), options.runs) for name in ROLLBACKS}
        rollbacks = {
            "controls": _of_controls(*(np.array(column) for column in zip(*controls, strict=True))),
            "rollback": {name: _by_week(found) for name, found in rolled.items()},
        }
        if options.only_rollback:
            _write(json.loads(FILE.read_bytes()) | rollbacks)
            return
        clean = simulate("years without a change", _clean_year, options.years)
        daily = np.array(simulate("the same with a batch a day", _clean_days, options.days))
        drifts = {name: simulate(name, partial(_drift, name), options.runs) for name in changes.DRIFT}
        known = {
            name: simulate(f"outcomes: {name}", partial(_outcomes, name), options.runs) for name in changes.OUTCOMES
        }
    weekly, late, recall, both = (np.array(column) for column in zip(*clean, strict=True))
    document = {
        "reference": years.REFERENCE,
        "patients_a_week": years.WEEK,
        "years": options.years,
        "years_of_days": options.days,
        "runs": options.runs,
        "false_alarms": {
            "weekly": _rates(weekly, THRESHOLDS),
            "daily": _rates(daily, THRESHOLDS),
            "outcomes": _rates(late, OUTCOME_THRESHOLDS),
            "recall": _share(recall),
            "together": _share(both),
        },
        "drift": {name: _by_week(found) for name, found in drifts.items()},
        "outcomes": {name: _by_week(found) for name, found in known.items()},
        **rollbacks,
    }
    _write(document)


def _write(document: dict[str, Any]) -> None:
    FILE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


def _single_threaded() -> None:
    threadpool_limits(1)


def _rates(largest: np.ndarray, thresholds: Sequence[float]) -> dict[str, dict[str, float]]:
    return {str(threshold): _share(largest > threshold) for threshold in thresholds}


def _share(hits: Iterable[bool]) -> dict[str, float]:
    """Return a share and the standard deviation of its simulation."""
    values = np.array(list(hits), dtype=float)
    share = float(values.mean())
    return {"share": round(share, 4), "error": round(float(np.sqrt(share * (1 - share) / len(values))), 4)}


def _by_week(found: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return the share found by the end of each week, from the week in which each was found (0 if never)."""
    weeks = np.array(found)
    return {str(week): _share((weeks > 0) & (weeks <= week)) for week in AFTER_WEEKS}


def _clean_year(seed: int) -> tuple[float, float, bool, bool]:
    """Return the largest statistics of a year without a change, and whether the recall, or anything, was in alarm."""
    generator = np.random.default_rng([0, seed])
    people = years.population()
    year = years.begin(people, generator)
    weeks = [people.sample(years.WEEK, generator) for _ in range(years.WEEKS)]
    weekly = max(years.largest_drift(year, years.sketches(year, weeks), years.lengths("weekly")))
    late = max(years.largest_outcomes(year.known, [outcome_scan.sums(w.y, year.log_odds(w.X)) for w in weeks]))
    recall = _misses_too_many(year, weeks)
    together = weekly > thresholds.DRIFT["weekly"].value or late > thresholds.OUTCOMES.value or recall
    return weekly, late, recall, together


def _clean_days(seed: int) -> float:
    """Return the largest statistic of a year without a change with a batch a day, on each of which patients come."""
    generator = np.random.default_rng([2, seed])
    people = years.population()
    year = years.begin(people, generator)
    weeks = [people.sample(years.WEEK, generator) for _ in range(years.WEEKS)]
    days = [day for week in weeks for day in years.week_of_days(week, generator)]
    return max(years.largest_drift(year, years.sketches(year, days), years.lengths("daily")))


def _misses_too_many(year: years.Year, weeks: Sequence[SimulatedPatients]) -> bool:
    """Return whether the recall was in alarm."""
    found = np.concatenate([year.log_odds(week.X[week.y == 1]) for week in weeks]) >= year.threshold
    return bool((sequential.recall(found) >= sequential.RECALL_ALARM).any())


def _drift(name: str, seed: int) -> int:
    """Return the week in which a change of the inputs was found, 0 if it was not."""
    generator, people, year = _begin(seed)
    before = [people.sample(years.WEEK, generator) for _ in range(years.CLEAN)]
    after = [changes.DRIFT[name](people, years.WEEK, week, generator) for week in range(_WATCHED)]
    made = years.sketches(year, [*before, *after])
    sizes = years.largest_drift(year, made, years.lengths("weekly"), after=years.CLEAN)
    return _first(size > thresholds.DRIFT["weekly"].value for size in sizes)


def _outcomes(name: str, seed: int) -> int:
    """Return the week in which a change was found from the outcomes, 0 if it was not."""
    generator, people, year = _begin(seed)
    change, relabel = changes.OUTCOMES[name]
    weeks: list[tuple[SimulatedPatients, years.Relabel]] = [
        (people.sample(years.WEEK, generator), changes.as_recorded) for _ in range(years.CLEAN)
    ]
    weeks += [(change(people, years.WEEK, week, generator), relabel) for week in range(_WATCHED)]
    made = [outcome_scan.sums(labels(week, generator), year.log_odds(week.X)) for week, labels in weeks]
    sizes = years.largest_outcomes(year.known, made, after=years.CLEAN)
    return _first(size > thresholds.OUTCOMES.value for size in sizes)


def _rollback(name: str, seed: int) -> int:
    """Return the week in which a champion was rolled back to the model of the reference, 0 if it was not."""
    generator, people, year = _begin(seed)
    newer = people.sample(years.REFERENCE, generator)
    labels = newer.y
    if name == ROLLBACKS[0]:
        labels = np.where(generator.random(len(labels)) < _FLIPPED, 1 - labels, labels)
    champion = years.fit(newer.X, labels)
    added = _LOG_ODDS_ADDED if name == ROLLBACKS[1] else 0.0
    weeks = [people.sample(years.WEEK, generator) for _ in range(_WATCHED)]
    return _rolled_back(year, lambda X: champion.decision_function(X) + added, weeks)


def _control(seed: int) -> tuple[int, float]:
    """Return the same in a year for a champion of the same recipe, and by how much its Brier score is truly worse."""
    generator, people, year = _begin(seed)
    newer = people.sample(years.REFERENCE, generator)
    champion = years.fit(newer.X, newer.y)
    weeks = [people.sample(years.WEEK, generator) for _ in range(years.WEEKS)]
    everyone = people.sample(_EVERYONE, np.random.default_rng([3, seed]))
    scores = [(_p(z(everyone.X)) - everyone.y) ** 2 for z in (champion.decision_function, year.log_odds)]
    return _rolled_back(year, champion.decision_function, weeks), float((scores[0] - scores[1]).mean())


def _rolled_back(
    year: years.Year, champion: Callable[[np.ndarray], np.ndarray], weeks: Sequence[SimulatedPatients]
) -> int:
    X, y = np.vstack([week.X for week in weeks]), np.concatenate([week.y for week in weeks])
    evidence = sequential.rollback(_p(champion(X)), _p(year.log_odds(X)), y) >= sequential.ROLLBACK
    return int(evidence.argmax()) // years.WEEK + 1 if evidence.any() else 0


def _of_controls(weeks: np.ndarray, worse_by: np.ndarray) -> dict[str, int]:
    """Return how many champions of the same recipe were truly worse than the margin, and how many were rolled back."""
    worse = worse_by > sequential.MARGIN
    return {
        "years": len(weeks),
        "worse": int(worse.sum()),
        "worse_rolled_back": int((weeks[worse] > 0).sum()),
        "wrongly_rolled_back": int((weeks[~worse] > 0).sum()),
    }


def _p(log_odds: np.ndarray) -> np.ndarray:
    p: np.ndarray = 1 / (1 + np.exp(-log_odds))
    return p


def _begin(seed: int) -> tuple[np.random.Generator, Population, years.Year]:
    generator = np.random.default_rng(np.random.SeedSequence([1, seed]))
    people = years.population()
    return generator, people, years.begin(people, generator)


def _first(alarms: Iterable[bool]) -> int:
    return next((week for week, alarm in enumerate(alarms, start=1) if alarm), 0)


if __name__ == "__main__":
    main()
