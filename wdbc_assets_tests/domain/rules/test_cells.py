"""Each rule of the cells is broken by the fault that it names, and by no other; with row, column and value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wdbc_assets.domain.data import contract
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain.validation import Cells, broken_rules, changed


def twin(line: int, of: int, **other: object) -> bytes:
    """Return the published patients with the measurements of one line copied to another."""
    cells = {name: builders.published_cell(of, name) for name in ("diagnosis", *contract.FEATURES)} | other
    return builders.published_with(*((line, name, text) for name, text in cells.items()))


BROKEN: dict[str, tuple[str, bytes, dict[str, Cells]]] = {
    "a label in lower case": (
        "D05",
        changed("diagnosis", "m"),
        {"diagnosis_is_m_or_b": [(17, "diagnosis", "'m'")]},
    ),
    "a label that is a word": (
        "D05",
        changed("diagnosis", "malignant"),
        {"diagnosis_is_m_or_b": [(17, "diagnosis", "'malignant'")]},
    ),
    "a blank label": ("D05", changed("diagnosis", ""), {"diagnosis_is_m_or_b": [(17, "diagnosis", "''")]}),
    "a label with a space": ("D05", changed("diagnosis", "M "), {"diagnosis_is_m_or_b": [(17, "diagnosis", "'M '")]}),
    "a label in Cyrillic": (
        "D05",
        changed("diagnosis", "\u041c"),
        {"diagnosis_is_m_or_b": [(17, "diagnosis", r"'\u041c'")]},
    ),
    "a blank cell": ("D06", changed("area_se", ""), {"cells_are_numbers": [(17, "area_se", "''")]}),
    "nan": ("D06", changed("area_se", "nan"), {"cells_are_numbers": [(17, "area_se", "'nan'")]}),
    "inf": ("D06", changed("area_se", "inf"), {"cells_are_numbers": [(17, "area_se", "'inf'")]}),
    "overflow": ("D06", changed("area_se", "1e999"), {"cells_are_numbers": [(17, "area_se", "'1e999'")]}),
    "text": ("D06", changed("area_se", "n/a"), {"cells_are_numbers": [(17, "area_se", "'n/a'")]}),
    "hexadecimal": ("D06", changed("area_se", "0x2D"), {"cells_are_numbers": [(17, "area_se", "'0x2D'")]}),
    "a quoted decimal comma": (
        "D06",
        changed("area_se", '"45,4"'),
        {"cells_are_numbers": [(17, "area_se", "'45,4'")]},
    ),
    "a formula": ("D06", changed("area_se", "=40+5"), {"cells_are_numbers": [(17, "area_se", "'=40+5'")]}),
    "an id that is no number": ("D06", changed("id", "P17"), {"cells_are_numbers": [(17, "id", "'P17'")]}),
    "an id of 0": ("D07", changed("id", "0"), {"id_is_positive": [(17, "id", "0")]}),
    "a negative id": ("D07", changed("id", "-17"), {"id_is_positive": [(17, "id", "-17")]}),
    "a negative measurement": (
        "D07",
        changed("smoothness_se", "-0.005"),
        {"nothing_is_negative": [(17, "smoothness_se", "-0.005")]},
    ),
    "minus zero": (
        "D07",
        builders.published_with((102, "concavity_mean", "-0.0")),
        {"nothing_is_negative": [(102, "concavity_mean", "-0")]},
    ),
    "two rows alike but for what is unreadable in both": (
        "D09",
        twin(400, of=17, area_se="x", diagnosis="B").replace(b",45.4,", b",y,"),
        {"cells_are_numbers": [(17, "area_se", "'y'"), (400, "area_se", "'x'")]},
    ),
    "a zero where none can be": (
        "D07",
        changed("texture_se", 0),
        {"zero_only_where_possible": [(17, "texture_se", "0")]},
    ),
    "a concavity of 0 beside others that are not": (
        "D07",
        changed("concavity_se", "0"),
        {"zero_only_where_possible": [(17, "concavity_se", "0")]},
    ),
    "a symmetry beyond nature": (
        "D07",
        changed("symmetry_worst", "1.5"),
        {"values_are_plausible": [(17, "symmetry_worst", "1.5")]},
    ),
    "a texture beyond 8-bit grey": (
        "D07",
        changed("texture_worst", "1e300"),
        {"values_are_plausible": [(17, "texture_worst", "1e+300")]},
    ),
    "a worst value below the mean": (
        "D08",
        changed("texture_worst", "20.12"),
        {"worst_is_not_below_mean": [(17, "texture_worst", "20.12")]},
    ),
    "a standard error above the mean": (
        "D08",
        changed("texture_se", "20.14"),
        {"se_is_not_above_mean": [(17, "texture_se", "20.14")]},
    ),
    "a perimeter of another outline": (
        "D08",
        changed("perimeter_worst", "190"),
        {"perimeter_fits_radius": [(17, "perimeter_worst", "190")]},
    ),
    "a perimeter's standard error in another unit": (
        "D08",
        changed("perimeter_se", "0.003195"),
        {"perimeter_fits_radius": [(17, "perimeter_se", "0.003195")]},
    ),
    "an area of another outline": (
        "D08",
        changed("area_worst", "1400"),
        {"area_fits_radius": [(17, "area_worst", "1400")]},
    ),
    "an area's standard error of another radius": (
        "D08",
        changed("area_se", "145.4"),
        {"area_fits_radius": [(17, "area_se", "145.4")]},
    ),
    "a compactness below that of the outline": (
        "D08",
        changed("compactness_mean", "0.02"),
        {"compactness_fits_outline": [(17, "compactness_mean", "0.02")]},
    ),
    "an id twice": ("D09", changed("id", "400"), {"id_is_unique": [(17, "id", "400"), (400, "id", "400")]}),
    "a patient twice": (
        "D09",
        twin(400, of=17),
        {"no_patient_is_duplicated": [(17, "diagnosis", "'M'"), (400, "diagnosis", "'M'")]},
    ),
    "the same measurements with another diagnosis": (
        "D09",
        twin(400, of=17, diagnosis="B"),
        {"no_contradicting_diagnoses": [(17, "diagnosis", "'M'"), (400, "diagnosis", "'B'")]},
    ),
}


@pytest.mark.parametrize(
    ("content", "expected"),
    [pytest.param(*case[1:], marks=pytest.mark.fault(case[0]), id=name) for name, case in BROKEN.items()],
)
def test_a_broken_file_breaks_exactly_the_rules_that_name_its_faults(
    content: bytes, expected: dict[str, Cells]
) -> None:
    assert broken_rules(content) == expected


WRONG_CELLS = st.one_of(
    st.tuples(
        st.sampled_from(["", "nan", "-inf", "1e400", "0x1p3", "=1", "1,5", "\uff11", " 1", "1 "]),
        st.sampled_from(["id", *contract.FEATURES]),
        st.just("cells_are_numbers"),
    ),
    st.tuples(
        st.sampled_from(["", "m", "b", "MM", " M", "1", "0"]), st.just("diagnosis"), st.just("diagnosis_is_m_or_b")
    ),
    st.tuples(st.integers(max_value=0).map(lambda number: str(number)[:19]), st.just("id"), st.just("id_is_positive")),
    st.tuples(st.floats(-1e9, -1e-9).map(repr), st.sampled_from(contract.FEATURES), st.just("nothing_is_negative")),
    st.tuples(
        st.sampled_from(["0", "0.0", "0e5", ".0"]),
        st.sampled_from([name for name in contract.FEATURES if not name.startswith("conca")]),
        st.just("zero_only_where_possible"),
    ),
    st.tuples(st.floats(4e4, 1e308).map(repr), st.sampled_from(contract.FEATURES), st.just("values_are_plausible")),
)


@pytest.mark.fault("D05")
@pytest.mark.fault("D06")
@pytest.mark.fault("D07")
@settings(max_examples=150, deadline=None)
@given(st.integers(1, 569), WRONG_CELLS)
def test_any_one_cell_made_wrong_is_refused_by_the_rule_that_names_it(line: int, wrong: tuple[str, str, str]) -> None:
    text, column, rule = wrong
    quoted = f'"{text}"' if "," in text else text

    cells = broken_rules(builders.published_with((line, column, quoted)))[rule]

    assert [(row, name) for row, name, _ in cells] == [(line, column)]
