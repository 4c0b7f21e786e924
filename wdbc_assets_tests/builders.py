"""Tables for tests: one literal patient, tables of a few rows, and tables of any size that satisfy the contract.

What is made here is made of the contract and of scikit-learn's bundled copy; nothing is read from elsewhere.
"""

import io
import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wdbc_assets.domain.data import contract, csv_layouts, reading
from wdbc_assets.sources import bundled

_PATIENT: dict[str, Any] = {
    "id": 842517, "diagnosis": "B",
    "radius_mean": 12.0, "texture_mean": 18.0, "perimeter_mean": 78.0, "area_mean": 445.0, "smoothness_mean": 0.095,
    "compactness_mean": 0.1, "concavity_mean": 0.05, "concave_points_mean": 0.03, "symmetry_mean": 0.18,
    "fractal_dimension_mean": 0.062,
    "radius_se": 0.3, "texture_se": 1.1, "perimeter_se": 2.1, "area_se": 22.0, "smoothness_se": 0.007,
    "compactness_se": 0.02, "concavity_se": 0.025, "concave_points_se": 0.01, "symmetry_se": 0.02,
    "fractal_dimension_se": 0.003,
    "radius_worst": 13.5, "texture_worst": 25.0, "perimeter_worst": 88.0, "area_worst": 560.0, "smoothness_worst": 0.13,
    "compactness_worst": 0.2, "concavity_worst": 0.2, "concave_points_worst": 0.09, "symmetry_worst": 0.28,
    "fractal_dimension_worst": 0.08,
}  # fmt: skip
Array = NDArray[np.float64]


def patient(**overrides: Any) -> dict[str, Any]:
    """Return one literal row that keeps every rule of the cells, but for what is overridden."""
    unknown = overrides.keys() - _PATIENT.keys()
    assert not unknown, unknown
    return {**_PATIENT, **overrides}


def csv(*rows: dict[str, Any], header: bool = False) -> bytes:
    """Return rows as a source would send them, each value as `str` writes it."""
    lines = [",".join(str(row[name]) for name in csv_layouts.NAMES) for row in rows]
    return "".join(f"{line}\n" for line in [",".join(csv_layouts.NAMES)] * header + lines).encode()


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return rows as the frame of a raw table."""
    return reading.read(csv(*rows)).frame


def bundled_uci_bytes() -> bytes:
    """Return scikit-learn's copy of the 569 published patients, in UCI's form."""
    return bundled.content()


def published_with(*changes: tuple[int, str, object]) -> bytes:
    """Return the published patients in UCI's form with some cells replaced, each named by its line and column."""
    lines = [line.split(",") for line in bundled_uci_bytes().decode().splitlines()]
    for line, column, text in changes:
        lines[line - 1][csv_layouts.NAMES.index(column)] = str(text)
    return "".join(",".join(cells) + "\n" for cells in lines).encode()


def published_cell(line: int, column: str) -> str:
    """Return the text of one cell of the published patients."""
    return bundled_uci_bytes().decode().splitlines()[line - 1].split(",")[csv_layouts.NAMES.index(column)]


def published() -> pd.DataFrame:
    """Return the raw table of the 569 published patients."""
    return reading.read(bundled_uci_bytes()).frame


