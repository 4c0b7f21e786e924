"""What may happen to the patients, the instruments and the labels, for the power of the scans."""

from collections.abc import Mapping

import numpy as np

from tools.calibration.years import Change, Relabel
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.monitoring.population import Population, SimulatedPatients

_POWERS = {"radius": 1, "perimeter": 1, "area": 2}
_DIMENSIONS = np.array([_POWERS.get(name.split("_")[0], 0) for name in contract.FEATURES])
"""The power of a length that each measurement is; the others have no unit, or are relative."""


def _shifted(size: float, *, per_week: bool = False) -> Change:
    """Return a change that adds standard deviations to one measurement, another one in each simulation."""

    def change(people: Population, n: int, week: int, generator: np.random.Generator) -> SimulatedPatients:
        patients, column = people.sample(n, generator), _column(generator)
        added = size * (week + 1 if per_week else 1) * people.sd[column]
        patients.X[:, column] = np.maximum(patients.X[:, column] + added, 0)
        return patients

    return change


def _column(generator: np.random.Generator) -> int:
    """Return the column that a simulation changes: the same for all of its weeks."""
    seeds = generator.bit_generator.seed_seq.generate_state(1)
    return int(seeds[0] % len(contract.FEATURES))


def _magnified(factor: float, share: float = 1.0) -> Change:
    """Return a change of magnification, for a share of the patients: lengths by the factor, areas by its square."""

    def change(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
        patients = people.sample(n, generator)
        rows = generator.random(n) < share
        patients.X[rows] *= factor**_DIMENSIONS
        return patients

    return change


def _prevalence(share: float) -> Change:
    return lambda people, n, _, generator: people.sample(n, generator, prevalence=share)


def _unit(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    patients, column = people.sample(n, generator), _column(generator)
    patients.X[:, column] *= 10
    return patients


def _noisy(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    patients = people.sample(n, generator)
    patients.X[:] *= np.exp(0.1 * generator.standard_normal(patients.X.shape))
    return patients


def _constant(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    patients, column = people.sample(n, generator), _column(generator)
    patients.X[:, column] = np.median(patients.X[:, column])
    return patients


def _swapped(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    patients = people.sample(n, generator)
    columns = [contract.FEATURES.index("smoothness_mean"), contract.FEATURES.index("symmetry_mean")]
    patients.X[:, columns] = patients.X[:, columns[::-1]]
    return patients


def _mixed_up(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    patients, column = people.sample(n, generator), _column(generator)
    patients.X[:, column] = generator.permutation(patients.X[:, column])
    return patients


def _rounded(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    patients = people.sample(n, generator)
    size = 10 ** np.floor(np.log10(np.maximum(patients.X, 1e-12)))
    patients.X[:] = np.round(patients.X / size) * size
    return patients


def _larger_tumours(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    patients = people.sample(n, generator)
    patients.X[patients.y == 1] *= 1.15**_DIMENSIONS
    return patients


def _half_as_many(people: Population, n: int, week: int, generator: np.random.Generator) -> SimulatedPatients:
    return _shifted(0.5)(people, n // 2, week, generator)


def milder(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    """Return patients whose malignant ones are moved by 15 % of the distance between the means of the classes."""
    patients = people.sample(n, generator)
    malignant = patients.y == 1
    distance = patients.X[~malignant].mean(axis=0) - patients.X[malignant].mean(axis=0)
    patients.X[malignant] = np.maximum(patients.X[malignant] + 0.15 * distance, 0)
    return patients


def unchanged(people: Population, n: int, _week: int, generator: np.random.Generator) -> SimulatedPatients:
    """Return patients as before."""
    return people.sample(n, generator)


DRIFT: Mapping[str, Change] = {
    "one measurement +0.5 sd": _shifted(0.5),
    "one measurement +0.3 sd": _shifted(0.3),
    "one measurement +0.2 sd": _shifted(0.2),
    "magnification x1.10": _magnified(1.1),
    "wrong unit (x10) of one measurement": _unit,
    "prevalence .55": _prevalence(0.55),
    "prevalence .25": _prevalence(0.25),
    "one measurement -0.5 sd": _shifted(-0.5),
    "one measurement +0.05 sd more each week": _shifted(0.05, per_week=True),
    "magnification x1.10 for a third of the patients": _magnified(1.1, 1 / 3),
    "noise of 10 % on all measurements": _noisy,
    "one measurement stuck at its median": _constant,
    "two columns exchanged (smoothness, symmetry)": _swapped,
    "one column assigned to other patients": _mixed_up,
    "all measurements rounded to one digit": _rounded,
    "malignant tumours 15 % larger": _larger_tumours,
    "half as many patients, one measurement +0.5 sd": _half_as_many,
    "malignant 15 % towards benign": milder,
}
"""The first six have published rates to compare with."""


def _missed(share: float) -> Relabel:
    def relabel(patients: SimulatedPatients, generator: np.random.Generator) -> np.ndarray:
        return np.where(generator.random(len(patients.y)) < share, 0, patients.y)

    return relabel


def _flipped(patients: SimulatedPatients, generator: np.random.Generator) -> np.ndarray:
    return np.where(generator.random(len(patients.y)) < 0.05, 1 - patients.y, patients.y)


def as_recorded(patients: SimulatedPatients, _generator: np.random.Generator) -> np.ndarray:
    """Return the true diagnoses."""
    return patients.y


OUTCOMES: Mapping[str, tuple[Change, Relabel]] = {
    "10 % of malignant recorded as benign": (unchanged, _missed(0.1)),
    "malignant 15 % towards benign": (milder, as_recorded),
    "5 % of all labels exchanged": (unchanged, _flipped),
    "magnification x1.10": (_magnified(1.1), as_recorded),
    "prevalence .55": (_prevalence(0.55), as_recorded),
}
"""Changes of the patients and of the recorded diagnoses. The first two have published rates to compare with."""
