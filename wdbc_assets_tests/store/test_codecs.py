"""The codecs: a value comes back equal, the same value gives the same bytes, and nothing stored can run."""

import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.datasets import load_breast_cancer

from wdbc_assets.domain.data import contract, exploration
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import fitting, recipes
from wdbc_assets.store import codecs, parsing, skops_files
from wdbc_assets_tests import builders, results
from wdbc_assets_tests.domain import validation


def published() -> tuple[pd.DataFrame, "pd.Series[int]"]:
    X, target = load_breast_cancer(return_X_y=True, as_frame=True)
    return X.set_axis(contract.FEATURES, axis=1), target


def fit() -> fitting.Fit:
    X, target = published()
    return fitting.fit(X, 1 - target, recipe="pca_logistic", grid="small")


@given(content=some.binary(max_size=200))
def test_bytes_come_back(content: bytes) -> None:
    name, files, _ = codecs.encode("raw_data", content)
    assert codecs.decode(name, files) == content


@given(
    value=some.recursive(
        some.none()
        | some.booleans()
        | some.integers()
        | some.floats(allow_nan=False, allow_infinity=False)
        | some.text(),
        lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
        max_leaves=10,
    ).map(lambda value: {"value": value})
)
def test_plain_values_come_back_with_every_digit(value: dict[str, object]) -> None:
    name, files, _ = codecs.encode("toy", value)
    assert codecs.decode(name, files) == value


@pytest.mark.parametrize("linear", [True, False])
def test_a_stability_comes_back_with_its_tables_and_types(linear: bool) -> None:
    value = results.stability(linear=linear)
    name, files, rows = codecs.encode("stability", value)
    assert (name, rows) == ("stability", 11 * 40)
    found = codecs.decode(name, files)
    pd.testing.assert_frame_equal(found.probabilities, value.probabilities)
    assert (found.developments, found.learning, found.summary) == (value.developments, value.learning, value.summary)
    with pytest.raises(parsing.Malformed):
        codecs.decode(name, files | {"developments.json": b"[{}]"})


@pytest.mark.parametrize(
    ("asset", "value"),
    [
        ("metrics", results.measured()),
        ("decision_policy", results.policy()),
        ("importance", results.importance()),
        ("importance", results.importance(linear=False)),
        ("exploration", exploration.explore(validation.clean_frame())),
    ],
)
def test_a_result_comes_back_as_its_type_and_another_shape_is_refused(asset: str, value: Any) -> None:
    name, files, _ = codecs.encode(asset, value)
    assert name == "json"
    assert codecs.decode(name, files) == value
    plain = json.loads(files[f"{asset}.json"])
    for changed in ([plain], plain | {"more": 1}, dict(list(plain.items())[1:]), dict.fromkeys(plain, "text")):
        with pytest.raises(parsing.Malformed):
            codecs.decode(name, {f"{asset}.json": json.dumps(changed).encode()})


@given(
    columns=some.dictionaries(
        some.sampled_from(["radius_mean", "area_worst", "texture_se"]),
        some.lists(some.floats(), min_size=4, max_size=4),
        min_size=1,
    )
)
def test_a_table_comes_back_bit_for_bit(columns: dict[str, list[float]]) -> None:
    frame = pd.DataFrame(columns)
    name, files, rows = codecs.encode("clean_frame", frame)
    pd.testing.assert_frame_equal(codecs.decode(name, files), frame, check_exact=True)
    assert rows == 4
    assert codecs.encode("clean_frame", frame.copy())[1] == files


def test_parquet_opens_in_other_tools(tmp_path: Path) -> None:
    frame = pd.DataFrame({"diagnosis": [0, 1], "radius_mean": [1.5, 2.5]})
    (content,) = codecs.encode("clean_frame", frame)[1].values()
    (tmp_path / "table.parquet").write_bytes(content)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), frame)


def test_a_fit_comes_back_with_its_evidence_and_the_same_probabilities() -> None:
    X, _ = published()
    made = fit()
    name, files, _ = codecs.encode("fitted_pipeline", made)
    back = codecs.decode(name, files)
    np.testing.assert_array_equal(back.pipeline.predict_proba(X), made.pipeline.predict_proba(X))
    assert (back.candidates, back.winner, back.score, back.fit_counts) == (
        made.candidates,
        made.winner,
        made.score,
        made.fit_counts,
    )


ROOT = Path(__file__).parents[2]
DIGEST = """
import hashlib, sys
padding = [object() for _ in range(int(sys.argv[1]))]
from wdbc_assets.store import codecs, parsing, skops_files
from wdbc_assets_tests.store.test_codecs import fit
print(hashlib.sha256(codecs.encode("fitted_pipeline", fit())[1]["pipeline.skops"]).hexdigest())
"""


@pytest.mark.fault("T05")
def test_a_pipeline_has_the_same_bytes_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST, padding], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for padding in ("10", "100000")
    }
    assert len(digests) == 1


@pytest.mark.fault("X03")
def test_a_model_file_with_a_foreign_type_is_refused_before_anything_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    content = skops_files.to_skops(fit().pipeline)
    trapped = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as archive, zipfile.ZipFile(trapped, "w") as copy:
        for name in archive.namelist():
            text = archive.read(name)
            if name == "schema.json":
                text = text.replace(b'"__class__": "PCA"', b'"__class__": "Popen"')
                text = text.replace(b'"__module__": "sklearn.decomposition._pca"', b'"__module__": "subprocess"')
                text = text.replace(b'"n_components"', b'"args"').replace(b"0.95", f'\\"touch {marker}\\"'.encode())
            copy.writestr(name, text)
    with pytest.raises(WdbcError, match="subprocess"):
        skops_files.from_skops(trapped.getvalue())
    assert not marker.exists()


@pytest.mark.fault("X03")
def test_a_pickle_in_place_of_a_model_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    booby_trap = b"cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR."
    with pytest.raises(WdbcError, match="not a model file"):
        skops_files.from_skops(booby_trap)
    assert not marker.exists()


def test_a_value_without_a_format_is_refused() -> None:
    with pytest.raises(WdbcError, match="no format for a set"):
        codecs.encode("clean_frame", {1, 2})


def test_a_figure_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        codecs.encode("metrics", {"auc": float("nan")})


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(name, marks=[pytest.mark.nightly] * (name in ("stacking", "blend")))
        for name in sorted(recipes.RECIPES)
    ],
)
def test_the_model_of_every_recipe_comes_back_with_the_same_answers(recipe: str) -> None:
    X, target = published()
    X, target = X[::3], target[::3]
    made = fitting.fit(X, 1 - target, recipe=recipe, grid="small")
    name, files, _ = codecs.encode("fitted_pipeline", made)
    back = codecs.decode(name, files)
    np.testing.assert_array_equal(back.pipeline.predict_proba(X), made.pipeline.predict_proba(X))
    again = fitting.fit(X, 1 - target, recipe=recipe, grid="small")
    assert codecs.encode("fitted_pipeline", again)[1] == files


def test_the_rows_of_a_source_are_its_patients_not_its_lines() -> None:
    content = builders.bundled_uci_bytes()
    header = ",".join(column.name for column in contract.COLUMNS).encode() + b"\n"
    assert [codecs.encode("raw_data", text)[2] for text in (content, header + content)] == [569, 569]
    assert codecs.encode("raw_data", b"no table\nat all\n")[2] is None
