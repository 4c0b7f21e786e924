"""Opening a bundle: what serves, what it needs for that, and what is refused before anything in it runs."""

import dataclasses
import io
import json
import pickle  # makes the traps that must be refused; the package itself may not import it
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import decision_policy
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.store import bundle_loader, codecs
from wdbc_assets.store.manifest import DamagedStore, StoredFile
from wdbc_assets.store.store import open_store
from wdbc_assets_tests import champions

RECIPES = (*champions.COMPILED, "svc")
Change = Callable[[dict[str, bytes], Path], None]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_bundle_comes_back_from_its_files_and_makes_the_same_files_again(recipe: str) -> None:
    files = champions.files(recipe)
    back = codecs.decode("bundle", files)
    assert codecs.encode("champion", back)[1] == files
    X = champions.split().X_test
    np.testing.assert_array_equal(
        prediction.predict(back.pipeline, X), prediction.predict(champions.fit(recipe).pipeline, X)
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_opened_bundle_answers_as_its_pipeline_and_policy_do(recipe: str) -> None:
    served = bundle_loader.open_bundle(champions.files(recipe))
    X, made = champions.split().X_test, champions.bundle(recipe)
    p = served.probabilities(X.to_numpy())
    np.testing.assert_allclose(p, prediction.predict(made.pipeline, X), rtol=0, atol=1e-12)
    assert served.compiled == (recipe != "svc")
    assert served.features == contract.FEATURES
    assert served.reference == made.reference
    assert served.triage(p).tolist() == decision_policy.triage(p, made.policy.quantiles).tolist()
    called = served.above_threshold(p)
    assert called.tolist() == (p >= made.policy.threshold).tolist()
    assert {*called.tolist()} == {False, True}
    explained = served.contributions(X.to_numpy())
    assert (explained is None) == (recipe == "svc")


def test_its_version_is_the_one_that_the_store_names(tmp_path: Path) -> None:
    version = champions.make_champion(tmp_path)
    store = open_store(str(tmp_path), relative_to=tmp_path)
    manifest = store.current("champion")
    assert manifest is not None
    assert manifest.codec == "bundle"
    assert bundle_loader.open_bundle(store.files(manifest)).version == version == manifest.version


@pytest.mark.parametrize("recipe", champions.COMPILED)
def test_a_compiled_bundle_is_opened_and_answers_without_scikit_learn_skops_scipy_or_pandas(
    tmp_path: Path, recipe: str
) -> None:
    champions.make_champion(tmp_path, recipe)
    code = """
import sys
from pathlib import Path
import numpy as np
from wdbc_assets.store import bundle_loader
from wdbc_assets.store.manifest import DamagedStore, StoredFile
from wdbc_assets.store.store import open_store
store = open_store(sys.argv[1], relative_to=Path("/"))
served = bundle_loader.open_bundle(store.files(store.current("champion")))
p = served.probabilities(np.full((3, 30), 0.1))
print(served.triage(p), served.above_threshold(p), served.contributions(np.full((3, 30), 0.1))[1].shape)
heavy = {"sklearn", "skops", "scipy", "pandas", "dagster", "pyarrow"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._marker,)


def trapped_archive(content: bytes, kind: str, module: str, marker: Path) -> bytes:
    """Return a skops file in whose place of a scaler something else is to be called, with a pickle beside."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(sink, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "schema.json":
                schema = text.decode().replace('"StandardScaler"', f'"{kind}"')
                text = schema.replace('"sklearn.preprocessing._data"', f'"{module}"').encode()
            new.writestr(name, text)
        if kind == "StandardScaler":
            new.writestr("1.pkl", pickle.dumps(Trap(marker)))
    return sink.getvalue()


def a_pickle(files: dict[str, bytes], marker: Path) -> None:
    files["pipeline.skops"] = pickle.dumps(Trap(marker))


def a_pickle_beside(files: dict[str, bytes], marker: Path) -> None:
    files["pipeline.pkl"] = pickle.dumps(Trap(marker))


def a_pickle_for_the_scorer(files: dict[str, bytes], marker: Path) -> None:
    files["scorer.json"] = pickle.dumps(Trap(marker))


def a_pickle_in_the_archive(files: dict[str, bytes], marker: Path) -> None:
    files["pipeline.skops"] = trapped_archive(
        files["pipeline.skops"], "StandardScaler", "sklearn.preprocessing._data", marker
    )


def a_foreign_type(files: dict[str, bytes], marker: Path) -> None:
    files["pipeline.skops"] = trapped_archive(files["pipeline.skops"], "Popen", "subprocess", marker)


def an_own_type(files: dict[str, bytes], marker: Path) -> None:
    files["pipeline.skops"] = trapped_archive(
        files["pipeline.skops"], "Trap", "wdbc_assets_tests.store.test_bundle_loader", marker
    )


@pytest.mark.fault("V09")
@pytest.mark.fault("X03")
@pytest.mark.parametrize("recipe", ["logistic", "svc"])
@pytest.mark.parametrize(
    "trap",
    [a_pickle, a_pickle_beside, a_pickle_in_the_archive, a_foreign_type, an_own_type],
    ids=lambda trap: trap.__name__,
)
def test_a_booby_trapped_bundle_is_refused_and_nothing_of_it_runs(tmp_path: Path, recipe: str, trap: Change) -> None:
    marker, files = tmp_path / "ran", champions.files(recipe)
    trap(files, marker)
    with pytest.raises(WdbcError, match=r"not a model file|foreign types or files|missing or extra files"):
        bundle_loader.open_bundle(files)
    with pytest.raises(WdbcError):
        codecs.decode("bundle", files)
    assert not marker.exists()


def test_the_trap_is_one(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


@pytest.mark.fault("X03")
def test_a_pickle_in_the_place_of_the_scorer_is_refused(tmp_path: Path) -> None:
    files = champions.files()
    a_pickle_for_the_scorer(files, tmp_path / "ran")
    with pytest.raises(WdbcError, match=r"scorer\.json is missing or not a JSON object"):
        bundle_loader.open_bundle(files)
    assert not (tmp_path / "ran").exists()


@pytest.mark.fault("V09")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contract": "0" * 64}, "another data contract"),
        ({"features": list(contract.FEATURES[::-1])}, "other measurements, or another order of them"),
        ({"features": list(contract.FEATURES[:-1])}, "other measurements, or another order of them"),
        ({"features": 7}, "the bundle's bundle.json is invalid: "),
        ({"recipe": "oracle"}, "a recipe that this release does not support"),
        ({"recipe": ["logistic"]}, "the bundle's bundle.json is invalid: "),
        ({"compiled": False}, "missing or extra files"),
        ({"compiled": "yes"}, "the bundle's bundle.json is invalid: "),
        ({"more": 1}, "the bundle's bundle.json is invalid: "),
        ({"recipe": "svc"}, "belongs to another recipe"),
    ],
)
def test_a_bundle_with_another_schema_is_refused(changes: dict[str, Any], message: str) -> None:
    files = champions.files()
    files["bundle.json"] = codecs.to_json(json.loads(files["bundle.json"]) | changes)
    with pytest.raises(WdbcError, match=message):
        bundle_loader.open_bundle(files)


