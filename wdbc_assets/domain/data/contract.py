"""What is known of the data: its 32 columns, their units and bounds, and how many patients there are.

The one place where facts about the data stand. Rules, schemas, the column tables of the UI, the data dictionary and the
generator of the tests derive from it. What must hold between cells, rows and columns is said in `rules`.

Sources: the description published with the data (UCI, wdbc.names); W. N. Street, W. H. Wolberg, O. L. Mangasarian,
"Nuclear feature extraction for breast tumor diagnosis", Proc. SPIE 1905, 1993; W. H. Wolberg et al., Human Pathology
26, 1995. UCI states no units. The authors counted a nucleus' area in the pixels of its image: lengths are pixels here.
"Seen" are the extremes among the 569 published patients.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Statistics of a measurement over the nuclei of one image. "worst" is the mean of the three largest values.
STATISTICS = ("mean", "se", "worst")
# How others name them in a header: UCI by digits behind the measurement, scikit-learn by words on either side.
_STATISTIC_NAMES = {"mean": ("mean", "1"), "se": ("se", "error", "2"), "worst": ("worst", "3")}
_STATISTIC_MEANINGS = {
    "mean": "mean over the nuclei of the image",
    "se": "standard error of that mean",
    "worst": "mean of the three largest values of the image",
}

# A value between the two numbers, both included.
Range = tuple[float, float]

# Perimeter / (2 pi radius) and area / (pi radius^2) are 1 for a circle. Seen: perimeter mean .983 to 1.133, se .69 to
# 3.37, worst .991 to 1.221; area mean .917 to 1.064, worst .812 to 1.058. The ranges reach twice as far from 1.
PERIMETER_PER_CIRCLE: Mapping[str, Range] = {"mean": (0.9, 1.35), "se": (0.35, 7.0), "worst": (0.9, 1.5)}
AREA_PER_CIRCLE: Mapping[str, Range] = {"mean": (0.8, 1.2), "worst": (0.6, 1.2)}
# area_se / (2 pi radius_mean radius_se): by the delta method 1 for circles. Seen: .54 to 1.36; twice the factor passes.
AREA_SE_PER_CIRCLE: Range = (0.25, 2.7)
# compactness_mean - (perimeter_mean^2 / (4 pi area_mean) - 1). Seen: .0009 to .108. It is never below 0, for the mean
# of p^2/a is at least (mean p)^2 / (mean a) by Cauchy-Schwarz; rounding to four digits can cost .002. (UCI writes the
# formula without 4 pi; the data have it.)
COMPACTNESS_EXCESS: Range = (-0.002, 0.35)

# No nucleus has a larger radius. A judgement, no theorem: eight times the mean radius of the benign nuclei (12.1), and
# nearly three times the largest seen (36.0).
LARGEST_RADIUS = 100.0


@dataclass(frozen=True)
class Measurement:
    """One of the ten quantities measured on each nucleus.

    `largest` is a bound that no nucleus can pass, with its reason. Values are above 0, or may be 0 if `may_be_zero`.
    `usual` is where nine tenths of the published patients lie (5th to 95th percentile), for each statistic.
    """

    name: str
    unit: str
    meaning: str
    largest: float
    why_largest: str
    usual: Mapping[str, Range]
    may_be_zero: bool = False

    def column(self, statistic: str) -> str:
        """Return the name of the column that holds one of the three statistics."""
        return f"{self.name}_{statistic}"


def _usual(mean: Range, se: Range, worst: Range) -> Mapping[str, Range]:
    return MappingProxyType({"mean": mean, "se": se, "worst": worst})


MEASUREMENTS: tuple[Measurement, ...] = (
    Measurement(
        "radius", "px", "mean distance from the centre to the points of the contour",
        LARGEST_RADIUS, "eight times the radius of benign nuclei", _usual((9.53, 20.6), (0.160, 0.960), (10.5, 25.6)),
    ),
    Measurement(
        "texture", "grey levels", "standard deviation of the grey levels inside the contour",
        127.5, "half the range of 8-bit grey levels, the most that a standard deviation over it can be (Popoviciu)",
        _usual((13.1, 27.2), (0.540, 2.21), (16.6, 36.3)),
    ),
    Measurement(
        "perimeter", "px", "length of the contour",
        2 * math.pi * LARGEST_RADIUS * PERIMETER_PER_CIRCLE["worst"][1], "the contour of the largest radius",
        _usual((60.5, 136.0), (1.13, 7.04), (67.9, 172.0)),
    ),
    Measurement(
        "area", "px²", "number of pixels inside the contour, and half of those on it",
        math.pi * LARGEST_RADIUS**2 * AREA_PER_CIRCLE["worst"][1], "the area of the largest radius",
        _usual((276.0, 1310.0), (11.4, 116.0), (331.0, 2010.0)),
    ),
    Measurement(
        "smoothness", "1", "local variation of the radius: difference of each radius from the mean of its neighbours",
        1.0, "neighbouring radii differ by less than the radius itself",
        _usual((0.0750, 0.119), (0.00369, 0.0126), (0.0957, 0.172)),
    ),
    Measurement(
        "compactness", "1", "perimeter² / (4 pi area) - 1: 0 for a circle",
        10.0, "the value of an ellipse 27 times as long as it is wide",
        _usual((0.0407, 0.209), (0.00789, 0.0606), (0.0712, 0.564)),
    ),
    Measurement(
        "concavity", "1", "severity of the concave portions of the contour",
        10.0, "eight times the largest value of the published patients; the formula gives no bound",
        _usual((0.00498, 0.243), (0.00325, 0.0789), (0.0184, 0.682)), may_be_zero=True,
    ),
    Measurement(
        "concave_points", "1", "share of the contour's points that lie on a concave portion",
        1.0, "a share", _usual((0.00562, 0.126), (0.00383, 0.0229), (0.0243, 0.237)), may_be_zero=True,
    ),
    Measurement(
        "symmetry", "1", "relative difference in length between the two sides of the longest axis",
        1.0, "a relative difference of lengths", _usual((0.142, 0.231), (0.0118, 0.0350), (0.213, 0.406)),
    ),
    Measurement(
        "fractal_dimension", "1", "coastline approximation of the contour's fractal dimension, less 1",
        1.0, "a curve in the plane has a dimension from 1 to 2",
        _usual((0.0539, 0.0761), (0.00152, 0.00796), (0.0626, 0.120)),
    ),
)  # fmt: skip

ID = "id"
DIAGNOSIS = "diagnosis"
BENIGN, MALIGNANT = 0, 1
OUTCOMES = "benign", "malignant", "refer"
LABELS: Mapping[str, int] = {"B": BENIGN, "M": MALIGNANT}

# The study is closed: a table with fewer patients was cut, or lost some on its way. More may come.
PUBLISHED_ROWS = 569
PUBLISHED_MALIGNANT = 212
# Two of each class in each of 5 folds of the 80 % that train: with one, a fold's recall says nothing but 0 or 1.
LEAST_PER_CLASS = math.ceil(2 * 5 / 0.8)
# Half to twice the published odds of malignant to benign. Beyond, probabilities and thresholds mean something else.
_ODDS = PUBLISHED_MALIGNANT / (PUBLISHED_ROWS - PUBLISHED_MALIGNANT)
USUAL_MALIGNANT_SHARE: Range = (_ODDS / 2 / (1 + _ODDS / 2), _ODDS * 2 / (1 + _ODDS * 2))


@dataclass(frozen=True)
class Column:
    """One column of a table: `dtype` as pandas names it, and in words what each of its cells keeps to."""

    name: str
    dtype: str
    unit: str
    meaning: str
    constraints: tuple[str, ...]
    nullable: bool = False


def _feature(measurement: Measurement, statistic: str) -> Column:
    constraints = [
        ">= 0" if measurement.may_be_zero else "> 0",
        f"<= {measurement.largest:.6g} ({measurement.why_largest})",
    ]
    if statistic == "se":
        constraints.append(f"<= {measurement.column('mean')}")
    if statistic == "worst":
        constraints.append(f">= {measurement.column('mean')}")
    meaning = f"{measurement.meaning}; {_STATISTIC_MEANINGS[statistic]}"
    return Column(measurement.column(statistic), "float64", measurement.unit, meaning, tuple(constraints))


_FEATURE_COLUMNS = tuple(_feature(m, statistic) for statistic in STATISTICS for m in MEASUREMENTS)

# The table as UCI publishes it, in its order: all means, then all standard errors, then all worst.
COLUMNS: tuple[Column, ...] = (
    Column(ID, "int64", "", "number of the patient; never a feature", ("> 0", "unique")),
    Column(DIAGNOSIS, "str", "", "M = malignant, B = benign", ("M or B",)),
    *_FEATURE_COLUMNS,
)
FEATURES: tuple[str, ...] = tuple(column.name for column in _FEATURE_COLUMNS)

_SEPARATORS = re.compile(r"(?<=\w)[\s._-]+(?=\w)")


def _header_names() -> Iterator[tuple[str, str]]:
    for name in (ID, DIAGNOSIS):
        yield name, name
    yield "idnumber", ID
    for measurement in MEASUREMENTS:
        plain = measurement.name.replace("_", "")
        for statistic in STATISTICS:
            for name in _STATISTIC_NAMES[statistic]:
                yield f"{plain}{name}", measurement.column(statistic)
                if name.isalpha():
                    yield f"{name}{plain}", measurement.column(statistic)


_HEADER_NAMES: Mapping[str, str] = MappingProxyType(dict(_header_names()))


def column_named(cell: str) -> str | None:
    """Return the column that a cell of a header means, by UCI's, Kaggle's or scikit-learn's name; None if none.

    Capitals, and what parts the words (blank, point, hyphen, underscore or nothing), make no difference.
    """
    return _HEADER_NAMES.get(_SEPARATORS.sub("", cell.strip().lower()))


# The frame that models are made from. int64, for it is what NumPy, CSV and Parquet all give back unasked.
CLEAN_COLUMNS: tuple[Column, ...] = (
    Column(DIAGNOSIS, "int64", "", "1 = malignant, 0 = benign", ("0 or 1",)),
    *_FEATURE_COLUMNS,
)


def digest() -> str:
    """Return a SHA-256 over what a model relies on: names, types, units and bounds of the columns, in their order."""
    bounds = {
        measurement.column(statistic): [measurement.largest, measurement.may_be_zero]
        for measurement in MEASUREMENTS
        for statistic in STATISTICS
    }
    plain = [[column.name, column.dtype, column.unit, *bounds.get(column.name, [])] for column in COLUMNS]
    return hashlib.sha256(json.dumps(plain, separators=(",", ":")).encode()).hexdigest()
