"""The service with a champion or challenger that would crash it, and with a hanging store."""

import dataclasses
import errno
import signal
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving.api import schemas
from wdbc_assets.serving.models import champion as watched
from wdbc_assets.serving.models.challenger import ChallengerRouter
from wdbc_assets.serving.models.champion import ChampionLoader, Rejection
from wdbc_assets.store import isolation
from wdbc_assets.store.manifest import stored_file, version_of
from wdbc_assets_tests import hostile
from wdbc_assets_tests.registry import promotions
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.models.test_champion import figure, version, with_file
from wdbc_assets_tests.serving.running import Service

ONE = {"patients": [schemas.EXAMPLE]}
TIMEOUT = 120.0  # a process that imports scikit-learn on a busy machine

HANGING = """
import os, pathlib, time
MARK = pathlib.Path(os.environ["HANGS_WHILE"])
def hanging(read):
    def wait(path, *arguments, **named):
        while "/results/" in str(path) and MARK.exists():
            time.sleep(0.05)
        return read(path, *arguments, **named)
    return wait
pathlib.Path.read_bytes = hanging(pathlib.Path.read_bytes)
os.open = hanging(os.open)
"""


def promote_hostile(folder: Path, kind: str) -> None:
    with_file(champions.bundle("svc"), folder, "pipeline.skops", lambda _: hostile.KINDS[kind](), whole=True)


@pytest.mark.fault("V19")
@pytest.mark.parametrize("kind", ["support_out_of_bounds", "nested_lists"])
def test_a_champion_that_would_crash_or_hang_is_rejected_and_workers_survive(tmp_path: Path, kind: str) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, "--workers", "2") as service:
        service.until(lambda: figure(service, "wdbc_champion{") == 2, TIMEOUT)
        before = service.workers
        promote_hostile(tmp_path, kind)
        service.until(lambda: "rejected" in service.ask("/health/ready").json["refresh"], TIMEOUT)
        service.until(lambda: figure(service, "wdbc_champion_refused") == 1, TIMEOUT)
        assert version(service) == first.version
        assert service.workers == before, "no worker died"
        scored = running.wdbc(tmp_path, "predict", str(patients_file(tmp_path)), "out.csv")
        assert scored.returncode == 1, scored.stderr
        assert scored.stderr.count("error:") == 1, scored.stderr
        assert "not a model file" in scored.stderr
        assert "Traceback" not in scored.stderr
        assert not (tmp_path / "out.csv").exists()
        second = champions.promote(tmp_path, champions.bundle("logistic", 43))
        service.until(lambda: version(service) == second.version, TIMEOUT)
        service.until(lambda: figure(service, "wdbc_champion_refused") == 0, TIMEOUT)


def patients_file(folder: Path) -> Path:
    path = folder / "patients.csv"
    rows = champions.patients(3)
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.fault("V12")
@pytest.mark.fault("V19")
def test_a_challenger_that_would_crash_the_worker_never_serves(tmp_path: Path) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    challenge_hostile(tmp_path, "support_out_of_bounds", share=0.9)
    with running.serving(tmp_path) as service:
        service.until(lambda: "the challenger was rejected" in log(tmp_path), TIMEOUT)
        assert all(version(service) == first.version for _ in range(20))
        assert service.ask("/v1/model").json["challenger"] is None


def challenge_hostile(folder: Path, kind: str, *, share: float) -> None:
    store = champions.store_in(folder)
    router = promotions.challenge(store, champions.bundle("svc"), recipe="svc", share=share)
    draft = store.draft("champion", champions.bundle("svc"), run_id="forged")
    contents = {**draft.contents, "pipeline.skops": hostile.KINDS[kind]()}
    files = {name: stored_file(content) for name, content in contents.items()}
    manifest = dataclasses.replace(router.challenger, files=files, version=version_of(files))
    store.write(dataclasses.replace(draft, contents=contents, manifest=manifest))
    forged = dataclasses.replace(router, challenger=manifest)
    (folder / "results/champion/experiment.json").write_bytes(forged.to_json())