@pytest.mark.parametrize(
    "policy",
    [
        {}, {"threshold": 2}, {"threshold": "0.5"}, {"threshold": None}, {"threshold": float("nan")},
        {"quantiles": {"benign": 0.5}}, {"quantiles": {"benign": 0.5, "malignant": -1}}, {"recipe": "svc"},
    ],
    ids=str,
)  # fmt: skip
def test_a_policy_that_is_none_is_refused(policy: dict[str, Any]) -> None:
    files = champions.files()
    changed = json.loads(files["policy.json"]) | policy if policy else policy
    files["policy.json"] = json.dumps(changed).encode()
    with pytest.raises(WdbcError, match=r"policy\.json is invalid|policy\.json is missing|belongs to another recipe"):
        bundle_loader.open_bundle(files)


@pytest.mark.parametrize("name", ["bundle.json", "scorer.json", "policy.json", "reference.json", "pipeline.skops"])
@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"\x80\x04."])
def test_a_file_that_is_missing_or_no_object_is_refused(name: str, content: bytes | None) -> None:
    files = champions.files()
    if content is None:
        del files[name]
    else:
        files[name] = content
    with pytest.raises(WdbcError):
        bundle_loader.open_bundle(files)


@pytest.mark.fault("V09")
def test_a_pipeline_that_takes_other_measurements_is_refused_where_it_answers_itself() -> None:
    files = champions.files("svc")
    with zipfile.ZipFile(io.BytesIO(files["pipeline.skops"])) as old:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name).replace(b"radius_mean", b"radius_name"))
    files["pipeline.skops"] = sink.getvalue()
    with pytest.raises(WdbcError, match=r"pipeline expects other measurements|not a model file"):
        bundle_loader.open_bundle(files)


