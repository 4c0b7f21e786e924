"""The Dask engine on real clusters: the results of the local engine, and what happens when parts of a cluster die."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
from wdbc_assets.pipeline.engines import choice, folds, predicting, worker_versions
from wdbc_assets.pipeline.engines.dask import Dask
from wdbc_assets.pipeline.engines.engine import Engine, Lost, completed, in_order
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets.pipeline.engines.work import Work, run
from wdbc_assets.registry import referral
from wdbc_assets.scoring import files
from wdbc_assets.store.checkpoints import Checkpoints
from wdbc_assets.store.store import open_store
from wdbc_assets_tests import builders, champions, clusters
from wdbc_assets_tests.clusters import Cluster, squared
from wdbc_assets_tests.domain import validation
from wdbc_assets_tests.misbehaving_server.certificates import make_certificate


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of this test's, without workers."""
    with clusters.scheduler(tmp_path) as cluster:
        yield cluster


def computing(**values: object) -> settings.Computing:
    return settings.Computing.model_validate(values)


def engine(cluster: Cluster, **values: object) -> Dask:
    return Dask(computing(engine="dask", dask=cluster.address, **values))


def checkpoints(folder: Path) -> Checkpoints:
    return open_store(str(folder), relative_to=folder).checkpoints("cross_validation", ["frame", "code"])


def work(units: int) -> Work[int, int]:
    return Work(
        noun="squares", task=3, units=range(units), run=squared, name=str, restore=lambda _, content: int(content)
    )


def test_folds_on_a_cluster_are_those_of_this_machine_to_the_last_digit(shared: Cluster, tmp_path: Path) -> None:
    frame = validation.clean_frame()
    of = folds.work(frame, [FoldUnit("logistic", 0, 0)])
    outcomes, stored = [], []
    remote = engine(shared)
    engines: list[Engine] = [Local(1), remote]
    for number, one in enumerate(engines):
        folder = tmp_path / str(number)
        outcomes.append(run(of, engine=one, checkpoints=checkpoints(folder), report=lambda *_: None))
        stored.append({path.name: path.read_bytes() for path in folder.rglob("logistic-*.json")})
    assert outcomes[0] == outcomes[1]
    assert stored[0] == stored[1]
    assert len(stored[0]) == 1
    assert remote.used is not None
    assert remote.used.stated().keys() == {"engine", "cluster"}
    assert remote.used.cluster in {f"{shared.address}, {workers}" for workers in ("1 worker", "2 workers")}
    assert remote.used.machines[0].keys() >= {"processor", "blas"}


def test_a_folder_is_scored_on_a_cluster_as_on_this_machine(shared: Cluster, environment: Path) -> None:
    champions.make_champion(environment / "results")
    (environment / "patients").mkdir()
    for number in range(5):
        builders.table_of(500, seed=number).to_parquet(environment / "patients" / f"{number}.parquet")
    packed, _ = referral.packed_champion(settings.load().open_store())
    for name, config in (
        ("here", settings.load(engine="local", workers=1)),
        ("there", settings.load(engine="dask", dask=shared.address)),
    ):
        named = files.parse(str(environment / "patients"), str(environment / name))
        assert isinstance(named, files.Folder)
        scored = predicting.score_folder(named, packed, config)
        assert scored.tally.rows == scored.tally.scored == 2_500
        assert scored.used is not None
        assert scored.used.engine == config.engine
    here, there = (
        {path.name: path.read_bytes() for path in (environment / name).iterdir()} for name in ("here", "there")
    )
    assert here == there
    assert len(here) == 5


@pytest.mark.fault("C01")
def test_outcomes_are_in_order_also_if_a_worker_is_killed(own: Cluster) -> None:
    own.add_worker()
    own.add_worker()
    found: list[int] = []
    for outcome in in_order(engine(own), squared, 3, range(30), noun="squares"):
        if not found:
            own.workers[0].kill()
        found.append(outcome)
    assert found == [3 * number * number for number in range(30)]


def test_each_of_more_units_than_workers_has_its_own_outcome(shared: Cluster) -> None:
    found = dict(completed(engine(shared), squared, 3, range(9), noun="squares"))
    assert found == {n: 3 * n * n for n in range(9)}


def test_a_failed_unit_is_an_outcome_and_a_bug_is_raised(shared: Cluster) -> None:
    ((unit, found),) = completed(engine(shared), clusters.refused, 3, [7], noun="squares")
    assert unit == 7
    assert isinstance(found, WdbcError)
    assert (found.what, found.where, found.hint) == ("unit 7: it broke", "here", "Fix it.")
    with pytest.raises(TypeError):
        list(completed(engine(shared), squared, None, [1], noun="squares"))
    ((_, found),) = completed(engine(shared), clusters.full, 3, [7], noun="squares")
    assert isinstance(found, WdbcError)
    assert "No space left on device" in found.what, "and not that the scheduler was lost"


