"""Model files: which are looked through, which are tried elsewhere first, and what is refused how."""

import hashlib
from typing import Any

import numpy as np
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import isolation, skops_files, skops_scan
from wdbc_assets_tests import champions, hostile


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is known from having been written; they have been by now."""
    hostile.forest()
    for recipe in (*champions.COMPILED, "svc"):
        champions.files(recipe)
    monkeypatch.setattr(skops_files, "_known", set())


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was given to a process of its own, which finds fault with nothing."""
    given: list[bytes] = []
    monkeypatch.setattr(isolation, "require_harmless", given.append)
    return given


@pytest.mark.parametrize("recipe", [*champions.COMPILED, "svc"])
def test_a_pipeline_comes_back(recipe: str, unknown: None, tried: list[bytes]) -> None:
    content = champions.files(recipe)["pipeline.skops"]
    X = champions.split().X_test
    back = skops_files.from_skops(content)
    np.testing.assert_array_equal(back.predict_proba(X), champions.fit(recipe).pipeline.predict_proba(X))
    assert bool(tried) == (recipe == "svc"), "small arrays that numpy alone works on need no other process"


def test_trees_come_back(unknown: None, tried: list[bytes]) -> None:
    assert skops_files.from_skops(hostile.forest()).n_features_in_ == len(contract.FEATURES)
    assert tried == [hostile.forest()]


@pytest.mark.usefixtures("unknown")
def test_a_file_is_tried_once(tried: list[bytes]) -> None:
    skops_files.from_skops(hostile.machine())
    skops_files.from_skops(hostile.machine())
    assert len(tried) == 1


def test_a_file_that_this_process_wrote_is_not_tried(tried: list[bytes]) -> None:
    skops_files.from_skops(skops_files.to_skops(champions.fit("svc").pipeline))
    assert tried == []


def test_a_pipeline_of_foreign_types_is_refused_when_it_is_written() -> None:
    from sklearn.naive_bayes import GaussianNB

    pipeline = GaussianNB().fit(champions.split().X_train, champions.split().y_train)
    with pytest.raises(WdbcError, match="foreign types"):
        skops_files.to_skops(pipeline)


@pytest.mark.fault("V19")
@pytest.mark.parametrize("kind", hostile.SEEN_BY_SCANNING)
def test_a_bomb_is_refused_before_anything_is_made_of_it(kind: str) -> None:
    with pytest.raises(WdbcError, match="not a model file"):
        skops_scan.scan(hostile.KINDS[kind]())


def test_scanning_a_bomb_takes_no_memory() -> None:
    import tracemalloc

    content = hostile.blanks()
    tracemalloc.start()
    with pytest.raises(WdbcError):
        skops_scan.scan(content)
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()


@pytest.mark.fault("V19")
@pytest.mark.parametrize("kind", hostile.SEEN_WHEN_LOADED)
def test_numbers_that_lead_out_of_a_model_are_refused_before_it_is_asked(kind: str) -> None:
    with pytest.raises(WdbcError, match="not a model file"):
        skops_files.from_skops(hostile.KINDS[kind](), sandboxed=True)


NODES = [{"feature": 30}, {"feature": -5}, {"left_child": 10**6}, {"right_child": 0}, {"left_child": -1}]


@pytest.mark.fault("V19")
@pytest.mark.parametrize("changes", NODES, ids=str)
def test_a_tree_that_leads_out_of_itself_is_refused_before_it_is_asked(changes: dict[str, int]) -> None:
    with pytest.raises(WdbcError, match="not a model file"):
        skops_files.from_skops(
            hostile.with_array(hostile.forest(), "nodes", hostile.first_node(**changes)), sandboxed=True
        )


MACHINES = {
    "_n_support": lambda n: n[:1],
    "_dual_coef_": lambda dual: dual[:, :-1],
    "support_vectors_": lambda vectors: vectors[:, :-1],
    "support_": lambda rows: rows[:-1],
    "_intercept_": lambda intercept: np.repeat(intercept, 2),
    "_probA": lambda _: np.ones(7),
    "classes_": lambda classes: np.arange(3),
}


@pytest.mark.fault("V19")
@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_with_an_array_of_another_shape_is_refused_before_it_is_asked(name: str) -> None:
    with pytest.raises(WdbcError, match="not a model file"):
        skops_files.from_skops(hostile.with_array(hostile.machine(), name, MACHINES[name]), sandboxed=True)


@pytest.mark.parametrize(
    ("name", "value"), [("kernel", "poly"), ("_sparse", True), ("n_features_in_", 29), ("n_jobs", 10**6)]
)
def test_a_machine_of_another_form_is_refused(name: str, value: Any) -> None:
    with pytest.raises(WdbcError, match=r"not a model file|cannot be called"):
        skops_files.from_skops(hostile.with_node(hostile.machine(), name, hostile.plain(value)), sandboxed=True)


@pytest.mark.parametrize("array", ["mean_", "coef_", "intercept_", "components_", "lambdas_"])
@pytest.mark.parametrize("change", [lambda a: a[..., :-1], lambda a: a * np.nan], ids=["cut", "NaN"])
def test_a_linear_pipeline_whose_arrays_do_not_fit_is_refused_in_words(array: str, change: Any) -> None:
    content = champions.files("pca_logistic")["pipeline.skops"]
    with pytest.raises(WdbcError, match=r"not a model file|cannot be called|does not return probabilities"):
        skops_files.from_skops(hostile.with_array(content, array, change))


def test_a_linear_pipeline_with_large_arrays_is_tried_elsewhere(unknown: None, tried: list[bytes]) -> None:
    content = hostile.with_array(
        champions.files("pca_logistic")["pipeline.skops"], "explained_variance_", lambda _: np.zeros(5000)
    )
    skops_files.from_skops(content)
    assert [hashlib.sha256(one).digest() for one in tried] == [hashlib.sha256(content).digest()]


def test_a_model_that_is_written_twice_in_one_file_is_no_reference() -> None:
    from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier

    trees = StackingClassifier([("trees", ExtraTreesClassifier(n_estimators=2, random_state=0))], cv=2)
    content = skops_files.to_skops(trees.fit(champions.split().X_train, champions.split().y_train))
    assert skops_scan.scan(content).types >= {"sklearn.tree._tree.Tree", "sklearn.utils._bunch.Bunch"}