def as_uci_csv(table: pd.DataFrame) -> bytes:
    """Return a raw table in UCI's form, without a header; values in their shortest form."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    sink = io.BytesIO()
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
    arrow_csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), sink, options)
    return sink.getvalue()


def table_of(n: int, seed: int = 0) -> pd.DataFrame:
    """Return the frame of a raw table of n patients that satisfies the contract, for any n from 569 on.

    The classes are in the published proportion, and each is drawn from a normal distribution with the class's means and
    covariances, on scales on which the rules are bounds: ratios of the statistics, of perimeter and area to a circle's.
    """
    generator = np.random.default_rng(seed)
    malignant = generator.permutation(n) < round(n * contract.PUBLISHED_MALIGNANT / contract.PUBLISHED_ROWS)
    columns = {name: np.empty(n) for name in contract.FEATURES}
    for label, rows in (("B", ~malignant), ("M", malignant)):
        for name, values in _patients_of(label, int(rows.sum()), generator).items():
            columns[name][rows] = values
    table = pd.DataFrame(
        {
            contract.ID: pd.array(8670 + np.cumsum(generator.integers(1, 900, n)), dtype="Int64"),
            contract.DIAGNOSIS: pd.Series(np.where(malignant, "M", "B"), dtype="str"),
            **columns,
        },
        copy=False,
    )
    table.index = pd.RangeIndex(1, n + 1, name=reading.LINE)
    return table


def _patients_of(label: str, n: int, generator: np.random.Generator) -> dict[str, Array]:
    scales, without_concavity = _scales_of(label)
    drawn = generator.multivariate_normal(scales.mean(), scales.cov(), n)
    low, high = _limits()
    values = _from_scales(dict(zip(scales.columns, np.clip(drawn, low, high).T, strict=True)))
    flat = generator.random(n) < without_concavity
    for measurement in contract.MEASUREMENTS:
        if measurement.may_be_zero:
            for statistic in contract.STATISTICS:
                values[measurement.column(statistic)][flat] = 0
    return values


@cache
def _scales_of(label: str) -> tuple[pd.DataFrame, float]:
    """Return the published patients of a class on the scales, and the share of those without any concavity."""
    table = published()
    of_class = table[table[contract.DIAGNOSIS] == label]
    flat = of_class["concavity_mean"] == 0
    return _to_scales(of_class[~flat]), float(flat.mean())


@cache
def _limits() -> tuple[Array, Array]:
    scales = pd.concat([_scales_of(label)[0] for label in contract.LABELS])
    return scales.min().to_numpy(), scales.max().to_numpy()


def _to_scales(table: pd.DataFrame) -> pd.DataFrame:
    circle = _circle(table)
    scales = {}
    for measurement in contract.MEASUREMENTS:
        mean = table[measurement.column("mean")]
        for column in map(measurement.column, contract.STATISTICS):
            relative_to = circle.get(column, 1 if column.endswith("_mean") else mean)
            scales[column] = np.log(table[column] / relative_to)
    scales["compactness_mean"] = np.log(table["compactness_mean"] - _compactness_of_outline(table))
    return pd.DataFrame(scales)


def _from_scales(scales: dict[str, Array]) -> dict[str, Array]:
    factor = {column: np.exp(values) for column, values in scales.items()}
    values: dict[str, Array] = {"radius_mean": factor["radius_mean"]}
    for measurement in contract.MEASUREMENTS:
        mean, se, worst = map(measurement.column, contract.STATISTICS)
        values[mean] = factor[mean] * _circle(values).get(mean, 1)
        if measurement.name == "area":
            # A circle has the largest area for its perimeter; seen is 1 % less.
            values[mean] = np.minimum(values[mean], values["perimeter_mean"] ** 2 / (4 * math.pi * 1.0077))
        if measurement.name == "compactness":
            values[mean] = factor[mean] + _compactness_of_outline(values)
        values[se] = factor[se] * _circle(values).get(se, values[mean])
        values[worst] = factor[worst] * _circle(values).get(worst, values[mean])
        values[worst] = np.clip(values[worst], values[mean], measurement.largest)
    return {column: _four_digits(values[column]) for column in contract.FEATURES}


def _circle(of: Any) -> dict[str, Any]:
    """Return what perimeters and areas would be if every nucleus were a circle, as far as the radii are known."""
    circle = {}
    for statistic in contract.STATISTICS:
        if (radius := of.get(f"radius_{statistic}")) is not None:
            circle[f"perimeter_{statistic}"] = 2 * math.pi * radius
            circle[f"area_{statistic}"] = math.pi * radius * (2 * of["radius_mean"] if statistic == "se" else radius)
    return circle


def _compactness_of_outline(of: Any) -> Any:
    return of["perimeter_mean"] ** 2 / (4 * math.pi * of["area_mean"]) - 1


def _four_digits(values: Array) -> Array:
    scale = 10.0 ** (3 - np.floor(np.log10(values)))
    return np.asarray(np.round(values * scale) / scale)