@pytest.mark.fault("C01")
def test_a_worker_that_is_killed_in_the_middle_changes_no_result(own: Cluster, tmp_path: Path) -> None:
    own.add_worker()
    own.add_worker()
    killed: list[int] = []

    def report(done: int, _total: int) -> None:
        if done == 3:
            victim = own.workers[0]
            victim.kill()
            killed.append(victim.pid)

    found = run(work(16), engine=engine(own), checkpoints=checkpoints(tmp_path / "store"), report=report)
    assert killed
    assert found == {n: 3 * n * n for n in range(16)}


@pytest.mark.fault("C02")
def test_a_scheduler_that_is_lost_fails_the_work_soon_and_what_was_finished_is_kept(
    own: Cluster, tmp_path: Path
) -> None:
    own.add_worker()
    died: list[float] = []

    def report(done: int, _total: int) -> None:
        if done == 2:
            own.scheduler.kill()
            died.append(time.monotonic())

    kept = checkpoints(tmp_path / "store")
    with pytest.raises(Lost, match="the connection to the Dask scheduler was lost") as lost:
        run(work(60), engine=engine(own, dask_seconds=5), checkpoints=kept, report=report)
    assert time.monotonic() - died[0] < 15
    assert lost.value.where == own.address
    assert "Finished squares are stored" in lost.value.hint
    left = len(list((tmp_path / "store").rglob("*.json")))
    assert 2 <= left < 60
    computed: list[int] = []
    found = run(work(4), engine=Local(1), checkpoints=kept, report=lambda done, _: computed.append(done))
    assert found == {n: 3 * n * n for n in range(4)}
    assert len(computed) <= 2


@pytest.mark.fault("C02")
def test_a_cluster_that_loses_all_workers_fails_in_the_stated_time(own: Cluster) -> None:
    worker = own.add_worker()
    losing = engine(own)
    results = completed(losing, squared, 3, range(60), noun="squares")
    next(results)
    losing._config.dask_seconds = 1  # not before, because the worker took longer to start
    worker.kill()
    died = time.monotonic()
    with pytest.raises(Lost, match="the Dask cluster has had no worker for 1 s"):
        list(results)
    assert time.monotonic() - died < 15


@pytest.mark.fault("C03")
def test_no_worker_and_a_worker_with_another_version_are_refused_at_the_start(own: Cluster, tmp_path: Path) -> None:
    with pytest.raises(WdbcError, match=r"had no worker within 1 s \(WDBC_DASK_SECONDS\)"):
        list(completed(engine(own, dask_seconds=1), squared, 3, [1], noun="squares"))
    for name, version in (("numpy", "1.0.7"), ("scikit-learn", "0.24")):
        place = tmp_path / "other" / f"{name.replace('-', '_')}-{version}.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    own.add_worker(path=tmp_path / "other")
    here = worker_versions.here()
    with pytest.raises(WdbcError) as refused:
        list(completed(engine(own), squared, 3, [1], noun="squares"))
    assert refused.value.what == (
        "a Dask worker has other versions, so that its results could differ: it has numpy 1.0.7, scikit-learn 0.24,"
        f" and here is numpy {here['numpy']}, scikit-learn {here['scikit-learn']}"
    )
    assert refused.value.where.startswith("tcp://127.0.0.1:")


@pytest.mark.fault("C03")
def test_other_code_and_more_than_one_thread_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    here = worker_versions.here()
    worker_versions.require_same("tls://one:1", here, here)
    with pytest.raises(WdbcError, match=r"it has wdbc_assets 0123, and here is wdbc_assets [0-9a-f]{12}"):
        worker_versions.require_same("tls://one:1", here | {"wdbc_assets": "0123"}, here)
    with pytest.raises(WdbcError, match="runs 8 units at a time in threads") as refused:
        worker_versions.require_same("tls://one:1", here | {"threads": "8"}, here)
    assert "--nthreads 1" in refused.value.hint