def test_a_scorer_for_fewer_measurements_is_refused() -> None:
    files = champions.files()
    plain = {"powers": None, "centre": [0.0], "weights": [1.0], "intercept": 0.0}
    files["scorer.json"] = json.dumps(plain).encode()
    with pytest.raises(WdbcError, match=r"scorer\.json is invalid"):
        bundle_loader.open_bundle(files)


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: {**plain, "knots": plain["knots"][::-1]},
        lambda plain: {**plain, "knots": plain["knots"][:2]},
        lambda plain: {**plain, "least": [0.0] * 30},
        lambda plain: {**plain, "offsets": [-1.0] * 30},
        lambda plain: {**plain, "weights": [row[:29] for row in plain["weights"]]},
        lambda plain: {**plain, "powers": None},
        lambda plain: {name: value for name, value in plain.items() if name != "least"},
    ],
    ids=["descending", "two knots", "no logarithm", "negative offsets", "29 weights", "extra", "missing"],
)
def test_an_invalid_scorer_of_a_spline_is_refused(change: Any) -> None:
    with pytest.raises(WdbcError, match=r"scorer\.json is invalid"):
        bundle_loader.open_bundle(altered(champions.files("spline"), "scorer.json", change))


def altered(files: dict[str, bytes], name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, bytes]:
    return {**files, name: codecs.to_json(change(json.loads(files[name])))}


def with_another_first(weights: list[Any]) -> list[Any]:
    changed = np.array(weights)
    changed.flat[0] += 1e-6
    return changed.tolist()  # type: ignore[no-any-return] # a list


def another_transformation(plain: dict[str, Any]) -> dict[str, Any]:
    if "knots" in plain:
        return {"knots": (np.array(plain["knots"]) + 1e-3).tolist()}
    return {"powers": [2.0] * 30 if plain["powers"] is None else None}


@pytest.mark.fault("V21")
@pytest.mark.parametrize("recipe", champions.COMPILED)
@pytest.mark.parametrize(
    "change",
    [
        lambda plain: {**plain, "weights": (-np.array(plain["weights"])).tolist(), "intercept": -plain["intercept"]},
        lambda plain: {**plain, "intercept": plain["intercept"] + 1e-6},
        lambda plain: {**plain, "weights": with_another_first(plain["weights"])},
        lambda plain: {**plain, "centre": np.flip(plain["centre"], axis=-1).tolist()},
        lambda plain: {**plain, **another_transformation(plain)},
    ],
    ids=["all signs turned", "another intercept", "another weight", "columns exchanged", "another transformation"],
)
def test_a_scorer_that_is_not_its_pipelines_is_refused(recipe: str, change: Any) -> None:
    with pytest.raises(WdbcError, match="differ from those of its pipeline"):
        bundle_loader.open_bundle(altered(champions.files(recipe), "scorer.json", change))


@pytest.mark.fault("V21")
def test_a_pipeline_that_is_not_the_one_that_was_promoted_is_refused() -> None:
    files = {**champions.files("svc"), "pipeline.skops": champions.files("pca_logistic")["pipeline.skops"]}
    with pytest.raises(WdbcError, match="differ from those of its pipeline"):
        bundle_loader.open_bundle(files)


@pytest.mark.fault("V08")
def test_another_training_reference_is_refused() -> None:
    def wider(plain: dict[str, Any]) -> dict[str, Any]:
        column = plain["quantiles"]["area_worst"]
        return {**plain, "quantiles": {**plain["quantiles"], "area_worst": [*column[:-1], 10 * column[-1]]}}

    with pytest.raises(WdbcError, match="differ from those of its pipeline"):
        bundle_loader.open_bundle(altered(champions.files(), "reference.json", wider))


@pytest.mark.fault("V19")
def test_a_bundle_that_states_to_be_larger_than_any_is_refused_unread(tmp_path: Path) -> None:
    champions.make_champion(tmp_path)
    store = open_store(str(tmp_path), relative_to=tmp_path)
    manifest = store.current("champion")
    assert manifest is not None
    huge = {**manifest.files, "pipeline.skops": StoredFile(2**40, "0" * 64)}
    many = {f"file{number}.json": StoredFile(1, "0" * 64) for number in range(1000)}
    for files in (huge, many):
        with pytest.raises(DamagedStore, match="the bundle is too large"):
            bundle_loader.read(store, dataclasses.replace(manifest, files=files))
    assert bundle_loader.read(store, manifest) == store.files(manifest)