def log(folder: Path) -> str:
    path = folder / "wdbc.jsonl"
    return path.read_text() if path.exists() else ""


# Rejections with a transient cause

PASSING = [MemoryError(), OSError(errno.EMFILE, "Too many open files"), ImportError(), isolation.NotTried("later")]


def failing_once(error: Exception, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make the first load of a bundle fail in the given way, and shorten the pauses."""
    tries: list[int] = []
    opened = watched.load_model

    def fail(contents: dict[str, bytes]) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise error
        return opened(contents)

    monkeypatch.setattr(watched, "load_model", fail)
    monkeypatch.setattr("wdbc_assets.serving.models.challenger.load_model", fail)
    monkeypatch.setattr(watched, "_FIRST_PAUSE", 0.0)
    return tries


@pytest.mark.fault("V08")
@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_a_rejection_with_a_transient_cause_is_retried(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_once(error, monkeypatch)
    first = champions.promote(tmp_path, champions.bundle())
    champion = ChampionLoader(champions.store_in(tmp_path))
    champion.poll()
    assert champion.loaded is None
    assert "rejected" in champion.refresh
    champion.poll()
    assert champion.current().served.version == first.version
    assert champion.refresh == watched.OK


@pytest.mark.fault("V08")
def test_a_permanent_rejection_is_not_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = failing_once(WdbcError("it is none"), monkeypatch)
    champions.promote(tmp_path, champions.bundle())
    champion = ChampionLoader(champions.store_in(tmp_path))
    for _ in range(3):
        champion.poll()
    assert len(tries) == 1
    assert "it is none" in champion.refresh


@pytest.mark.fault("V12")
@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_a_challenger_rejected_for_a_transient_cause_is_retried(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_once(error, monkeypatch)
    champions.promote(tmp_path, champions.bundle())
    champions.challenge(tmp_path, champions.bundle("logistic", 43), share=0.5)
    router = ChallengerRouter(champions.store_in(tmp_path))
    router.poll()
    assert router.variant is None
    router.poll()
    assert router.variant is not None


def test_retry_pauses_grow_up_to_a_minute() -> None:
    refusal, pauses = None, []
    for _ in range(8):
        refusal = Rejection.after(refusal, "version", MemoryError())
        pauses.append(refusal.pause)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert Rejection.after(refusal, "another", MemoryError()).pause == 1


# A hanging store


@pytest.fixture
def hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A marker file: while it exists, the service cannot read any file of the store."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HANGING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("HANGS_WHILE", str(tmp_path / "hangs"))
    return tmp_path / "hangs"


def stale(service: Service) -> bool:
    return figure(service, "wdbc_champion_stale") == 1


@pytest.mark.fault("F14")
@pytest.mark.parametrize("workers_", ["1", "2"])
def test_a_hanging_store_is_reported_and_polled_again_and_sigterm_works(
    tmp_path: Path, hangs: Path, workers_: str
) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, "--workers", workers_) as service:
        service.until(lambda: figure(service, "wdbc_champion{") == int(workers_), TIMEOUT)
        hangs.touch()
        service.until(lambda: stale(service), TIMEOUT)
        service.until(lambda: "store is unavailable" in service.ask("/health/ready").json["refresh"], TIMEOUT)
        assert version(service) == first.version
        hangs.unlink()
        second = champions.promote(tmp_path, champions.bundle("logistic", 43))
        service.until(lambda: version(service) == second.version, TIMEOUT)
        service.until(lambda: not stale(service), TIMEOUT)
        hangs.touch()
        service.until(lambda: stale(service), TIMEOUT)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 0


@pytest.mark.fault("F14")
def test_with_a_hanging_store_the_service_starts_but_is_not_ready(tmp_path: Path, hangs: Path) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    hangs.touch()
    with running.serving(tmp_path) as service:
        refused = service.ask("/health/ready")
        assert refused.status == 503
        assert "store is unavailable" in refused.json["detail"]
        assert stale(service)
        hangs.unlink()
        service.until(lambda: service.ask("/health/ready").status == 200, TIMEOUT)
        assert version(service) == first.version