@pytest.mark.fault("C04")
def test_a_tls_cluster_serves_a_client_with_its_certificates_and_no_other(tmp_path: Path) -> None:
    certificate, foreign = tmp_path / "own", tmp_path / "foreign"
    certificate.mkdir()
    foreign.mkdir()
    made, other = make_certificate(certificate), make_certificate(foreign)

    def files(of: Any) -> dict[str, object]:
        return {"dask_ca": str(of.pem), "dask_certificate": str(of.pem), "dask_key": str(of.key), "dask_seconds": 20}

    with clusters.scheduler(tmp_path, certificate=made) as cluster:
        cluster.add_worker()
        assert cluster.address.startswith("tls://")
        assert list(completed(engine(cluster, **files(made)), squared, 3, [5], noun="squares")) == [(5, 75)]
        with pytest.raises(WdbcError, match="the Dask scheduler cannot be reached within 2 s") as refused:
            list(completed(engine(cluster, **files(other) | {"dask_seconds": 2}), squared, 3, [5], noun="squares"))
        assert refused.value.where == cluster.address
        with pytest.raises(WdbcError, match="needs certificates on both sides") as missing:
            list(completed(engine(cluster), squared, 3, [5], noun="squares"))
        assert missing.value.where == "WDBC_DASK_CA"
        with pytest.raises(WdbcError, match="WDBC_DASK_KEY cannot be read: No such file") as absent:
            list(completed(engine(cluster, **files(made) | {"dask_key": "/none"}), squared, 3, [5], noun="squares"))
        assert absent.value.where == "/none"
        text = tmp_path / "text.pem"
        text.write_text("no certificate")
        with pytest.raises(WdbcError, match="certificates of the Dask cluster cannot be used"):
            list(completed(engine(cluster, **files(made) | {"dask_ca": str(text)}), squared, 3, [5], noun="squares"))


@pytest.mark.fault("C04")
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://10.0.0.7:8786", "tcp:// is for loopback only: Dask sends pickled tasks"),
        ("tcp://scheduler:8786", "tcp:// is for loopback only"),
        ("inproc://127.0.0.1:1", "use local, tls://HOST:PORT, or tcp://127.0.0.1:PORT"),
        ("tls://user:secret@scheduler:8786", "use local, tls://HOST:PORT"),
        ("tls://scheduler", "use local, tls://HOST:PORT"),
        ("tls://scheduler:99999", "use local, tls://HOST:PORT"),
        ("", "use local, tls://HOST:PORT"),
    ],
)
def test_an_address_that_is_not_safe_is_refused(address: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_DASK", address)
    with pytest.raises(WdbcError) as refused:
        settings.load()
    assert refused.value.what.startswith(f"invalid setting: WDBC_DASK: {reason}")
    assert "secret" not in f"{refused.value.what}{refused.value.hint}"


@pytest.mark.parametrize(
    "address",
    ["local", "tls://scheduler.example.org:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:1", "tcp://localhost:1"],
)
def test_an_address_that_is_safe_is_taken(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_DASK", address)
    assert settings.load().dask == address


def test_no_scheduler_at_the_address_is_one_error() -> None:
    absent = Dask(computing(engine="dask", dask="tcp://127.0.0.1:9", dask_seconds=0.5))
    with pytest.raises(WdbcError, match=r"cannot be reached within 0.5 s \(WDBC_DASK_SECONDS\)") as refused:
        list(completed(absent, squared, 3, [1], noun="squares"))
    assert refused.value.where == "tcp://127.0.0.1:9"


@pytest.mark.fault("C02")
def test_a_scheduler_that_accepts_and_never_answers_is_one_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = os.environ | {"PYTHONPATH": str(clusters.ROOT), "ADDRESS": f"tcp://127.0.0.1:{silent.getsockname()[1]}"}
        command = [sys.executable, "-c", HANGING]  # in a process of its own, whose end must not wait for Dask either
        found = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "the Dask scheduler cannot be reached within 1 s (WDBC_DASK_SECONDS): no answer\n"


HANGING = """
import os
from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines.dask import Dask
from wdbc_assets.pipeline.engines.engine import completed

try:
    list(completed(Dask(settings.Computing(dask=os.environ["ADDRESS"], dask_seconds=1)), print, 3, [1], noun="squares"))
except WdbcError as error:
    print(error.what)
"""


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(WdbcError) as refused:
        list(completed(Dask(computing(engine="dask")), squared, 3, [1], noun="squares"))
    assert "pip install 'wdbc_assets[dask]'" in refused.value.hint


def test_the_choice_depends_on_setting_and_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    auto = computing()
    assert isinstance(choice.engine(auto, rows=2_000_000), Local)
    assert isinstance(choice.engine(auto, rows=2_000_001), Dask)
    assert isinstance(choice.engine(computing(rows_in_memory=10), rows=11), Dask)
    assert isinstance(choice.engine(computing(engine="local"), rows=10**9), Local)
    assert isinstance(choice.engine(computing(engine="dask"), rows=0), Dask)
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    assert isinstance(choice.engine(auto, rows=2_000_001), Local)
